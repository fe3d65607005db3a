import { type Prisma, PrismaClient } from '../generated/datacenter/client.ts';
import { openSqlite } from '../open.ts';

export type DataCenterDatabase = PrismaClient;
/** What a function needs that runs inside somebody's transaction, or outside of one. */
export type DataCenterTransaction = Prisma.TransactionClient;

/** A data centre's database, migrated; close it with `$disconnect()`. */
export async function openDataCenterDatabase(options: {
  readonly file: string;
}): Promise<DataCenterDatabase> {
  return new PrismaClient({
    adapter: await openSqlite('datacenter', options.file),
    transactionOptions: { maxWait: 10_000, timeout: 20_000 },
  });
}
