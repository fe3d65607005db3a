import { appSource, autoscaling, greyRelease, job, quota, type Quota } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import type { DataCenterPrisma, DataCenterTransaction } from '@skyarc/prisma/datacenter';
import { stored } from '../present/run.ts';

/** What a team's apps may take at most as they are set now. */
export interface Use {
  readonly cpuMillis: number;
  readonly memoryMb: number;
  readonly storageMb: number;
  readonly apps: number;
}

/** Pods of these are there, or about to be, though their owner's wish is recorded only at the end. */
const startingKinds = ['DEPLOY', 'START', 'UPGRADE', 'ROLLBACK', 'RUN', 'GREY_START'];
/** What a volume has that was given no size. */
export const defaultVolumeMb = 1_024;

const counted = {
  volumes: true,
  plugins: { where: { enabled: true }, include: { plugin: { include: { versions: true } } } },
} satisfies DataCenterPrisma.AppInclude;
type CountedApp = DataCenterPrisma.AppGetPayload<{ include: typeof counted }>;

/** Sum over a team's apps: limits of the pods of those that run, sizes of all volumes. */
export async function useOf(tx: DataCenterTransaction, teamName: string): Promise<Use> {
  const apps = await tx.app.findMany({ where: { teamName, deletedAt: null }, include: counted });
  const starting = await tx.operation.findMany({
    where: { id: { in: apps.flatMap((app) => app.activeOperationId ?? []) }, kind: { in: startingKinds } },
    select: { id: true, kind: true, arguments: true },
  });
  const sum = { cpuMillis: 0, memoryMb: 0, storageMb: 0, apps: apps.length };
  for (const app of apps) {
    const active = starting.find(({ id }) => id === app.activeOperationId);
    const pods = app.desired === 'RUNNING' || active ? podsOf(app, active) : 0;
    const pod = podOf(app);
    sum.cpuMillis += pods * pod.cpuMillis;
    sum.memoryMb += pods * pod.memoryMb;
    sum.storageMb += storageOf(app);
  }
  return sum;
}

/**
 * Makes a change that may not pass the team's limits: one that leaves the team above a limit and made its use
 * grow is undone with its transaction. The team's changes of this kind wait for each other. Throws EXHAUSTED.
 */
export async function withinQuota<T>(
  tx: DataCenterTransaction,
  { team, what }: { readonly team: string; readonly what: string },
  change: () => Promise<T>,
): Promise<T> {
  // Writes first: two at once must not both count before either has changed something.
  const row = await tx.team.update({ where: { name: team }, data: { name: team } });
  const limits = quota.parse(JSON.parse(row.quota));
  if (Object.values(limits).every((limit) => limit === null || limit === undefined)) return change();
  const before = await useOf(tx, team);
  const result = await change();
  const after = await useOf(tx, team);
  for (const resource of ['apps', 'cpuMillis', 'memoryMb', 'storageMb'] as const) {
    const needed = after[resource] - before[resource];
    const limit = limits[resource];
    if (limit === null || limit === undefined || needed <= 0 || after[resource] <= limit) continue;
    const free = Math.max(0, limit - before[resource]);
    throw new AppError(
      'EXHAUSTED',
      `${what}: it needs ${needed} ${unitOf[resource]}, ${free} of ${limit} are free in team "${team}"`,
      { details: { resource, needed, free, limit } },
    );
  }
  return result;
}

const unitOf: Readonly<Record<keyof Use, string>> = {
  apps: 'app',
  cpuMillis: 'millicores of CPU',
  memoryMb: 'MB of memory',
  storageMb: 'MB of storage',
};

/** Most pods that an app may have, the candidate's among them. */
function podsOf(
  app: CountedApp,
  active: { readonly kind: string; readonly arguments: string } | undefined,
): number {
  if (appSource.parse(JSON.parse(app.source)).kind === 'EXTERNAL') return 0;
  if (app.workload === 'JOB' || app.workload === 'CRON_JOB') return stored(job, app.job)?.parallelism ?? 1;
  const rule = stored(autoscaling, app.autoscaling);
  const own = rule?.enabled ? rule.maxReplicas : app.replicas;
  const candidate =
    active?.kind === 'GREY_START'
      ? greyRelease.safeParse(JSON.parse(active.arguments)).data
      : app.greyVersionId
        ? stored(greyRelease, app.greyRelease)
        : null;
  return own + (candidate?.replicas ?? 0);
}

/** Limits of one pod: its container and the side-cars; what runs before them is over when they begin. */
function podOf(app: CountedApp): Pick<Use, 'cpuMillis' | 'memoryMb'> {
  const sideCars = app.plugins
    .filter(({ plugin }) => plugin.kind === 'SIDE_CAR')
    .map(({ version, cpuMillis, memoryMb, plugin }) => {
      const own = plugin.versions.find(({ number }) => number === version);
      return { cpuMillis: cpuMillis ?? own?.cpuMillis ?? 0, memoryMb: memoryMb ?? own?.memoryMb ?? 0 };
    });
  return {
    cpuMillis: sideCars.reduce((sum, one) => sum + one.cpuMillis, app.cpuMillis),
    memoryMb: sideCars.reduce((sum, one) => sum + one.memoryMb, app.memoryMb),
  };
}

function storageOf(app: CountedApp): number {
  const rule = stored(autoscaling, app.autoscaling);
  const pods = rule?.enabled ? rule.maxReplicas : app.replicas;
  return app.volumes.reduce((sum, { kind, sizeMb, accessMode }) => {
    if (kind !== 'SHARED' && kind !== 'LOCAL' && kind !== 'CLASS') return sum;
    const isPerPod =
      app.workload === 'STATEFUL' &&
      (kind === 'LOCAL' || (kind === 'CLASS' && accessMode !== 'ReadWriteMany'));
    return sum + (sizeMb ?? defaultVolumeMb) * (isPerPod ? pods : 1);
  }, 0);
}

/** Limits and use as the API shows them. */
export function presentQuota(teamName: string, limits: Quota, use: Use) {
  const of = (resource: keyof Use) => ({ limit: limits[resource] ?? null, used: use[resource] });
  return {
    teamName,
    cpuMillis: of('cpuMillis'),
    memoryMb: of('memoryMb'),
    storageMb: of('storageMb'),
    apps: of('apps'),
  };
}
