import {
  type ChangeNotice,
  isFinal,
  type LogLevel,
  type OperationStatus,
  type OperationStepName,
} from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import type { Operation } from '../generated/datacenter/client.ts';
import type { DataCenterDatabase, DataCenterTransaction } from './open.ts';

/** Where a journal tells of changes; both only queue and never throw. */
export interface JournalSink {
  /** A line of the operation's own log. */
  say(operationId: string, text: string, level: LogLevel): void;
  /** A change that readers of the team's `changes` stream should look at. */
  notify(team: string, notice: ChangeNotice): void;
}

/** The statuses that a step may end with, and what it says of the ones behind it. */
type StepEnd = Extract<OperationStatus, 'SUCCEEDED' | 'FAILED' | 'CANCELED' | 'TIMED_OUT'>;

/**
 * The only way to change an operation after it was created. Every method may be called again after a
 * crash: what is final stays as it is, and a step that succeeded is not begun a second time.
 */
export class OperationJournal {
  readonly operation: Operation;
  private readonly db: DataCenterDatabase;
  private readonly sink: JournalSink;

  private constructor(db: DataCenterDatabase, sink: JournalSink, operation: Operation) {
    this.db = db;
    this.sink = sink;
    this.operation = operation;
  }

  /** Null when the operation is final already (a task handed out twice) or gone. */
  static async open(
    db: DataCenterDatabase,
    operationId: string,
    sink: JournalSink,
  ): Promise<OperationJournal | null> {
    const operation = await db.operation.findUnique({ where: { id: operationId } });
    if (!operation || isFinal(operation.status as OperationStatus)) return null;
    return new OperationJournal(db, sink, operation);
  }

  /** QUEUED becomes RUNNING; with a limit its time begins now. */
  async start(limitMs?: number): Promise<void> {
    const now = new Date();
    const deadline = limitMs === undefined ? {} : { deadlineAt: new Date(now.getTime() + limitMs) };
    const { count } = await this.db.operation.updateMany({
      where: { id: this.operation.id, status: 'QUEUED' },
      data: { status: 'RUNNING', startedAt: now, ...deadline },
    });
    if (count > 0) this.notify();
  }

  /**
   * Runs one step and records its beginning and end; an error marks it with the status that its code
   * stands for and goes on to the caller. `run` may answer the step's closing sentence.
   */
  async step(name: OperationStepName, run: () => Promise<string | void>): Promise<void> {
    const where = { operationId: this.operation.id, name };
    const { count } = await this.db.operationStep.updateMany({
      where: { ...where, operation: { cancelRequested: false } },
      data: { status: 'RUNNING', startedAt: new Date(), finishedAt: null, message: null },
    });
    if (count === 0) await this.throwIfCanceled();
    this.notify();
    try {
      const message = await run();
      await this.endStep(where, 'SUCCEEDED', message ?? null);
    } catch (error) {
      const known = error instanceof AppError ? error : undefined;
      await this.endStep(where, endOf(known), known?.message ?? 'Something went wrong on our side');
      throw error;
    }
  }

  /** Ends steps that have nothing to do, all at once. */
  async skip(names: readonly OperationStepName[], message: string): Promise<void> {
    const now = new Date();
    await this.db.operationStep.updateMany({
      where: { operationId: this.operation.id, name: { in: [...names] } },
      data: { status: 'SUCCEEDED', startedAt: now, finishedAt: now, message },
    });
    this.notify();
  }

  /** True when the step has succeeded before, in an earlier hand-out of the same task. */
  async isDone(name: OperationStepName): Promise<boolean> {
    const step = await this.db.operationStep.findUnique({
      where: { operationId_name: { operationId: this.operation.id, name } },
    });
    return step?.status === 'SUCCEEDED';
  }

  /** A sentence in the operation's log. */
  say(text: string, level: LogLevel = 'info'): void {
    this.sink.say(this.operation.id, text, level);
  }

  /** Throws CANCELED once someone asked for it. */
  async throwIfCanceled(): Promise<void> {
    const reason = await this.cancelReason();
    if (reason !== null) throw new AppError('CANCELED', reason);
  }

  /** Why it was asked to stop, in one sentence; null when it was not. */
  async cancelReason(): Promise<string | null> {
    const row = await this.db.operation.findUnique({
      where: { id: this.operation.id },
      select: { cancelRequested: true, cancelReason: true },
    });
    return row && !row.cancelRequested ? null : (row?.cancelReason ?? 'Canceled on request');
  }

  /**
   * The final state, told once: the first call wins and answers true. Frees the app for the next operation
   * and ends the steps that were left, and a build that nobody ended; `also` runs in the same transaction, only for the winner.
   */
  async finish(
    status: StepEnd,
    message: string | null,
    also?: (tx: DataCenterTransaction) => Promise<void>,
  ): Promise<boolean> {
    const { id, appId, buildId, teamName } = this.operation;
    const won = await this.db.$transaction(async (tx) => {
      const now = new Date();
      const { count } = await tx.operation.updateMany({
        where: { id, status: { in: ['QUEUED', 'RUNNING'] } },
        data: { status, message, finishedAt: now },
      });
      if (count === 0) return false;
      await tx.operationStep.updateMany({
        where: { operationId: id, status: 'RUNNING' },
        data: { status, finishedAt: now },
      });
      await tx.operationStep.updateMany({
        where: { operationId: id, status: 'QUEUED' },
        data: { status: status === 'SUCCEEDED' ? 'SUCCEEDED' : 'CANCELED' },
      });
      await also?.(tx);
      // Its builder may be gone: what it did not end itself ends with the operation, and so does its log.
      if (status !== 'SUCCEEDED' && buildId) {
        await tx.build.updateMany({
          where: { id: buildId, status: { in: ['QUEUED', 'RUNNING'] } },
          data: { status, message, finishedAt: now },
        });
      }
      await tx.app.updateMany({
        where: { id: appId, activeOperationId: id },
        data: { activeOperationId: null },
      });
      return true;
    });
    if (!won) return false;
    if (message) this.say(message, status === 'SUCCEEDED' ? 'info' : 'error');
    this.notify();
    if (buildId) this.sink.notify(teamName, { kind: 'build', id: buildId, appId });
    return true;
  }

  /** Ends the operation with what an error means: CANCELED, TIMED_OUT or FAILED with its sentence. */
  async fail(error: unknown, also?: (tx: DataCenterTransaction) => Promise<void>): Promise<boolean> {
    const known = error instanceof AppError ? error : undefined;
    const isOurs = !known || known.code === 'INTERNAL';
    return this.finish(
      endOf(known),
      isOurs ? 'Something went wrong on our side; the log has the details' : known.message,
      also,
    );
  }

  /** Tells readers that the operation and its app have changed. */
  notify(): void {
    const { id, appId, teamName } = this.operation;
    this.sink.notify(teamName, { kind: 'operation', id, appId });
  }

  private async endStep(
    where: { operationId: string; name: string },
    status: StepEnd,
    message: string | null,
  ): Promise<void> {
    await this.db.operationStep.updateMany({ where, data: { status, message, finishedAt: new Date() } });
    this.notify();
  }
}

function endOf(error: AppError | undefined): StepEnd {
  if (error?.code === 'CANCELED') return 'CANCELED';
  return error?.code === 'TIMEOUT' ? 'TIMED_OUT' : 'FAILED';
}
