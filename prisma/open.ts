import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createClient } from '@libsql/client';
import { PrismaLibSql } from '@prisma/adapter-libsql';
import { applyMigrations, migrationsOf } from './migrations.ts';

const busyTimeoutMs = 10_000;

/**
 * A driver adapter for the SQLite file, migrated to the newest state. With WAL readers never wait for the
 * writer; a committed transaction survives kill -9 and power loss.
 */
export async function openSqlite(layer: 'datacenter' | 'console', file: string): Promise<PrismaLibSql> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const connection = { url: `file:${file}`, timeout: busyTimeoutMs, intMode: 'bigint' as const };
  const client = createClient(connection);
  try {
    await client.execute('PRAGMA journal_mode = WAL');
    await applyMigrations(client, await migrationsOf(layer));
  } finally {
    client.close();
  }
  return new PrismaLibSql(connection);
}
