import { isNotFound, messageOf } from '@skyarc/lib/errors';
import type { NewFrame } from '@skyarc/lib/eventlog-client';
import { type KubeClient } from '@skyarc/lib/kube';
import { createLogger } from '@skyarc/lib/log';
import { backoffMs, sleep } from '@skyarc/lib/retry';
import { frameOf, placeAfter } from '../lines.ts';
import type { ContainerInfo, PodInfo, PodSource } from '../pods.ts';
import type { Positions } from '../positions.ts';
import { openLog } from './log-lines.ts';

export interface ApiCollectorOptions {
  readonly kube: KubeClient;
  readonly pods: PodSource;
  readonly positions: Positions;
  readonly ship: (frames: readonly NewFrame[]) => Promise<void>;
}

interface Container {
  readonly pod: PodInfo;
  readonly container: string;
}

const log = createLogger('node');

/** Follows our pods' containers by the Kubernetes log API; one run of a container after the other. */
export class ApiCollector {
  private readonly options: ApiCollectorOptions;
  private readonly following = new Map<string, Promise<void>>();

  constructor(options: ApiCollectorOptions) {
    this.options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { pods } = this.options;
    const unsubscribe = pods.onChange(() => this.followNew(signal));
    while (!signal.aborted) {
      this.followNew(signal);
      this.forgetGone();
      await sleep(10_000, signal).catch(() => undefined);
    }
    unsubscribe();
    await Promise.all(this.following.values());
  }

  private followNew(signal: AbortSignal): void {
    if (signal.aborted) return;
    for (const pod of this.options.pods.list()) {
      for (const { name: container, restartCount, started } of pod.containers) {
        const followed = { pod, container };
        const name = nameOf(followed);
        const run = started ? restartCount : restartCount - 1;
        if (run < this.runsOf(followed) || this.following.has(name)) continue;
        const following = this.follow(followed, run, signal)
          .catch((error: unknown) => {
            if (!signal.aborted)
              log.warn({ pod: pod.name, container, reason: messageOf(error) }, 'cannot follow');
          })
          .finally(() => {
            this.following.delete(name);
            // The next run may have begun meanwhile.
            setImmediate(() => this.followNew(signal));
          });
        this.following.set(name, following);
      }
    }
  }

  /** One run to its end, after the run before it, as far as the node still has that. */
  private async follow(followed: Container, run: number, signal: AbortSignal): Promise<void> {
    if (run > this.runsOf(followed)) {
      await this.collect(followed, { previous: true }, signal).catch(() => undefined);
      this.finish(followed, run);
    }
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      const startedAt = Date.now();
      const problem = await this.collect(followed, { previous: false }, signal).catch(
        (error: unknown) => error,
      );
      const now = this.statusOf(followed);
      // A log that ends of a run that has ended is complete; any other end is a lost connection.
      const isOver = !now || now.restartCount > run || (now.ended && now.restartCount === run);
      // Of a pod that is gone no more lines can be had, complete or not.
      if ((isOver && !problem) || isNotFound(problem)) {
        this.finish(followed, run + 1);
        return;
      }
      if (isOver && attempt >= 5) throw problem;
      if (Date.now() - startedAt > 5_000) attempt = 1;
      await sleep(backoffMs(attempt, 100, 5_000), signal).catch(() => undefined);
    }
  }

  private async collect(
    followed: Container,
    { previous }: { previous: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const { kube, ship, positions } = this.options;
    const { pod, container } = followed;
    const name = nameOf(followed);
    const before = positions.get(name)?.place ?? 0;
    // From a whole second on, places are the same as when everything is read from its beginning.
    const sinceSecond = Math.floor(before / 1_000_000);
    const ref = { namespace: pod.namespace, pod: pod.name, container };
    let place = 0;
    for await (const lines of openLog(kube, ref, { previous, sinceSecond, signal })) {
      const frames: NewFrame[] = [];
      for (const line of lines) {
        place = placeAfter(place, line);
        if (place > before) frames.push(frameOf(pod, container, line, place));
      }
      if (frames.length === 0) continue;
      await ship(frames);
      positions.set(name, { ...positions.get(name), place });
    }
  }

  private statusOf({ pod, container }: Container): ContainerInfo | undefined {
    return this.options.pods.find(pod.uid)?.containers.find(({ name }) => name === container);
  }

  private runsOf(followed: Container): number {
    return this.options.positions.get(nameOf(followed))?.runs ?? 0;
  }

  private finish(followed: Container, runs: number): void {
    const name = nameOf(followed);
    this.options.positions.set(name, { place: 0, ...this.options.positions.get(name), runs });
  }

  private forgetGone(): void {
    const { pods, positions } = this.options;
    for (const name of positions.names()) if (!pods.find(name.split('/')[0] ?? '')) positions.delete(name);
  }
}

function nameOf({ pod, container }: Container): string {
  return `${pod.uid}/${container}`;
}
