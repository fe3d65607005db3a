import { type AppSource, appSource } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import { addOperation, type DataCenterTransaction } from '@skyarc/prisma/datacenter';
import type { Api } from '../api.ts';
import type { CallContext } from '../context.ts';
import type { StorageClass } from '../generated/resolvers.ts';
import { type CheckedUpdate, inputs, settingColumns } from '../input/app.ts';
import { appSourceOf } from '../input/source.ts';
import { withoutNulls } from '../input/text.ts';
import type { AppRecord, OperationRecord } from '../records.ts';
import { isTaken } from '../repository.ts';
import { uploadOf } from '../sources/uploads.ts';
import { requireConsistent } from './consistency.ts';
import { writeDependencies } from './dependencies.ts';
import { announceOperation, getApp, isExternal } from './operations.ts';
import { withinQuota } from './quota.ts';
import { addScaling } from './scalings.ts';
import { sealCredentials, sealEnv } from './sealing.ts';
import { writeL4Routes } from './write-l4-routes.ts';
import { writePlugins } from './write-plugins.ts';
import { type PreparedRoute, prepareRoutes, writeRoutes } from './write-routes.ts';
import { writeVolumes } from './write-volumes.ts';

export interface AppChange {
  readonly app: AppRecord;
  readonly operation: OperationRecord | null;
}

/** Writes the change; when the app runs and would run differently, a CONFIGURE operation brings it there. */
export async function updateApp(
  api: Api,
  { id, input }: { readonly id: string; readonly input: unknown },
  context: CallContext,
): Promise<AppChange> {
  const app = await getApp(api, id, context);
  const what = `Cannot change app "${app.name}"`;
  const wanted = check(what, inputs.updateApp, withoutNulls(input));
  refuseOtherNature(what, app, wanted);
  const change: Change = {
    what,
    app,
    wanted,
    actor: context.actor,
    source:
      wanted.source && appSourceOf(wanted.source, await uploadOf(api, app.teamName, what, wanted.source)),
    routes: wanted.routes && (await prepareRoutes(wanted.routes)),
    classes: wanted.volumes?.some(({ kind }) => kind === 'CLASS') ? await api.reads.storageClasses() : [],
  };
  const leaves = wanted.groupId !== undefined && wanted.groupId !== app.groupId;
  const leavesSets = leaves && (await api.runs.configSetIdsOf(id)).length > 0;
  return applyChange(api, context, { app, what, isRendered: leavesSets || isRendered(app, wanted) }, (tx) =>
    writeChange(api, change, tx),
  );
}

/** Writes in one transaction, within the quota, with a CONFIGURE operation when what runs is to change. */
export async function applyChange(
  api: Api,
  context: CallContext,
  { app, what, isRendered: mayConfigure }: { app: AppRecord; what: string; isRendered: boolean },
  write: (tx: DataCenterTransaction) => Promise<void>,
): Promise<AppChange> {
  const { id, teamName: team } = app;
  const mustConfigure =
    mayConfigure && app.desired === 'RUNNING' && (app.currentVersionId !== null || isExternal(app));
  try {
    const operation = await api.repository.db.$transaction((tx) =>
      withinQuota(tx, { team, what }, async () => {
        if (mustConfigure)
          return addOperation(tx, { app, kind: 'CONFIGURE', actor: context.actor, also: write });
        await write(tx);
        return null;
      }),
    );
    if (operation) announceOperation(api, operation);
    else api.changes.announce(team, { kind: 'app', id, appId: id });
    return { app: await getApp(api, id, context), operation };
  } catch (error) {
    if (!isTaken(error)) throw error;
    throw new AppError('CONFLICT', `${what}: somebody else took one of its names at this moment; try again`, {
      cause: error,
    });
  }
}

interface Change {
  readonly what: string;
  readonly app: AppRecord;
  readonly wanted: CheckedUpdate;
  readonly actor: string;
  readonly source: AppSource | undefined;
  readonly routes: readonly PreparedRoute[] | undefined;
  readonly classes: readonly StorageClass[];
}

async function writeChange(api: Api, change: Change, tx: DataCenterTransaction): Promise<void> {
  const { what, app, wanted } = change;
  const { id } = app;
  const { secretBox } = api;
  if (wanted.env) {
    const rows = sealEnv(secretBox, id, what, wanted.env, await tx.envVar.findMany({ where: { appId: id } }));
    await tx.envVar.deleteMany({ where: { appId: id } });
    await tx.envVar.createMany({ data: rows.map((row) => ({ appId: id, ...row })) });
  }
  if (wanted.ports) await replacePorts(id, wanted.ports, tx);
  if (change.routes) await writeRoutes(api, change, change.routes, tx);
  if (wanted.l4Routes) await writeL4Routes(api, change, wanted.l4Routes, tx);
  if (wanted.volumes) await writeVolumes(api, change, wanted.volumes, tx);
  if (wanted.dependencyIds) await writeDependencies(what, app, wanted.dependencyIds, tx);
  if (wanted.plugins) await writePlugins(secretBox, change, wanted.plugins, tx);
  if (wanted.run?.replicas && wanted.run.replicas !== app.replicas)
    await addScaling(tx, app, wanted.run.replicas, change.actor);
  // Configuration sets are shared within a group.
  if (wanted.groupId)
    await tx.configSetApp.deleteMany({
      where: { appId: id, configSet: { groupId: { not: wanted.groupId } } },
    });
  const stored = appSource.safeParse(JSON.parse(app.source)).data;
  await tx.app.update({
    where: { id, teamName: app.teamName },
    data: {
      groupId: wanted.groupId,
      displayName: wanted.displayName,
      ...(wanted.source
        ? {
            source: JSON.stringify(change.source),
            sourceSecret: sealCredentials(secretBox, id, wanted.source, {
              sealed: app.sourceSecret,
              url: stored?.kind === 'GIT' || stored?.kind === 'SVN' ? stored.url : null,
            }),
          }
        : {}),
      ...settingColumns(wanted, app),
      revision: { increment: 1 },
    },
  });
  await requireConsistent(tx, what, id);
}

async function replacePorts(
  appId: string,
  wanted: NonNullable<CheckedUpdate['ports']>,
  tx: DataCenterTransaction,
): Promise<void> {
  const before = new Map((await tx.port.findMany({ where: { appId } })).map((row) => [row.port, row]));
  await tx.port.deleteMany({ where: { appId } });
  await tx.port.createMany({
    data: wanted.map(({ port, protocol, public: isPublic, alias = null }) => {
      const old = before.get(port);
      // A port that was found stays "found" until somebody changes it.
      const isSame = old?.protocol === protocol && old.public === isPublic && old.alias === alias;
      return { appId, port, protocol, public: isPublic, alias, detected: isSame && old.detected };
    }),
  });
}

/** Whether the change reaches what runs. */
function isRendered(app: AppRecord, wanted: CheckedUpdate): boolean {
  const { run, env, ports, routes, l4Routes, volumes, dependencyIds, plugins, source } = wanted;
  const parts = [run, env, ports, routes, l4Routes, volumes, dependencyIds, plugins];
  return parts.some(Boolean) || (source !== undefined && isExternal(app));
}

/** Pods of two kinds cannot be exchanged without cutting traffic, and their data lies elsewhere. */
function refuseOtherNature(what: string, app: AppRecord, { run, source }: CheckedUpdate): void {
  if (run?.workload && run.workload !== app.workload && app.currentVersionId) {
    throw new AppError(
      'CONFLICT',
      `${what}: the workload cannot change after the first deploy; make a new app`,
    );
  }
  if (source && (source.external !== undefined) !== isExternal(app)) {
    throw new AppError(
      'CONFLICT',
      `${what}: what is built cannot become a service outside, nor back; make a new app`,
    );
  }
}
