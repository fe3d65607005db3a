import { pluginField } from '@skyarc/lib/contracts';
import type { SecretBox } from '@skyarc/lib/secretbox';
import { z } from 'zod';
import type { AppPlugin, Certificate, CertificateStatus, ConfigSet, Plugin } from '../generated/resolvers.ts';
import type { AppPluginRow, CertificateRow, ConfigSetRow, PluginRow } from '../run-repository.ts';

const strings = z.array(z.string());
/** A certificate that ends within so many days is told to expire soon. */
const soonMs = 30 * 86_400_000;

export function presentConfigSet(set: ConfigSetRow, secretBox: SecretBox): ConfigSet {
  const { id, groupId, name, enabled } = set;
  return {
    id,
    groupId,
    name,
    enabled,
    entries: set.entries.map((entry) => ({
      name: entry.name,
      value: entry.secret ? null : secretBox.open(entry.value, `configset:${id}:${entry.name}`),
      secret: entry.secret,
      scope: 'SELF',
    })),
    appIds: set.apps.map(({ appId }) => appId),
  };
}

export function presentPlugin({ id, name, kind, description, versions, apps }: PluginRow): Plugin {
  return {
    id,
    name,
    kind: kind === 'INIT' ? 'INIT' : 'SIDE_CAR',
    description,
    versions: versions.map(({ command, fields, number, image, cpuMillis, memoryMb, createdAt }) => ({
      number,
      image,
      cpuMillis,
      memoryMb,
      createdAt,
      command: command === null ? null : strings.parse(JSON.parse(command)),
      fields: parseFields(fields),
    })),
    appIds: apps.map(({ appId }) => appId),
  };
}

/** Fields of a plug-in's version as they are stored. */
export const parseFields = (json: string) => z.array(pluginField).parse(JSON.parse(json));

/** Values that an app gave to a plug-in's fields; only those that were given. */
export function openConfig(row: Pick<AppPluginRow, 'appId' | 'pluginId' | 'config'>, secretBox: SecretBox) {
  if (row.config === null) return {};
  const json = secretBox.open(row.config, `appplugin:${row.appId}:${row.pluginId}`);
  return z.record(z.string(), z.string()).parse(JSON.parse(json));
}

export function presentAppPlugin(row: AppPluginRow, secretBox: SecretBox): AppPlugin {
  const { version, enabled, cpuMillis, memoryMb, plugin } = row;
  const values = openConfig(row, secretBox);
  const fields = parseFields(plugin.versions.find(({ number }) => number === version)?.fields ?? '[]');
  return {
    plugin: presentPlugin(plugin),
    version,
    enabled,
    cpuMillis,
    memoryMb,
    config: fields.map(({ name, defaultValue, secret }) => ({
      name,
      value: secret ? null : (values[name] ?? defaultValue),
      secret,
      scope: 'SELF',
    })),
  };
}

export function presentCertificate(row: CertificateRow): Certificate {
  const { id, name, issuer, notBefore, notAfter, message } = row;
  const leftMs = notAfter ? notAfter.getTime() - Date.now() : Infinity;
  return {
    id,
    name,
    source: row.source === 'ACME' ? 'ACME' : 'UPLOADED',
    hosts: strings.parse(JSON.parse(row.hosts)),
    issuer,
    notBefore,
    notAfter,
    message,
    status: leftMs <= 0 ? 'EXPIRED' : (row.status as CertificateStatus),
    expiresSoon: leftMs <= soonMs,
    routeIds: row.routes.map((route) => route.id),
  };
}
