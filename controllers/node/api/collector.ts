import { messageOf } from '@skyarc/lib/errors';
import type { NewFrame } from '@skyarc/lib/eventlog-client';
import type { KubeClient } from '@skyarc/lib/kube';
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

/** One run of a container: the same restart count of the same container of the same pod. */
interface Run {
  readonly pod: PodInfo;
  readonly container: string;
  readonly restartCount: number;
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
        const count = started ? restartCount : restartCount - 1;
        const key = `${pod.uid}/${container}`;
        if (count < 0 || this.following.has(key)) continue;
        if (this.position({ pod, container, restartCount: count }).done) continue;
        const following = this.followRuns(pod, container, count, signal)
          .catch((error: unknown) => {
            if (!signal.aborted)
              log.warn({ pod: pod.name, container, reason: messageOf(error) }, 'cannot follow');
          })
          .finally(() => {
            this.following.delete(key);
            // The next run may have begun meanwhile.
            setImmediate(() => this.followNew(signal));
          });
        this.following.set(key, following);
      }
    }
  }

  /** The run before, as far as the node still has it, then the present one. */
  private async followRuns(
    pod: PodInfo,
    container: string,
    restartCount: number,
    signal: AbortSignal,
  ): Promise<void> {
    if (restartCount > 0) {
      const previous = { pod, container, restartCount: restartCount - 1 };
      if (!this.position(previous).done) {
        await this.collect(previous, { previous: true }, signal).catch(() => undefined);
        this.finish(previous);
      }
    }
    const run = { pod, container, restartCount };
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      const startedAt = Date.now();
      const problem = await this.collect(run, { previous: false }, signal).catch((error: unknown) => error);
      const now = this.statusOf(run);
      // A log that ends of a run that has ended is complete; any other end is a lost connection.
      const isOver =
        !now || now.restartCount > restartCount || (now.ended && now.restartCount === restartCount);
      if (isOver && !problem) {
        this.finish(run);
        return;
      }
      if (isOver && attempt >= 5) throw problem;
      if (Date.now() - startedAt > 5_000) attempt = 1;
      await sleep(backoffMs(attempt, 100, 5_000), signal).catch(() => undefined);
    }
  }

  private async collect(run: Run, { previous }: { previous: boolean }, signal: AbortSignal): Promise<void> {
    const { kube, ship, positions } = this.options;
    const ref = { namespace: run.pod.namespace, pod: run.pod.name, container: run.container };
    const before = this.position(run).place;
    // From a whole second on, places are the same as when the run is read from its beginning.
    const sinceSecond = Math.floor(before / 1_000_000);
    let place = 0;
    for await (const lines of openLog(kube, ref, { previous, sinceSecond, signal })) {
      const frames: NewFrame[] = [];
      for (const line of lines) {
        place = placeAfter(place, line);
        if (place > before) frames.push(frameOf(run.pod, run, line, place));
      }
      if (frames.length === 0) continue;
      await ship(frames);
      positions.set(nameOf(run), { place });
    }
  }

  private statusOf(run: Run): ContainerInfo | undefined {
    return this.options.pods.find(run.pod.uid)?.containers.find(({ name }) => name === run.container);
  }

  private position(run: Run): { place: number; done?: boolean } {
    return this.options.positions.get(nameOf(run)) ?? { place: 0 };
  }

  private finish(run: Run): void {
    this.options.positions.set(nameOf(run), { ...this.position(run), done: true });
  }

  private forgetGone(): void {
    const { pods, positions } = this.options;
    for (const name of positions.names()) if (!pods.find(name.split('/')[0] ?? '')) positions.delete(name);
  }
}

function nameOf({ pod, container, restartCount }: Run): string {
  return `${pod.uid}/${container}/${restartCount}`;
}
