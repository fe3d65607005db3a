import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { run } from '@skyarc/lib/process';
import type { KubeClient } from '../../client/index.ts';
import type { CriClient } from '../cri/client.ts';
import { hasEnded, identityOf, specOf, type Pod } from '../pod.ts';
import { podLabels, podLogFolder } from '../render/sandbox.ts';
import { findClaimedFolder } from '../volumes/claims.ts';

export interface DiskMeterOptions {
  readonly cri: CriClient;
  readonly client: KubeClient;
  readonly podLogRoot: string;
  readonly everyMs: number;
  readonly log: Logger;
  readonly pods: () => readonly Pod[];
  readonly podFolder: (pod: Pod) => string;
}

export interface VolumeUsage {
  readonly name: string;
  /** Of a persistent volume claim in the pod's namespace. */
  readonly claimName?: string;
  /** Held in memory: it takes no disk. */
  readonly isMemory: boolean;
  readonly usedBytes: number;
  /** Of the file system that it lies on. */
  readonly capacityBytes: number;
  readonly availableBytes: number;
}

export interface ContainerDiskUsage {
  /** Written by the container over its image. */
  readonly rootBytes: number;
  readonly logBytes: number;
}

export interface PodDiskUsage {
  readonly pod: Pod;
  readonly containers: ReadonlyMap<string, ContainerDiskUsage>;
  readonly volumes: readonly VolumeUsage[];
  /** Writable layers, logs and emptyDirs on disk together. */
  readonly ephemeralBytes: number;
}

interface Measured {
  readonly bytes: number;
  readonly nextAtMs: number;
}

/** A folder is not walked again before this many times the last walk took: large ones are walked seldom. */
const restFactor = 20;
/** Claims bound nothing, and are often large. */
const claimRestMs = 60_000;
const walkTimeoutMs = 300_000;

/** Counts what pods take of the disk. */
export class DiskMeter {
  private readonly options: DiskMeterOptions;
  private readonly measured = new Map<string, Measured>();
  private found: ReadonlyMap<string, PodDiskUsage> = new Map();

  constructor(options: DiskMeterOptions) {
    this.options = options;
  }

  /** By pod uid, as of the last measure. */
  get usages(): ReadonlyMap<string, PodDiskUsage> {
    return this.found;
  }

  async measure(): Promise<void> {
    const pods = this.options.pods().filter((pod) => !hasEnded(pod));
    const { stats } = await this.options.cri.call('ListContainerStats', {});
    const rootBytes = new Map<string, Map<string, number>>();
    for (const { attributes, writableLayer } of stats) {
      const uid = attributes.labels[podLabels.uid] ?? '';
      const own = rootBytes.get(uid) ?? new Map<string, number>();
      const name = attributes.labels[podLabels.container] ?? '';
      own.set(name, (own.get(name) ?? 0) + Number(writableLayer?.usedBytes?.value ?? 0));
      rootBytes.set(uid, own);
    }
    const found = new Map<string, PodDiskUsage>();
    for (const pod of pods) {
      const { uid } = identityOf(pod);
      found.set(uid, await this.measurePod(pod, rootBytes.get(uid) ?? new Map()));
    }
    this.found = found;
    const isKnown = (path: string) => [...found.keys()].some((uid) => path.includes(uid));
    for (const [path, { nextAtMs }] of this.measured)
      if (!isKnown(path) && nextAtMs + 10 * this.options.everyMs < Date.now()) this.measured.delete(path);
  }

  private async measurePod(pod: Pod, rootBytes: ReadonlyMap<string, number>): Promise<PodDiskUsage> {
    const logFolder = podLogFolder(this.options.podLogRoot, identityOf(pod));
    const { containers: regular, initContainers = [], ephemeralContainers = [] } = specOf(pod);
    const containers = new Map<string, ContainerDiskUsage>();
    for (const { name } of [...initContainers, ...regular, ...ephemeralContainers]) {
      const logBytes = await sizeOfFiles(join(logFolder, name));
      containers.set(name, { rootBytes: rootBytes.get(name) ?? 0, logBytes });
    }
    const volumes: VolumeUsage[] = [];
    for (const volume of specOf(pod).volumes ?? []) {
      const usage = await this.measureVolume(pod, volume).catch((error: unknown) => {
        const facts = { volume: volume.name, pod: pod.metadata?.name, reason: messageOf(error) };
        this.options.log.debug(facts, 'cannot measure a volume');
      });
      if (usage) volumes.push(usage);
    }
    const ofContainers = [...containers.values()].reduce(
      (sum, each) => sum + each.rootBytes + each.logBytes,
      0,
    );
    const ofVolumes = volumes
      .filter(({ claimName, isMemory }) => claimName === undefined && !isMemory)
      .reduce((sum, { usedBytes }) => sum + usedBytes, 0);
    return { pod, containers, volumes, ephemeralBytes: ofContainers + ofVolumes };
  }

  private async measureVolume(
    pod: Pod,
    volume: NonNullable<ReturnType<typeof specOf>['volumes']>[number],
  ): Promise<VolumeUsage | undefined> {
    const claimName = volume.persistentVolumeClaim?.claimName;
    if (!volume.emptyDir && claimName === undefined) return undefined;
    const path =
      claimName === undefined
        ? join(this.options.podFolder(pod), 'volumes', volume.name)
        : await findClaimedFolder(this.options.client, identityOf(pod).namespace, claimName);
    const { everyMs } = this.options;
    const isMemory = volume.emptyDir?.medium === 'Memory';
    const { blocks, bavail, bfree, bsize } = await statfs(path);
    return {
      name: volume.name,
      ...(claimName === undefined ? {} : { claimName }),
      isMemory,
      usedBytes: isMemory
        ? (blocks - bfree) * bsize
        : await this.sizeOfTree(path, claimName === undefined ? everyMs * 0.9 : claimRestMs),
      capacityBytes: blocks * bsize,
      availableBytes: bavail * bsize,
    };
  }

  private async sizeOfTree(path: string, minRestMs: number): Promise<number> {
    const known = this.measured.get(path);
    if (known && known.nextAtMs > Date.now()) return known.bytes;
    const startedAt = Date.now();
    // It fails on a file that goes while it walks, and tells the sum all the same.
    const { stdout } = await run('du', ['--summarize', '--block-size=1', '--one-file-system', '--', path], {
      timeoutMs: walkTimeoutMs,
    });
    const bytes = Number.parseInt(stdout, 10) || 0;
    const restMs = Math.max(minRestMs, (Date.now() - startedAt) * restFactor);
    this.measured.set(path, { bytes, nextAtMs: Date.now() + restMs });
    return bytes;
  }
}

async function sizeOfFiles(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder).catch((): string[] => [])) {
    bytes += (await stat(join(folder, name)).catch(() => ({ size: 0 }))).size;
  }
  return bytes;
}
