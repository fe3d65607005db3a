import { type FSWatcher, watch } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '@skyarc/lib/errors';
import type { NewFrame } from '@skyarc/lib/eventlog-client';
import { createLogger } from '@skyarc/lib/log';
import { sleep } from '@skyarc/lib/retry';
import type { PodSource } from '../pods.ts';
import type { Positions } from '../positions.ts';
import { ContainerTail } from './container-tail.ts';

export interface FileCollectorOptions {
  readonly podLogRoot: string;
  readonly scanEveryMs: number;
  readonly pods: PodSource;
  readonly positions: Positions;
  readonly ship: (frames: readonly NewFrame[]) => Promise<void>;
}

interface Followed {
  readonly tail: ContainerTail;
  readonly watcher: FSWatcher | undefined;
}

const log = createLogger('node');

/**
 * Follows the log files of our pods' containers. The kernel tells of changes; a regular scan finds what it
 * did not tell. Lines of a pod wait in their file until the pod's labels are known.
 */
export class FileCollector {
  private readonly options: FileCollectorOptions;
  private readonly followed = new Map<string, Followed>();
  private readonly podWatchers = new Map<string, FSWatcher | undefined>();
  private scanning: Promise<void> | undefined;
  private readonly finishing = new Set<Promise<void>>();
  private scanAgain = false;

  constructor(options: FileCollectorOptions) {
    this.options = options;
  }

  /** Collects until the signal fires, then finishes what it is reading. */
  async run(signal: AbortSignal): Promise<void> {
    await mkdir(this.options.podLogRoot, { recursive: true });
    const root = this.watchFolder(this.options.podLogRoot, () => this.scan(signal));
    const unsubscribe = this.options.pods.onChange(() => this.scan(signal));
    while (!signal.aborted) {
      this.scan(signal);
      for (const { tail } of this.followed.values()) tail.wake();
      await sleep(this.options.scanEveryMs, signal).catch(() => undefined);
    }
    unsubscribe();
    root?.close();
    await this.scanning;
    for (const watcher of this.podWatchers.values()) watcher?.close();
    for (const folder of this.followed.keys()) this.unfollow(folder);
    await Promise.all(this.finishing);
  }

  private scan(signal: AbortSignal): void {
    this.scanAgain = true;
    this.scanning ??= (async () => {
      while (this.scanAgain && !signal.aborted) {
        this.scanAgain = false;
        await this.scanOnce(signal);
      }
    })()
      .catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'cannot scan the log folders'))
      .finally(() => {
        this.scanning = undefined;
      });
  }

  private async scanOnce(signal: AbortSignal): Promise<void> {
    const { podLogRoot, pods, positions } = this.options;
    const seen = new Set<string>();
    const uids = new Set<string>();
    const podFolders = new Set<string>();
    for (const podFolder of await readdir(podLogRoot)) {
      const uid = podFolder.slice(podFolder.lastIndexOf('_') + 1);
      uids.add(uid);
      const pod = pods.find(uid);
      if (!pod) continue;
      podFolders.add(podFolder);
      const path = join(podLogRoot, podFolder);
      if (!this.podWatchers.has(podFolder)) {
        this.podWatchers.set(
          podFolder,
          this.watchFolder(path, () => this.scan(signal)),
        );
      }
      for (const container of await readdir(path).catch(() => [])) {
        const folder = join(path, container);
        seen.add(folder);
        if (!this.followed.has(folder))
          this.follow(folder, { ...this.options, pod, container, folder, signal });
      }
    }
    for (const folder of this.followed.keys()) if (!seen.has(folder)) this.unfollow(folder);
    for (const name of positions.names()) if (!uids.has(name.split('/')[0] ?? '')) positions.delete(name);
    for (const [folder, watcher] of this.podWatchers) {
      if (podFolders.has(folder)) continue;
      watcher?.close();
      this.podWatchers.delete(folder);
    }
  }

  private follow(folder: string, options: ConstructorParameters<typeof ContainerTail>[0]): void {
    const tail = new ContainerTail(options);
    this.followed.set(folder, { tail, watcher: this.watchFolder(folder, () => tail.wake()) });
    tail.wake();
  }

  private unfollow(folder: string): void {
    const followed = this.followed.get(folder);
    this.followed.delete(folder);
    followed?.watcher?.close();
    const finished = followed?.tail.finish().finally(() => this.finishing.delete(finished as Promise<void>));
    if (finished) this.finishing.add(finished);
  }

  /** Undefined when the folder is gone or the kernel has no watch left: the scan does it then. */
  private watchFolder(folder: string, onChange: () => void): FSWatcher | undefined {
    try {
      return watch(folder, { persistent: false }, onChange).on('error', () => undefined);
    } catch (error) {
      log.debug({ folder, reason: messageOf(error) }, 'no watch');
      return undefined;
    }
  }
}
