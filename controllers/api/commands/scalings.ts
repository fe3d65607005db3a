import type { DataCenterTransaction } from '@skyarc/prisma/datacenter';
import type { AppRecord } from '../records.ts';

/** Remembers that a person changed the number of pods. */
export async function addScaling(
  tx: DataCenterTransaction,
  { id, replicas }: AppRecord,
  toReplicas: number,
  actor: string,
): Promise<void> {
  const reason = `Set by ${actor || 'a program'}`;
  await tx.scalingRecord.create({
    data: { appId: id, fromReplicas: replicas, toReplicas, kind: 'MANUAL', reason },
  });
}
