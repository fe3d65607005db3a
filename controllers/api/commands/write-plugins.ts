import type { SecretBox } from '@skyarc/lib/secretbox';
import type { DataCenterTransaction } from '@skyarc/prisma/datacenter';
import type { CheckedAppPlugin } from '../input/team.ts';
import { openConfig, parseFields } from '../present/team.ts';
import type { AppRecord } from '../records.ts';
import { invalid } from './refusals.ts';

/** Replaces the plug-ins of an app; secret fields without a value keep what is stored. */
export async function writePlugins(
  secretBox: SecretBox,
  { what, app }: { readonly what: string; readonly app: AppRecord },
  wanted: readonly CheckedAppPlugin[],
  tx: DataCenterTransaction,
): Promise<void> {
  const before = await tx.appPlugin.findMany({ where: { appId: app.id } });
  const plugins = await tx.plugin.findMany({
    where: { id: { in: wanted.map(({ pluginId }) => pluginId) }, teamName: app.teamName },
    include: { versions: { orderBy: { number: 'desc' } } },
  });
  const rows = wanted.map(({ pluginId, config = [], ...given }, position) => {
    const at = `plugins.${position}`;
    const plugin = plugins.find(({ id }) => id === pluginId);
    if (!plugin) throw invalid(what, `${at}.pluginId`, 'the team has no such plug-in');
    const version = plugin.versions.find(({ number }) => !given.version || number === given.version);
    if (!version) throw invalid(what, `${at}.version`, `"${plugin.name}" has no version ${given.version}`);
    const fields = new Map(parseFields(version.fields).map((field) => [field.name, field]));
    const old = before.find((row) => row.pluginId === pluginId);
    const stored = old ? openConfig(old, secretBox) : {};
    const values = config.map(({ name, value }, index) => {
      const field = fields.get(name);
      if (!field) throw invalid(what, `${at}.config.${index}.name`, `"${plugin.name}" has no field ${name}`);
      return [name, value ?? (field.secret ? stored[name] : undefined) ?? field.defaultValue];
    });
    return {
      appId: app.id,
      pluginId,
      version: version.number,
      enabled: given.enabled,
      cpuMillis: given.cpuMillis ?? null,
      memoryMb: given.memoryMb ?? null,
      position,
      config: secretBox.seal(JSON.stringify(Object.fromEntries(values)), `appplugin:${app.id}:${pluginId}`),
    };
  });
  await tx.appPlugin.deleteMany({ where: { appId: app.id } });
  await tx.appPlugin.createMany({ data: rows });
}
