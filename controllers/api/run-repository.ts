import { type DataCenterDatabase, toldInclude } from '@skyarc/prisma/datacenter';
import { type CallContext, teamFilter } from './context.ts';

/** Reads of what hangs on an app or a team beside builds and operations. Reads of one id are batched by Prisma. */
export class RunRepository {
  readonly db: DataCenterDatabase;

  constructor(db: DataCenterDatabase) {
    this.db = db;
  }

  async volumesOf(appId: string) {
    return (await this.one(appId).volumes({ orderBy: { mountPath: 'asc' } })) ?? [];
  }

  async l4RoutesOf(appId: string) {
    return (await this.one(appId).l4Routes({ orderBy: { listenPort: 'asc' } })) ?? [];
  }

  /** The apps that this one needs, with what they tell, by name. */
  async dependenciesOf(appId: string) {
    const rows = await this.one(appId).dependencies({
      include: { to: { include: toldInclude } },
    });
    return (rows ?? []).map(({ to }) => to).toSorted((left, right) => left.name.localeCompare(right.name));
  }

  async dependentIdsOf(appId: string): Promise<string[]> {
    return ((await this.one(appId).dependents()) ?? []).map(({ fromId }) => fromId);
  }

  async configSetIdsOf(appId: string): Promise<string[]> {
    return ((await this.one(appId).configSets()) ?? []).map(({ configSetId }) => configSetId);
  }

  async pluginsOf(appId: string) {
    const rows = await this.one(appId).plugins({
      orderBy: { position: 'asc' },
      include: { plugin: { include: withUse } },
    });
    return rows ?? [];
  }

  async scalingsOf(appId: string, take: number) {
    return (await this.one(appId).scalings({ orderBy: { id: 'desc' }, take })) ?? [];
  }

  async jobRunsOf(appId: string, take: number) {
    return (await this.one(appId).jobRuns({ orderBy: { startedAt: 'desc' }, take })) ?? [];
  }

  /** Ids of the team's apps by name, which is also the name of their Service. */
  async appIdsByName(teamName: string): Promise<Map<string, string>> {
    const rows = await this.db.app.findMany({
      where: { teamName, deletedAt: null },
      select: { id: true, name: true },
    });
    return new Map(rows.map(({ id, name }) => [name, id]));
  }

  listConfigSets(context: CallContext, groupId: string) {
    return this.db.configSet.findMany({
      where: { groupId, ...teamFilter(context) },
      orderBy: { name: 'asc' },
      include: withEntries,
    });
  }

  listPlugins(context: CallContext) {
    return this.db.plugin.findMany({
      where: teamFilter(context),
      orderBy: { name: 'asc' },
      include: withUse,
    });
  }

  listCertificates(context: CallContext) {
    return this.db.certificate.findMany({
      where: teamFilter(context),
      orderBy: { name: 'asc' },
      include: withRoutes,
    });
  }

  /** Name of the team that has a configuration set, plug-in, certificate or registry. */
  async ownerOf(context: CallContext, id: string): Promise<string | null> {
    const query = { where: { id, ...teamFilter(context) }, select: { teamName: true } };
    const found =
      (await this.db.configSet.findFirst(query)) ??
      (await this.db.plugin.findFirst(query)) ??
      (await this.db.certificate.findFirst(query)) ??
      (await this.db.registryCredential.findFirst(query)) ??
      (await this.db.webhook.findFirst({ where: { id, app: teamFilter(context) }, include: { app: true } }))
        ?.app ??
      (await this.db.version.findFirst({ where: { id, app: teamFilter(context) }, include: { app: true } }))
        ?.app;
    return found?.teamName ?? null;
  }

  private one(id: string) {
    return this.db.app.findUnique({ where: { id } });
  }
}

export const withEntries = { entries: { orderBy: { name: 'asc' } }, apps: true } as const;
export const withRoutes = { routes: { select: { id: true } } } as const;

/** Versions of a plug-in, newest first, and who uses it. */
export const withUse = {
  versions: { orderBy: { number: 'desc' } },
  apps: { select: { appId: true } },
} as const;

export type ConfigSetRow = Awaited<ReturnType<RunRepository['listConfigSets']>>[number];
export type PluginRow = Awaited<ReturnType<RunRepository['listPlugins']>>[number];
export type AppPluginRow = Awaited<ReturnType<RunRepository['pluginsOf']>>[number];
export type CertificateRow = Awaited<ReturnType<RunRepository['listCertificates']>>[number];
