import type { OperationStatus } from '@skyarc/lib/contracts';
import type { DataCenterDatabase, DataCenterTransaction } from './open.ts';

const unfinished: OperationStatus[] = ['QUEUED', 'RUNNING'];

/**
 * Asks an unfinished operation to stop; true when nobody had before. What runs ends when who works on it sees that; a
 * build that still waits for a builder ends here and now, because the builders may be busy for long.
 */
export async function requestCancel(db: DataCenterDatabase, id: string, reason?: string): Promise<boolean> {
  return db.$transaction(async (tx) => {
    const { count } = await tx.operation.updateMany({
      where: { id, status: { in: unfinished }, cancelRequested: false },
      data: { cancelRequested: true, cancelReason: reason },
    });
    if (count > 0) await endWaiting(tx, id, reason ?? 'Canceled on request');
    return count > 0;
  });
}

async function endWaiting(tx: DataCenterTransaction, id: string, message: string): Promise<void> {
  const finishedAt = new Date();
  const end = { status: 'CANCELED', message, finishedAt } as const;
  const { count } = await tx.operation.updateMany({
    where: { id, status: 'QUEUED', buildId: { not: null } },
    data: end,
  });
  if (count === 0) return;
  const { buildId, appId } = await tx.operation.findUniqueOrThrow({ where: { id } });
  await tx.build.updateMany({ where: { id: buildId ?? '', status: 'QUEUED' }, data: end });
  await tx.operationStep.updateMany({ where: { operationId: id }, data: { status: 'CANCELED' } });
  await tx.app.updateMany({ where: { id: appId, activeOperationId: id }, data: { activeOperationId: null } });
}
