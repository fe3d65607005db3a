import { PrismaClient } from '../generated/console/client.ts';
import { openSqlite } from '../open.ts';

export type ConsoleDatabase = PrismaClient;
export type { Prisma as ConsolePrisma } from '../generated/console/client.ts';

/** The console layer's database, migrated; close it with `$disconnect()`. */
export async function openConsoleDatabase(options: { readonly file: string }): Promise<ConsoleDatabase> {
  return new PrismaClient({ adapter: await openSqlite('console', options.file) });
}
