import { messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import type { MqClient } from '@skyarc/lib/mq-client';
import { sleep } from '@skyarc/lib/retry';
import { type DataCenterDatabase, relayOutbox } from '@skyarc/prisma/datacenter';

/** Carries tasks from the database to the queue: at once when told, and regularly for those left over. */
export class OutboxRelay {
  /** Why the last attempt failed; undefined when it succeeded. */
  problem: string | undefined;
  private readonly deps: { db: DataCenterDatabase; mq: MqClient; log: Logger; everyMs: number };
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private wake: (() => void) | undefined;

  constructor(deps: OutboxRelay['deps']) {
    this.deps = deps;
  }

  start(): void {
    this.running ??= this.loop();
  }

  /** There is something to carry now. */
  kick(): void {
    this.wake?.();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake?.();
    await this.running;
  }

  private async loop(): Promise<void> {
    const { db, mq, log, everyMs } = this.deps;
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => (this.wake = resolve));
      try {
        await relayOutbox(db, (task) => mq.publish(task, signal));
        this.problem = undefined;
      } catch (error) {
        if (signal.aborted) return;
        const problem = `Tasks wait for the queue: ${messageOf(error)}`;
        if (this.problem !== problem)
          log.warn({ reason: messageOf(error) }, 'cannot publish tasks, will try again');
        this.problem = problem;
      }
      await Promise.race([woken, sleep(everyMs, signal).catch(() => undefined)]);
    }
  }
}
