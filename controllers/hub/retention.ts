import { stat } from 'node:fs/promises';
import { type RegistryClient, tagBeside } from '@skyarc/lib/oci';
import type { DataCenterDatabase } from '@skyarc/prisma/datacenter';
import type { RegistryStore } from './storage/store.ts';

const dayMs = 86_400_000;

/**
 * Forgets versions that are neither in use nor kept to roll back to: past the newest `keepVersions` of their app and
 * older than `keepDays`. Their images go with {@link removeManifests}. Answers how many.
 */
export async function expireVersions(
  db: DataCenterDatabase,
  { keepVersions, keepDays }: { readonly keepVersions: number; readonly keepDays: number },
): Promise<number> {
  const before = new Date(Date.now() - keepDays * dayMs);
  const apps = await db.app.findMany({ select: { id: true } });
  let count = 0;
  for (const { id: appId } of apps) {
    const newest = await db.version.findMany({
      where: { appId },
      orderBy: { number: 'desc' },
      take: keepVersions,
      select: { number: true },
    });
    const oldestKept = newest.at(-1)?.number ?? 0;
    count += await db.$transaction(async (tx) => {
      const app = await tx.app.findUnique({ where: { id: appId } });
      if (!app || app.activeOperationId) return 0;
      const lastRun = await tx.version.findMany({
        where: { appId, deployedAt: { not: null } },
        orderBy: { deployedAt: 'desc' },
        take: 2,
        select: { id: true },
      });
      const inUse = [app.currentVersionId, app.greyVersionId, ...lastRun.map(({ id }) => id)];
      const { count: deleted } = await tx.version.deleteMany({
        where: {
          appId,
          number: { lt: oldestKept },
          createdAt: { lt: before },
          OR: [{ deployedAt: null }, { deployedAt: { lt: before } }],
          id: { notIn: inUse.filter((id) => id !== null) },
        },
      });
      return deleted;
    });
  }
  return count;
}

/**
 * Removes manifests that no version names: of old versions, of apps that are gone, of builds that did not end. What
 * was put within the grace time stays, since its version may come yet. Shared repositories keep what has a tag.
 */
export async function removeManifests(
  db: DataCenterDatabase,
  store: RegistryStore,
  registry: RegistryClient,
  graceMs: number,
): Promise<number> {
  let count = 0;
  for (const repository of await store.repositories()) {
    if (await isBusy(db, repository)) continue;
    const manifests = await store.manifests(repository);
    const kept = await manifestsToKeep(db, store, repository);
    for (const { hex, file } of manifests) {
      if (kept.has(hex)) continue;
      // Put again since it was listed, perhaps.
      const now = await stat(file).catch(() => null);
      if (!now || now.mtimeMs > Date.now() - graceMs) continue;
      count += Number(await registry.deleteManifest(repository, `sha256:${hex}`));
    }
  }
  return count;
}

/** An app with an operation: its build may be about to name what it has pushed. */
async function isBusy(db: DataCenterDatabase, repository: string): Promise<boolean> {
  const [teamName, name] = repository.split('/') as [string, string];
  const where = { teamName, name, activeOperationId: { not: null } };
  return (await db.app.count({ where })) > 0;
}

/** Those that versions or tags of shared repositories name, and what stands beside them. */
async function manifestsToKeep(
  db: DataCenterDatabase,
  store: RegistryStore,
  repository: string,
): Promise<ReadonlySet<string>> {
  const tags = await store.tags(repository);
  if (repository.startsWith('skyarc/')) return new Set(tags.values());
  const versions = await db.version.findMany({
    where: { image: { startsWith: `${repository}@` } },
    select: { image: true },
  });
  const kept = new Set<string>();
  for (const digest of new Set(versions.map(({ image }) => image.slice(repository.length + 1)))) {
    kept.add(digest.replace('sha256:', ''));
    const beside = [digest.replace(':', '-'), tagBeside(digest, 'sig'), tagBeside(digest, 'att')];
    for (const hex of beside.map((tag) => tags.get(tag))) {
      for (const part of hex ? ((await store.partsOf(hex)) ?? [hex]) : []) kept.add(part);
    }
  }
  return kept;
}
