/**
 * Writes and checks migrations, offline: the schema engine runs as WebAssembly over a driver adapter.
 * `node prisma/migrate.ts new <datacenter|console> <name>` · `node prisma/migrate.ts check`
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PrismaLibSql } from '@prisma/adapter-libsql';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import { SchemaEngine } from '@prisma/schema-engine-wasm';
import { migrationsOf } from './migrations.ts';

type Layer = 'datacenter' | 'console';
const layers: readonly Layer[] = ['datacenter', 'console'];

/** SQL from the state that the layer's migrations lead to, to its schema; empty when they agree. */
async function pendingSql(layer: Layer): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-migrate-'));
  const adapter = new PrismaLibSql({ url: `file:${join(folder, 'shadow.db')}` });
  const path = join(import.meta.dirname, layer, 'schema.prisma');
  const content = await readFile(path, 'utf8');
  const engine = await SchemaEngine.new(
    { datamodels: [[path, content]] },
    () => undefined,
    bindMigrationAwareSqlAdapterFactory(adapter),
  );
  // The libSQL adapter runs only the first statement of a text, so each is handed over on its own.
  const statements = (await migrationsOf(layer))
    .flatMap(({ sql }) => sql.split(/(?<=;)\n/))
    .filter((sql) => sql.trim());
  try {
    const result = await engine.diff({
      from: {
        tag: 'migrations',
        baseDir: folder,
        lockfile: { path: 'migration_lock.toml', content: 'provider = "sqlite"' },
        shadowDbInitScript: '',
        migrationDirectories: statements.map((value, index) => ({
          path: String(index).padStart(6, '0'),
          migrationFile: { path: 'migration.sql', content: { tag: 'ok', value } },
        })),
      },
      to: { tag: 'schemaDatamodel', files: [{ path, content }] },
      script: true,
      exitCode: null,
      filters: { externalTables: [], externalEnums: [] },
    });
    const sql = (result.stdout ?? '').trim();
    return sql.startsWith('-- This is an empty migration') ? '' : sql;
  } finally {
    engine.free();
    await rm(folder, { recursive: true });
  }
}

async function main([command, layer, name]: readonly string[]): Promise<number> {
  if (command === 'check') {
    const pending = await Promise.all(layers.map(pendingSql));
    layers.forEach((one, index) => {
      if (pending[index]) console.error(`prisma/${one} has changes without a migration:\n${pending[index]}`);
    });
    return pending.some(Boolean) ? 1 : 0;
  }
  if (command !== 'new' || !layers.includes(layer as Layer) || !/^[a-z0-9-]+$/.test(name ?? '')) {
    console.error('Usage: node prisma/migrate.ts check | new <datacenter|console> <name-in-kebab-case>');
    return 2;
  }
  const sql = await pendingSql(layer as Layer);
  if (!sql) return (console.log('The migrations already lead to the schema.'), 0);
  const folder = join(import.meta.dirname, 'migrations', layer as Layer);
  const number = String((await readdir(folder)).length + 1).padStart(4, '0');
  const file = join(folder, `${number}-${name}.sql`);
  await writeFile(file, sql + '\n', { flag: 'wx' });
  console.log(`Wrote ${file}`);
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
