import { newId } from '@skyarc/lib/contracts';
import type { DataCenterTransaction, VolumeRecord } from '@skyarc/prisma/datacenter';
import type { Api } from '../api.ts';
import type { StorageClass } from '../generated/resolvers.ts';
import type { CheckedVolume } from '../input/volume.ts';
import type { AppRecord } from '../records.ts';
import { defaultVolumeMb } from './quota.ts';
import { conflict, invalid } from './refusals.ts';

export interface VolumeFacts {
  readonly what: string;
  readonly app: AppRecord;
  /** Those of the cluster; read before the transaction, only when a volume is of a class. */
  readonly classes: readonly StorageClass[];
}

/** Replaces an app's volumes; one that is named by its id is changed, and keeps its data. */
export async function writeVolumes(
  { config, secretBox }: Api,
  facts: VolumeFacts,
  wanted: readonly CheckedVolume[],
  tx: DataCenterTransaction,
): Promise<void> {
  const { what, app } = facts;
  const before = await tx.volume.findMany({
    where: { appId: app.id },
    include: { mounts: { include: { app: true } } },
  });
  const rows = wanted.map((volume, index) => {
    const at = `volumes.${index}`;
    const old = before.find(({ id }) => id === volume.id);
    if (volume.id && !old) throw invalid(what, `${at}.id`, 'the app has no such volume');
    if (!volume.id && before.some(({ name }) => name === volume.name)) {
      const message = `"${volume.name}" is there already: give its id to keep its data, or another name`;
      throw invalid(what, `${at}.id`, message);
    }
    if (old) requireAlike(what, at, volume, old);
    if (volume.kind === 'CLASS') requireClass(facts, at, volume, old);
    const id = old?.id ?? newId(config.dataCenter, 'volume');
    return { id, isNew: !old, data: columnsOf(volume, secretBox.seal(volume.content ?? '', `volume:${id}`)) };
  });
  const kept = new Set(rows.map(({ id }) => id));
  const gone = before.filter(({ id }) => !kept.has(id));
  const shown = gone.find(({ mounts }) => mounts.length > 0);
  if (shown)
    throw conflict(
      what,
      'volumes',
      `"${shown.name}" is shown in app "${shown.mounts[0]?.app.name}"; take it from there first`,
    );
  await requireSources(what, app, wanted, tx);
  await tx.volume.deleteMany({ where: { id: { in: gone.map(({ id }) => id) } } });
  // Two may exchange their names or paths, which are unique at each moment.
  for (const { id, isNew } of rows) {
    if (!isNew) await tx.volume.update({ where: { id }, data: { name: `~${id}`, mountPath: `~${id}` } });
  }
  for (const { id, isNew, data } of rows) {
    if (isNew) await tx.volume.create({ data: { id, appId: app.id, ...data } });
    else await tx.volume.update({ where: { id }, data });
  }
}

function columnsOf(volume: CheckedVolume, sealedContent: string) {
  const { name, kind, mountPath, readOnly, sizeMb, storageClass, accessMode, fileMode, sourceId } = volume;
  const hasSize = kind === 'SHARED' || kind === 'LOCAL' || kind === 'CLASS';
  return {
    name,
    kind,
    mountPath,
    readOnly,
    sizeMb: sizeMb ?? (hasSize ? defaultVolumeMb : null),
    storageClass: storageClass ?? null,
    accessMode: kind === 'CLASS' ? (accessMode ?? 'ReadWriteOnce') : null,
    content: kind === 'CONFIG_FILE' ? sealedContent : null,
    fileMode: kind === 'CONFIG_FILE' ? Number.parseInt(fileMode ?? '0644', 8) : null,
    sourceId: sourceId ?? null,
  };
}

/** Data cannot move to another kind, and no volume shrinks. */
function requireAlike(what: string, at: string, volume: CheckedVolume, old: VolumeRecord): void {
  if (volume.kind !== old.kind)
    throw invalid(what, `${at}.kind`, `"${volume.name}" is ${old.kind}; make a new volume for another kind`);
  const size = volume.sizeMb ?? defaultVolumeMb;
  if (volume.kind !== 'MEMORY' && old.sizeMb !== null && size < old.sizeMb)
    throw invalid(
      what,
      `${at}.sizeMb`,
      `"${volume.name}" has ${old.sizeMb} MB; a volume can grow, not shrink`,
    );
  for (const field of ['storageClass', 'accessMode'] as const) {
    if (volume[field] !== undefined && volume[field] !== old[field])
      throw invalid(
        what,
        `${at}.${field}`,
        `"${volume.name}" has ${old[field] ?? 'the default'}, which cannot change`,
      );
  }
}

function requireClass(
  { what, classes }: VolumeFacts,
  at: string,
  volume: CheckedVolume,
  old: VolumeRecord | undefined,
): void {
  const name = volume.storageClass ?? old?.storageClass;
  const found = classes.find((one) => (name ? one.name === name : one.isDefault));
  if (!found)
    throw invalid(
      what,
      `${at}.storageClass`,
      name
        ? `the cluster has no storage class "${name}"`
        : 'the cluster has no default storage class; name one',
    );
  const mode = volume.accessMode ?? 'ReadWriteOnce';
  if (!found.accessModes.includes(mode))
    throw invalid(
      what,
      `${at}.accessMode`,
      `storage class "${found.name}" offers ${found.accessModes.join(', ')}`,
    );
  const grows = old?.sizeMb && volume.sizeMb && volume.sizeMb > old.sizeMb;
  if (grows && !found.resizable)
    throw invalid(what, `${at}.sizeMb`, `storage class "${found.name}" does not let volumes grow`);
}

/** What an APP volume shows is a SHARED volume or a CONFIG_FILE of another app of the team. */
async function requireSources(
  what: string,
  { id, teamName }: AppRecord,
  wanted: readonly CheckedVolume[],
  tx: DataCenterTransaction,
): Promise<void> {
  const ids = wanted.flatMap(({ sourceId }) => sourceId ?? []);
  if (ids.length === 0) return;
  const sources = await tx.volume.findMany({
    where: { id: { in: ids }, app: { teamName, deletedAt: null } },
  });
  for (const [index, { sourceId }] of wanted.entries()) {
    if (sourceId === undefined) continue;
    const source = sources.find((one) => one.id === sourceId);
    const field = `volumes.${index}.sourceId`;
    if (!source || source.appId === id)
      throw invalid(what, field, 'no other app of the team has such a volume');
    if (source.kind !== 'SHARED' && source.kind !== 'CONFIG_FILE')
      throw invalid(
        what,
        field,
        `"${source.name}" is ${source.kind}; only SHARED volumes and config files can be shown`,
      );
  }
}
