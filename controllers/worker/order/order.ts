import { isFinal, type OperationStatus } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { backoffMs } from '@skyarc/lib/retry';
import type { DataCenterDatabase, OperationRecord } from '@skyarc/prisma/datacenter';
import { z } from 'zod';

/** Longest time between two looks at what is waited for, for the first minutes and after them. */
const longestWaitMs = { first: 2_000, later: 10_000 } as const;
const firstAttempts = 60;

/**
 * Lets an operation begin when all that it waits for have succeeded. Until then it throws UNAVAILABLE with
 * `retryAfterMs`, and the time that the operation has is counted anew. Throws INVALID (final) when one of
 * them did not succeed, CANCELED when a person asked for it.
 */
export async function awaitTurn(
  db: DataCenterDatabase,
  operation: OperationRecord,
  attempt: number,
): Promise<void> {
  const ids = z.array(z.string()).parse(JSON.parse(operation.afterIds));
  if (ids.length === 0) return;
  const before = await db.operation.findMany({ where: { id: { in: ids } } });
  const failed = before.find(({ status }) => isFinal(status as OperationStatus) && status !== 'SUCCEEDED');
  if (failed) throw refusal(operation, failed);
  if (before.length < ids.length) {
    throw new AppError('INVALID', 'An operation that it waits for is not known any more; start it again');
  }
  const waiting = before.find(({ status }) => status !== 'SUCCEEDED');
  if (!waiting) return;
  await renew(db, operation);
  const row = await db.operation.findUnique({ where: { id: operation.id } });
  if (!row || row.cancelRequested) throw new AppError('CANCELED', row?.cancelReason ?? 'Canceled on request');
  throw new AppError('UNAVAILABLE', `It begins when app "${waiting.appName}" is ready`, {
    details: {
      retryAfterMs: backoffMs(attempt, 250, longestWaitMs[attempt > firstAttempts ? 'later' : 'first']),
    },
  });
}

/** Its deadline is counted from now: it cannot begin before. */
async function renew(db: DataCenterDatabase, { id, createdAt, deadlineAt }: OperationRecord): Promise<void> {
  const row = await db.operation.findUnique({ where: { id }, select: { arguments: true } });
  const stored = z.looseObject({ limitMs: z.number().optional() }).parse(JSON.parse(row?.arguments ?? '{}'));
  const limitMs = stored.limitMs ?? deadlineAt.getTime() - createdAt.getTime();
  await db.operation.updateMany({
    where: { id, status: { in: ['QUEUED', 'RUNNING'] } },
    data: {
      deadlineAt: new Date(Date.now() + limitMs),
      arguments: JSON.stringify({ ...stored, limitMs }),
    },
  });
}

function refusal(operation: OperationRecord, failed: OperationRecord): AppError {
  const what = `App "${operation.appName}" was left as it is: ${failed.kind.toLowerCase()} of app "${failed.appName}"`;
  const how = failed.status === 'CANCELED' ? 'was canceled' : 'did not succeed';
  return new AppError('INVALID', `${what}, which comes before it, ${how}`);
}
