import { opendir, lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '@skyarc/lib/errors';
import type { KindTable, Term } from '@skyarc/lib/kube';
import { repeat, sleep } from '@skyarc/lib/retry';
import type { WorkerContext } from '../context.ts';
import { folderOf, isOurs } from '../provisioner/classes.ts';
import type { Provisioner } from '../provisioner/provisioner.ts';
import { volumeLabel } from '../render/labels.ts';
import { bytesOf } from '../render/quantities.ts';
import { writeFenced } from './fence.ts';

type Volume = KindTable['persistentvolumes'];

/** Files looked at in one go, and how much longer the disk then rests than it was busy. */
const burst = 500;
const restFactor = 4;

/**
 * Counts the bytes of every volume, one after the other, with rests, so that a volume of millions of files
 * takes long and not the disk. There are no project quotas for plain folders: what is used beyond the size
 * that was asked for is told, not refused.
 */
export class UsageCounter {
  private readonly context: WorkerContext;
  private readonly provisioner: Pick<Provisioner, 'volumes'>;
  private readonly term: Term;
  private readonly told = new Set<string>();

  constructor(context: WorkerContext, provisioner: Pick<Provisioner, 'volumes'>, term: Term) {
    this.context = context;
    this.provisioner = provisioner;
    this.term = term;
  }

  /** Until the term is over. */
  run(): Promise<void> {
    const { config, log } = this.context;
    return repeat(() => this.countAll(), {
      everyMs: config.storage.countEveryMs,
      signal: this.term.signal,
      onError: (error) => log.warn({ reason: messageOf(error) }, 'cannot count volumes'),
    });
  }

  private async countAll(): Promise<void> {
    const ours = this.provisioner.volumes.list().filter(isOurs);
    const byVolume = Map.groupBy(ours, ({ metadata }) => metadata?.labels?.[volumeLabel] ?? '');
    for (const [id, volumes] of byVolume) {
      let bytes = 0;
      for (const volume of volumes) {
        const used = await usedBytes(folderOf(volume) ?? '', this.term.signal);
        await this.tellOverUse(volume, used);
        bytes += used;
      }
      if (!id) continue;
      await writeFenced(this.context.db, this.term.token, (tx) =>
        tx.volume.updateMany({ where: { id }, data: { usedBytes: BigInt(bytes), usedAt: new Date() } }),
      );
    }
  }

  private async tellOverUse(volume: Volume, used: number): Promise<void> {
    const { name = '' } = volume.metadata ?? {};
    const limit = bytesOf(volume.spec?.capacity?.['storage']);
    if (used <= limit) {
      this.told.delete(name);
      return;
    }
    if (this.told.has(name)) return;
    this.told.add(name);
    const { name: claim, namespace, uid } = volume.spec?.claimRef ?? {};
    const message = `The volume holds ${megabytes(used)} MB, more than the ${megabytes(limit)} MB that were asked for`;
    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    this.term.check();
    await this.context.kube.create('events', {
      metadata: { name: `${claim}.${Date.now().toString(16)}`, namespace },
      involvedObject: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: claim, namespace, uid },
      type: 'Warning',
      reason: 'VolumeOverUsed',
      message,
      source: { component: 'skyarc-worker' },
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    });
  }
}

/** Bytes that a folder takes on the disk; a file with several names counts once. */
export async function usedBytes(folder: string, signal: AbortSignal): Promise<number> {
  const seen = new Set<string>();
  const left = [folder];
  let bytes = 0;
  let looked = 0;
  let busySince = performance.now();
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const entries = await opendir(next).catch(() => undefined);
    if (!entries) continue;
    for await (const entry of entries) {
      const path = join(next, entry.name);
      // Files come and go while we count.
      const found = await lstat(path).catch(() => undefined);
      if (!found) continue;
      const key = `${found.dev}:${found.ino}`;
      const isCounted = found.nlink > 1 && !found.isDirectory() && seen.has(key);
      if (!isCounted) bytes += found.blocks * 512;
      if (found.nlink > 1 && !found.isDirectory()) seen.add(key);
      if (entry.isDirectory()) left.push(path);
      looked += 1;
      if (looked % burst > 0) continue;
      await sleep((performance.now() - busySince) * restFactor, signal);
      busySince = performance.now();
    }
  }
  return bytes;
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
