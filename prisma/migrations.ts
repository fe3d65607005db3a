import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client, Transaction } from '@libsql/client';
import { AppError } from '@skyarc/lib/errors';

export interface Migration {
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the SQL, hex. */
  readonly checksum: string;
}

/** A layer's migrations in their order. */
export async function migrationsOf(layer: 'datacenter' | 'console'): Promise<Migration[]> {
  const folder = join(import.meta.dirname, 'migrations', layer);
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort();
  return Promise.all(
    files.map(async (file) => {
      const sql = await readFile(join(folder, file), 'utf8');
      return {
        name: file.replace(/\.sql$/, ''),
        sql,
        checksum: createHash('sha256').update(sql).digest('hex'),
      };
    }),
  );
}

const historyTable = `CREATE TABLE IF NOT EXISTS "_migration" (
  "name" TEXT NOT NULL PRIMARY KEY, "checksum" TEXT NOT NULL, "appliedAt" TEXT NOT NULL)`;

/**
 * Brings a database to the newest migration and answers the names of those it applied. All of them and
 * their history rows are one transaction that holds the write lock from its start, so that two starting
 * processes or a crash cannot apply one twice or half.
 * Throws CONFLICT when an applied migration was edited or is unknown to this release.
 */
export async function applyMigrations(client: Client, migrations: readonly Migration[]): Promise<string[]> {
  const transaction = await client.transaction('write');
  try {
    await transaction.execute(historyTable);
    const done = await appliedNames(transaction, migrations);
    const due = migrations.filter(({ name }) => !done.has(name));
    for (const { name, sql, checksum } of due) {
      await transaction.executeMultiple(sql);
      await transaction.execute({
        sql: 'INSERT INTO "_migration" VALUES (?, ?, ?)',
        args: [name, checksum, new Date().toISOString()],
      });
    }
    await transaction.commit();
    return due.map(({ name }) => name);
  } finally {
    transaction.close();
  }
}

/** Names already applied; throws when the database is not one that these migrations made. */
async function appliedNames(transaction: Transaction, known: readonly Migration[]): Promise<Set<string>> {
  const { rows } = await transaction.execute('SELECT "name", "checksum" FROM "_migration"');
  const applied = rows as unknown as readonly Pick<Migration, 'name' | 'checksum'>[];
  for (const row of applied) {
    const migration = known.find(({ name }) => name === row.name);
    const problem = !migration
      ? 'is of a newer release; start that one'
      : migration.checksum !== row.checksum && 'was edited after it was applied';
    if (problem) {
      throw new AppError('CONFLICT', `Cannot open the database: migration ${row.name} ${problem}`);
    }
  }
  return new Set(applied.map(({ name }) => name));
}
