import { AppError } from '@skyarc/lib/errors';
import type { DataCenterDatabase, DataCenterTransaction } from '@skyarc/prisma/datacenter';

/** Row of Setting with the token of the newest leader. */
const name = 'workerLeaderTerm';

/** The greatest token that took office; 0 before the first. */
export async function lastTerm(db: DataCenterTransaction): Promise<number> {
  const row = await db.setting.findUnique({ where: { name } });
  return row ? Number(row.value) : 0;
}

/** Writes of earlier leaders are refused from now on. Throws CONFLICT when a later one is in office. */
export async function takeOffice(db: DataCenterDatabase, token: number): Promise<void> {
  await db.$transaction(async (tx) => {
    if ((await lastTerm(tx)) > token) throw deposed();
    const value = String(token);
    await tx.setting.upsert({ where: { name }, create: { name, value }, update: { value } });
  });
}

/** Writes in one transaction with the proof that nobody has taken office since. Throws CONFLICT otherwise. */
export async function writeFenced<T>(
  db: DataCenterDatabase,
  token: number,
  write: (tx: DataCenterTransaction) => Promise<T>,
): Promise<T> {
  return db.$transaction(async (tx) => {
    const value = String(token);
    // A write, so that databases without serialized transactions make the next in office wait.
    const { count } = await tx.setting.updateMany({ where: { name, value }, data: { value } });
    if (count !== 1) throw deposed();
    return write(tx);
  });
}

function deposed(): AppError {
  return new AppError('CONFLICT', 'Another worker leads by now');
}
