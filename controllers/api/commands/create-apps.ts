import { randomUUID } from 'node:crypto';
import { newId } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import { addOperation, type DataCenterTransaction } from '@skyarc/prisma/datacenter';
import type { Api } from '../api.ts';
import { type CallContext, theTeam } from '../context.ts';
import { type CheckedNewApp, createAppsInput } from '../input/apps.ts';
import { withoutNulls } from '../input/text.ts';
import type { AppRecord, OperationRecord } from '../records.ts';
import { isTaken } from '../repository.ts';
import { requireConsistent } from './consistency.ts';
import { newAppData } from './create-app.ts';
import { inStartOrder, writeDependencies } from './dependencies.ts';
import { announceOperation } from './operations.ts';
import { withinQuota } from './quota.ts';
import { invalid } from './refusals.ts';
import { ensureTeam } from './teams.ts';
import { writeVolumes } from './write-volumes.ts';

export interface CreatedApps {
  readonly apps: AppRecord[];
  readonly operations: OperationRecord[];
}

const what = 'Cannot create the apps';

/** Makes several apps in one transaction with what they have of each other; all of them, or none. */
export async function createApps(api: Api, input: unknown, context: CallContext): Promise<CreatedApps> {
  const team = theTeam(context);
  const { groupId, apps: wanted, deploy } = check(what, createAppsInput, withoutNulls(input));
  await ensureTeam(api, team);
  const rows = await Promise.all(
    wanted.map(async (one) => {
      const id = newId(api.config.dataCenter, 'app');
      const data = await newAppData(
        api,
        { id, team, what: `Cannot create app "${one.name}"` },
        { ...one, groupId },
      );
      return { id, data, wanted: one };
    }),
  );
  try {
    const made = await api.repository.db.$transaction(
      (tx) =>
        withinQuota(tx, { team, what }, async () => {
          const apps = new Map<string, AppRecord>();
          for (const { data, wanted: one } of rows) apps.set(one.name, await tx.app.create({ data }));
          await writeAllVolumes(api, wanted, apps, tx);
          const order = await writeAllDependencies(wanted, apps, tx);
          for (const { id, wanted: one } of rows)
            await requireConsistent(tx, `Cannot create app "${one.name}"`, id);
          return { apps: order, operations: deploy ? await deployAll(order, context.actor, tx) : [] };
        }),
      { timeout: 30_000 },
    );
    for (const { id } of made.apps) api.changes.announce(team, { kind: 'app', id, appId: id });
    for (const operation of made.operations) announceOperation(api, operation);
    return made;
  } catch (error) {
    if (!isTaken(error)) throw error;
    const taken = await api.repository.db.app.findMany({
      where: { teamName: team, name: { in: wanted.map(({ name }) => name) } },
    });
    const names = taken.map(({ name }) => `"${name}"`).join(', ') || 'one of the names';
    throw new AppError(
      'CONFLICT',
      `${what}: ${names} ${taken.length > 1 ? 'are' : 'is'} taken in team "${team}"`,
      {
        details: { names: taken.map(({ name }) => name) },
        cause: error,
      },
    );
  }
}

/** Owners of shared volumes first, whoever names them. */
async function writeAllVolumes(
  api: Api,
  wanted: readonly CheckedNewApp[],
  apps: ReadonlyMap<string, AppRecord>,
  tx: DataCenterTransaction,
): Promise<void> {
  const idOf = async (app: string | undefined, name: string | undefined): Promise<string> => {
    const owner = app && apps.get(app);
    const volume = owner && (await tx.volume.findFirst({ where: { appId: owner.id, name: name ?? '' } }));
    if (!volume) throw invalid(what, 'volumes', `app "${app}" has no volume "${name}" that could be shown`);
    return volume.id;
  };
  const byName = new Map(wanted.map((one) => [one.name, one]));
  const owners = new Map(
    wanted.map(({ name, volumes = [] }) => [name, volumes.flatMap(({ sourceApp }) => sourceApp ?? [])]),
  );
  for (const name of inStartOrder([...byName.keys()], owners)) {
    const one = byName.get(name) as CheckedNewApp;
    if (!one.volumes) continue;
    const own = one.volumes.filter(({ kind }) => kind !== 'APP');
    const shown = one.volumes.filter(({ kind }) => kind === 'APP');
    const app = apps.get(name) as AppRecord;
    const facts = { what: `Cannot create app "${name}"`, app, classes: [] };
    const sources = [];
    for (const { sourceApp, sourceVolume, ...volume } of shown)
      sources.push({ ...volume, sourceId: await idOf(sourceApp, sourceVolume) });
    await writeVolumes(api, facts, [...own, ...sources], tx);
  }
}

/** The apps in start order. */
async function writeAllDependencies(
  wanted: readonly CheckedNewApp[],
  apps: ReadonlyMap<string, AppRecord>,
  tx: DataCenterTransaction,
): Promise<AppRecord[]> {
  const needs = new Map<string, string[]>();
  for (const { name, dependsOn = [] } of wanted) {
    const app = apps.get(name) as AppRecord;
    const others = dependsOn.filter((one) => !apps.has(one));
    const known = await tx.app.findMany({
      where: { teamName: app.teamName, deletedAt: null, name: { in: others } },
    });
    const ids = dependsOn.map((one) => apps.get(one)?.id ?? known.find((row) => row.name === one)?.id);
    const lost = dependsOn[ids.indexOf(undefined)];
    const reason = `Cannot create app "${name}"`;
    if (lost !== undefined) throw invalid(reason, 'dependsOn', `the team has no app "${lost}"`);
    needs.set(app.id, ids as string[]);
    if (ids.length > 0) await writeDependencies(reason, app, ids as string[], tx);
  }
  const byId = new Map([...apps.values()].map((app) => [app.id, app]));
  return inStartOrder([...byId.keys()], needs).map((id) => byId.get(id) as AppRecord);
}

async function deployAll(
  apps: readonly AppRecord[],
  actor: string,
  tx: DataCenterTransaction,
): Promise<OperationRecord[]> {
  const begun = new Map<string, OperationRecord>();
  const batchId = randomUUID();
  for (const app of apps) {
    const needs = await tx.dependency.findMany({ where: { fromId: app.id } });
    const afterIds = needs.flatMap(({ toId }) => begun.get(toId)?.id ?? []);
    begun.set(app.id, await addOperation(tx, { app, kind: 'DEPLOY', actor, afterIds, batchId }));
  }
  return [...begun.values()];
}
