import { runtimeTask } from '@skyarc/lib/contracts';
import { messageOf } from '@skyarc/lib/errors';
import { repeat } from '@skyarc/lib/retry';
import { OperationJournal } from '@skyarc/prisma/datacenter';
import type { WorkerContext } from './context.ts';

/** Whoever works on an operation ends it at its deadline by itself; so long is that left to them. */
const graceMs = 15_000;

/** Gives every operation a final state, also those that nobody works on any more. */
export class Sweeper {
  private readonly context: WorkerContext;
  private readonly stopping = new AbortController();
  private loop: Promise<void> = Promise.resolve();

  constructor(context: WorkerContext) {
    this.context = context;
  }

  start(): void {
    this.loop = this.sweepRegularly();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.loop;
  }

  /** Ends the operation of a task that was given up by the queue. */
  async bury(body: unknown): Promise<void> {
    const task = runtimeTask.safeParse(body);
    if (!task.success) return;
    const journal = await OperationJournal.open(this.context.db, task.data.operationId, this.context.sink);
    await journal?.finish(
      'FAILED',
      'It was tried several times and could not be carried out; the log has the details',
    );
  }

  private sweepRegularly(): Promise<void> {
    const { config, log } = this.context;
    return repeat(() => this.sweep(), {
      everyMs: config.sweepEveryMs,
      signal: this.stopping.signal,
      restsFirst: true,
      onError: (error) => log.warn({ reason: messageOf(error) }, 'cannot look for overdue operations'),
    });
  }

  private async sweep(): Promise<void> {
    const { db, sink } = this.context;
    const overdue = await db.operation.findMany({
      where: {
        status: { in: ['QUEUED', 'RUNNING'] },
        deadlineAt: { lt: new Date(Date.now() - graceMs) },
      },
      select: { id: true },
      take: 100,
    });
    for (const { id } of overdue) {
      const journal = await OperationJournal.open(db, id, sink);
      await journal?.finish('TIMED_OUT', 'The operation did not end within its time');
    }
  }
}
