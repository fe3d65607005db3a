import { appSource, type OperationKind } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { addOperation, type NewOperation } from '@skyarc/prisma/datacenter';
import type { Api } from '../api.ts';
import type { CallContext } from '../context.ts';
import { check } from '@skyarc/lib/input';
import { inputs } from '../input/app.ts';
import type { AppRecord, OperationRecord } from '../records.ts';
import { withinQuota } from './quota.ts';
import { addScaling } from './scalings.ts';

/** Throws NOT_FOUND for an app of nobody or of another team. */
export async function getApp(api: Api, id: string, context: CallContext): Promise<AppRecord> {
  const app = await api.repository.findApp(context, id);
  if (!app) throw new AppError('NOT_FOUND', 'There is no such app');
  return app;
}

export type SimpleKind = Extract<OperationKind, 'DEPLOY' | 'START' | 'STOP' | 'RESTART' | 'DELETE'>;

/** Why an operation makes no sense now, or undefined. */
export const refusals: Readonly<Record<SimpleKind, (app: AppRecord) => string | undefined>> = {
  DEPLOY: () => undefined,
  START: (app) =>
    app.currentVersionId === null && !isExternal(app)
      ? 'it has no version yet; deploy it first'
      : app.desired === 'RUNNING'
        ? 'it is started already'
        : undefined,
  STOP: (app) => (app.desired === 'STOPPED' ? 'it is stopped already' : undefined),
  RESTART: (app) =>
    isExternal(app)
      ? 'it is a service outside, of which nothing runs here'
      : app.desired === 'STOPPED'
        ? 'it is stopped; start it'
        : undefined,
  DELETE: () => undefined,
};

/** A service outside the cluster. */
export function isExternal({ source }: Pick<AppRecord, 'source'>): boolean {
  return appSource.safeParse(JSON.parse(source)).data?.kind === 'EXTERNAL';
}

/**
 * Begins an operation that needs nothing but the app. What its owner wants is recorded by the worker when it
 * has succeeded, so a failed start leaves a stopped app stopped. Throws CONFLICT while another one runs.
 */
export async function beginOperation(
  api: Api,
  kind: SimpleKind,
  id: string,
  context: CallContext,
  options: Pick<NewOperation, 'arguments'> = {},
): Promise<OperationRecord> {
  const app = await getApp(api, id, context);
  const refusal = app.activeOperationId === null ? refusals[kind](app) : undefined;
  if (refusal) throw new AppError('CONFLICT', `${cannot(kind, app)}: ${refusal}`);
  if (kind === 'DELETE') await refuseWhileNeeded(api, app);
  return begin(api, app, { kind, actor: context.actor, ...options });
}

/** Throws CONFLICT while another app lives on what this one has. */
async function refuseWhileNeeded({ repository: { db } }: Api, app: AppRecord): Promise<void> {
  const what = cannot('DELETE', app);
  const refuse = (why: string): never => {
    throw new AppError('CONFLICT', `${what}: ${why}`);
  };
  const { id, name, teamName } = app;
  const dependent = await db.dependency.findFirst({ where: { toId: id }, include: { from: true } });
  if (dependent) refuse(`app "${dependent.from.name}" depends on it; remove that first`);
  const shown = await db.volume.findFirst({ where: { source: { appId: id } }, include: { app: true } });
  if (shown) refuse(`app "${shown.app.name}" shows one of its volumes; remove that first`);
  const image = `app:${id}`;
  const plugin = await db.pluginVersion.findFirst({ where: { image }, include: { plugin: true } });
  if (plugin) refuse(`plug-in "${plugin.plugin.name}" is made of it; remove that first`);
  const routes = await db.route.findMany({
    where: { appId: { not: id }, app: { teamName }, policy: { contains: `"service":"${name}"` } },
    include: { app: true },
  });
  const [route] = routes;
  if (route)
    refuse(`route ${route.host}${route.path} of app "${route.app.name}" sends it a share; remove that first`);
}

export async function rollbackApp(
  api: Api,
  { id, versionId }: { readonly id: string; readonly versionId: string },
  context: CallContext,
): Promise<OperationRecord> {
  const app = await getApp(api, id, context);
  const what = `Cannot roll back app "${app.name}"`;
  const version = await api.repository.findVersion(versionId);
  if (version?.appId !== id) throw new AppError('NOT_FOUND', `${what}: it has no such version`);
  if (app.currentVersionId === versionId && app.desired === 'RUNNING') {
    throw new AppError('CONFLICT', `${what}: version ${version.number} is the current one`);
  }
  return begin(api, app, { kind: 'ROLLBACK', actor: context.actor, versionId });
}

export async function scaleApp(
  api: Api,
  { id, replicas }: { readonly id: string; readonly replicas: number },
  context: CallContext,
): Promise<OperationRecord> {
  const app = await getApp(api, id, context);
  const what = `Cannot scale app "${app.name}"`;
  const count = check(what, inputs.replicas, replicas);
  if (!app.currentVersionId) {
    throw new AppError('CONFLICT', `${what}: it has no version yet; set the number in its settings`);
  }
  if (app.workload === 'JOB' || app.workload === 'CRON_JOB') {
    throw new AppError(
      'CONFLICT',
      `${what}: it is a ${app.workload}; its parallelism says how many pods a run has`,
    );
  }
  return begin(api, app, {
    kind: 'SCALE',
    actor: context.actor,
    arguments: { replicas: count },
    also: async (tx) => {
      const where = { id, teamName: app.teamName };
      if (count !== app.replicas) await addScaling(tx, app, count, context.actor);
      await tx.app.update({ where, data: { replicas: count, revision: { increment: 1 } } });
    },
  });
}

/** Asks it to stop; one that is final stays as it is. */
export async function cancelOperation(api: Api, id: string, context: CallContext): Promise<OperationRecord> {
  const operation = await api.repository.requestCancel(context, id);
  if (!operation) throw new AppError('NOT_FOUND', 'Cannot cancel: there is no such operation');
  announceOperation(api, operation);
  return operation;
}

/** Lets the task go out and tells who watches. */
export function announceOperation(api: Api, { id, appId, teamName }: OperationRecord): void {
  api.relay.kick();
  api.changes.announce(teamName, { kind: 'operation', id, appId });
}

const verbs: Readonly<Partial<Record<OperationKind, string>>> = {
  ROLLBACK: 'roll back',
  GREY_START: 'start a grey release of',
  GREY_PROMOTE: 'promote the grey release of',
  GREY_ABORT: 'abort the grey release of',
};

/** What a person would say was not possible, as a refusal begins. */
export const cannot = (kind: OperationKind, { name }: Pick<AppRecord, 'name'>): string =>
  `Cannot ${verbs[kind] ?? kind.toLowerCase()} app "${name}"`;

/** Begins it within the team's quota. */
export async function begin(
  api: Api,
  app: AppRecord,
  wanted: Omit<NewOperation, 'app'>,
): Promise<OperationRecord> {
  const what = cannot(wanted.kind, app);
  const operation = await api.repository.db.$transaction((tx) =>
    withinQuota(tx, { team: app.teamName, what }, () => addOperation(tx, { app, ...wanted })),
  );
  announceOperation(api, operation);
  return operation;
}
