import { readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import type { KubeletConfig } from '../config.ts';
import type { CriClient } from '../cri/client.ts';
import { listLogFiles, rotationStamp } from './files.ts';

export interface LogKeeperOptions {
  readonly config: Pick<KubeletConfig, 'podLogRoot' | 'logs'>;
  readonly cri: CriClient;
  readonly log: Logger;
  /** Uids of the pods on this node; undefined while they are not known yet. */
  readonly podUids: () => ReadonlySet<string> | undefined;
}

/** Rotates logs that have grown, and removes those of pods that have been gone for long enough. */
export class LogKeeper {
  private readonly options: LogKeeperOptions;

  constructor(options: LogKeeperOptions) {
    this.options = options;
  }

  async sweep(): Promise<void> {
    await this.rotateGrown();
    await this.removeGone();
  }

  private async rotateGrown(): Promise<void> {
    const { cri, config, log } = this.options;
    const { containers } = await cri.call('ListContainers', {});
    for (const { id, state } of containers) {
      if (state !== 'CONTAINER_RUNNING') continue;
      try {
        const { status } = await cri.call('ContainerStatus', { containerId: id });
        const { size } = await stat(status.logPath);
        if (size > config.logs.maxBytes) await this.rotate(id, status.logPath);
      } catch (error) {
        log.warn({ containerId: id, reason: messageOf(error) }, 'cannot rotate a container log');
      }
    }
  }

  /** Moves the current file aside and has the runtime begin a new one; readers follow by inode. */
  private async rotate(containerId: string, logPath: string): Promise<void> {
    const rotated = `${logPath}.${rotationStamp(new Date())}`;
    await rename(logPath, rotated);
    try {
      await this.options.cri.call('ReopenContainerLog', { containerId });
    } catch (error) {
      await rename(rotated, logPath);
      throw error;
    }
    const old = (await listLogFiles(logPath)).filter((file) => file !== logPath);
    for (const file of old.slice(0, Math.max(0, old.length - (this.options.config.logs.maxFiles - 1)))) {
      await rm(file, { force: true });
    }
  }

  /** Of each container the newest two runs stay: the current one and the one before. */
  private async removeOldRuns(folder: string): Promise<void> {
    for (const container of await readdir(folder)) {
      const names = await readdir(join(folder, container)).catch((): string[] => []);
      const newest = Math.max(...names.map(runOf));
      for (const name of names.filter((each) => runOf(each) < newest - 1)) {
        const file = join(folder, container, name);
        if (Date.now() - (await stat(file)).mtimeMs > this.options.config.logs.keepMs) await rm(file);
      }
    }
  }

  private async removeGone(): Promise<void> {
    const { podLogRoot, logs } = this.options.config;
    const known = this.options.podUids();
    if (!known) return;
    for (const name of await readdir(podLogRoot).catch(() => [])) {
      const uid = name.split('_')[2];
      if (uid === undefined) continue;
      const folder = join(podLogRoot, name);
      const { mtimeMs } = await stat(folder);
      // The folder's own time is that of the last look which found its pod alive.
      if (known.has(uid)) {
        await utimes(folder, new Date(), new Date());
        await this.removeOldRuns(folder);
      } else if (Date.now() - mtimeMs > logs.keepMs) await rm(folder, { recursive: true, force: true });
    }
  }
}

/** The run that a log file is of: `3` of `3.log` and `3.log.20260101-120000.000`. */
function runOf(name: string): number {
  return Number.parseInt(name, 10);
}
