import { pluginField } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import type { SecretBox } from '@skyarc/lib/secretbox';
import type { DataCenterPrisma, DataCenterTransaction } from '@skyarc/prisma/datacenter';
import { z } from 'zod';
import type { PluginSpec } from './render/run-spec.ts';

const commandSchema = z.array(z.string()).nullable();
const fieldsSchema = z.array(pluginField);
const configSchema = z.record(z.string(), z.string());
const include = { plugin: { include: { versions: true } } } satisfies DataCenterPrisma.AppPluginInclude;
type Row = DataCenterPrisma.AppPluginGetPayload<{ include: typeof include }>;

/** The enabled plug-ins of an app in their order. Throws INVALID when the app that builds one has no version. */
export async function readPlugins(
  db: DataCenterTransaction,
  secretBox: SecretBox,
  appId: string,
): Promise<PluginSpec[]> {
  const rows = await db.appPlugin.findMany({
    where: { appId, enabled: true },
    include,
    orderBy: [{ position: 'asc' }, { plugin: { name: 'asc' } }],
  });
  return Promise.all(rows.map((row) => pluginOf(db, secretBox, row)));
}

async function pluginOf(db: DataCenterTransaction, secretBox: SecretBox, row: Row): Promise<PluginSpec> {
  const { name, kind, versions } = row.plugin;
  const version = versions.find(({ number }) => number === row.version);
  if (!version) throw new AppError('INVALID', `Plug-in "${name}" has no version ${row.version}`);
  const builder = /^app:(.+)$/.exec(version.image)?.[1];
  const said = row.config
    ? configSchema.parse(JSON.parse(secretBox.open(row.config, `appplugin:${row.appId}:${row.pluginId}`)))
    : {};
  const fields = fieldsSchema.parse(JSON.parse(version.fields));
  return {
    name,
    kind: kind === 'INIT' ? 'INIT' : 'SIDE_CAR',
    image: builder ? await builtImage(db, name, builder) : version.image,
    isBuilt: builder !== undefined,
    command: commandSchema.parse(JSON.parse(version.command ?? 'null')),
    config: fields
      .map((field) => ({ name: field.name, value: said[field.name] ?? field.defaultValue }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    cpuMillis: row.cpuMillis ?? version.cpuMillis,
    memoryMb: row.memoryMb ?? version.memoryMb,
  };
}

async function builtImage(db: DataCenterTransaction, plugin: string, appId: string): Promise<string> {
  const app = await db.app.findUnique({
    where: { id: appId },
    select: { name: true, currentVersionId: true },
  });
  const version = app?.currentVersionId
    ? await db.version.findUnique({ where: { id: app.currentVersionId }, select: { image: true } })
    : null;
  if (!version) {
    throw new AppError(
      'INVALID',
      `Plug-in "${plugin}" is made of app "${app?.name ?? appId}", which has no version; deploy that first`,
    );
  }
  return version.image;
}
