import type { OperationStatus } from '@skyarc/lib/contracts';
import { type DataCenterDatabase, requestCancel } from '@skyarc/prisma/datacenter';
import { type CallContext, teamFilter } from './context.ts';
import type { AppRecord, BuildRecord, OperationRecord, VersionRecord } from './records.ts';

const unfinished: OperationStatus[] = ['QUEUED', 'RUNNING'];
const withBuild = { build: { select: { commitId: true, commitMessage: true, layers: true } } } as const;
const withTeam = { app: { select: { teamName: true } } } as const;

/** Everything that is read; the caller's teams are in every query. Reads of one id are batched by Prisma. */
export class ApiRepository {
  readonly db: DataCenterDatabase;

  constructor(db: DataCenterDatabase) {
    this.db = db;
  }

  listApps(
    context: CallContext,
    filter: { groupId?: string; ids?: readonly string[] },
  ): Promise<AppRecord[]> {
    return this.db.app.findMany({
      where: {
        ...teamFilter(context),
        deletedAt: null,
        ...(filter.groupId === undefined ? {} : { groupId: filter.groupId }),
        ...(filter.ids ? { id: { in: [...filter.ids] } } : {}),
      },
      orderBy: { name: 'asc' },
    });
  }

  findApp(context: CallContext, id: string): Promise<AppRecord | null> {
    return this.db.app.findFirst({ where: { id, deletedAt: null, ...teamFilter(context) } });
  }

  async listBuilds(context: CallContext, ids: readonly string[]): Promise<BuildRecord[]> {
    return this.db.build.findMany({
      where: { id: { in: [...ids] }, app: teamFilter(context) },
      include: withTeam,
    });
  }

  async listBuildsOf(appId: string, take: number): Promise<BuildRecord[]> {
    const builds = await this.db.app
      .findUnique({ where: { id: appId } })
      .builds({ orderBy: { number: 'desc' }, take, include: withTeam });
    return builds ?? [];
  }

  async listVersionsOf(appId: string, take: number): Promise<VersionRecord[]> {
    const versions = await this.db.app
      .findUnique({ where: { id: appId } })
      .versions({ orderBy: { number: 'desc' }, take, include: withBuild });
    return versions ?? [];
  }

  findVersion(id: string): Promise<VersionRecord | null> {
    return this.db.version.findUnique({ where: { id }, include: withBuild });
  }

  findVersionOfBuild(buildId: string): Promise<VersionRecord | null> {
    return this.db.version.findUnique({ where: { buildId }, include: withBuild });
  }

  /** The newest version that came before a build. */
  findVersionBefore(appId: string, number: number): Promise<VersionRecord | null> {
    return this.db.version.findFirst({
      where: { appId, number: { lt: number } },
      orderBy: { number: 'desc' },
      include: withBuild,
    });
  }

  /** Of the operation that the build is part of, up to where it ends. */
  async stepsOfBuild(buildId: string) {
    const operation = await this.db.operation.findFirst({ where: { buildId }, select: { id: true } });
    return operation ? this.stepsOf(operation.id) : [];
  }

  findOperation(id: string): Promise<OperationRecord | null> {
    return this.db.operation.findUnique({ where: { id } });
  }

  listOperationsById(context: CallContext, ids: readonly string[]): Promise<OperationRecord[]> {
    return this.db.operation.findMany({ where: { id: { in: [...ids] }, ...teamFilter(context) } });
  }

  /** Newest first; `after` is the id of the last one known. */
  listOperations(
    context: CallContext,
    filter: { appId?: string; isActive: boolean; take: number; after?: string },
  ): Promise<OperationRecord[]> {
    return this.db.operation.findMany({
      where: {
        ...teamFilter(context),
        ...(filter.appId === undefined ? {} : { appId: filter.appId }),
        ...(filter.isActive ? { status: { in: unfinished } } : {}),
      },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
      take: filter.take,
      ...(filter.after === undefined ? {} : { cursor: { id: filter.after }, skip: 1 }),
    });
  }

  async runningStepOf(operationId: string): Promise<string | null> {
    const steps = await this.stepsOf(operationId);
    return steps.find((step) => step.status === 'RUNNING')?.name ?? null;
  }

  async stepsOf(operationId: string) {
    const steps = await this.db.operation
      .findUnique({ where: { id: operationId } })
      .steps({ orderBy: { position: 'asc' } });
    return steps ?? [];
  }

  /** Message of an app's newest operation when that did not succeed. */
  async lastFailureOf(appId: string): Promise<string | null> {
    const last = await this.db.operation.findFirst({ where: { appId }, orderBy: { createdAt: 'desc' } });
    return last && ['FAILED', 'TIMED_OUT'].includes(last.status) ? last.message : null;
  }

  async portsOf(appId: string) {
    return (await this.db.app.findUnique({ where: { id: appId } }).ports({ orderBy: { port: 'asc' } })) ?? [];
  }

  async routesOf(appId: string) {
    const routes = await this.db.app
      .findUnique({ where: { id: appId } })
      .routes({ orderBy: [{ host: 'asc' }, { path: 'asc' }] });
    return routes ?? [];
  }

  async envOf(appId: string) {
    return (await this.db.app.findUnique({ where: { id: appId } }).env({ orderBy: { name: 'asc' } })) ?? [];
  }

  /** Asks an unfinished operation to stop. */
  async requestCancel(context: CallContext, id: string): Promise<OperationRecord | null> {
    const where = { id, ...teamFilter(context) };
    if (await this.db.operation.findFirst({ where })) await requestCancel(this.db, id);
    return this.db.operation.findFirst({ where });
  }

  async addAuditEntry(entry: {
    teamName: string;
    actor: string;
    action: string;
    target: string;
    outcome: string;
  }): Promise<void> {
    await this.db.auditEntry.create({ data: entry });
  }
}

/** True when a unique column was violated. */
export function isTaken(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'P2002';
}
