import {
  autoscaling,
  buildOptions,
  containerSettings,
  type DataCenterSettings,
  greyRelease,
  job,
  placement,
  probes,
  rollout,
  workload,
} from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import type { SecretBox } from '@skyarc/lib/secretbox';
import {
  type AppRecord,
  type DataCenterDatabase,
  environmentOf,
  type PortRecord,
  readSettings,
  type VersionRecord,
} from '@skyarc/prisma/datacenter';
import { z } from 'zod';
import { inheritedDigest } from './inherited/digest.ts';
import { readMesh } from './mesh-record.ts';
import { readPlugins } from './plugin-record.ts';
import type { GreySpec, PortSpec, RunSpec } from './render/run-spec.ts';
import { l4PortOf, routeOf } from './route-record.ts';
import { volumeOf } from './volume-record.ts';

const commandSchema = z.array(z.string()).min(1);

export interface SpecRequest {
  readonly appId: string;
  /** Instead of the app's current version. */
  readonly versionId?: string | null;
  readonly restartedAt: string | null;
  readonly isStopped: boolean;
  /** Instead of the candidate that the app's record names. */
  readonly grey?: GreySpec | null;
}

/** Reads everything that an app's objects are made of. Throws NOT_FOUND for an app or version that is gone. */
export async function readRunSpec(
  db: DataCenterDatabase,
  secretBox: SecretBox,
  request: SpecRequest,
): Promise<RunSpec> {
  const app = await db.app.findUnique({
    where: { id: request.appId },
    include: {
      team: true,
      ports: { orderBy: { port: 'asc' } },
      routes: { where: { enabled: true }, orderBy: [{ host: 'asc' }, { path: 'asc' }, { id: 'asc' }] },
      l4Routes: { orderBy: [{ protocol: 'asc' }, { listenPort: 'asc' }] },
      volumes: { include: { source: { include: { app: true } } }, orderBy: { name: 'asc' } },
    },
  });
  if (!app) throw new AppError('NOT_FOUND', `There is no app ${request.appId}`);
  const versionId = request.versionId ?? app.currentVersionId;
  const version = versionId ? await db.version.findFirst({ where: { id: versionId, appId: app.id } }) : null;
  if (!version) {
    throw new AppError('NOT_FOUND', `App "${app.name}" has no version to run yet; deploy it first`);
  }
  const [settings, environment, plugins] = await Promise.all([
    readSettings(db),
    environmentOf(db, secretBox, app.id, version.id),
    readPlugins(db, secretBox, app.id),
  ]);
  return {
    id: app.id,
    name: app.name,
    team: app.teamName,
    namespace: app.team.namespace,
    workload: workload.parse(app.workload),
    replicas: request.isStopped ? 0 : app.replicas,
    cpuMillis: app.cpuMillis,
    memoryMb: app.memoryMb,
    ...requestsOf(app, settings),
    probes: parseSettings(probes, app.probes),
    placement: parseSettings(placement, app.placement),
    rollout: parseSettings(rollout, app.rollout),
    job: parseSettings(job, app.job),
    volumes: app.volumes.map((row) => volumeOf(row, { secretBox, environment })),
    command: app.command ? commandSchema.parse(JSON.parse(app.command)) : null,
    container: containerSettings.parse(JSON.parse(app.container ?? '{}')),
    healthPath: app.healthPath,
    startTimeoutSec: app.startTimeoutSec,
    ports: portsOf(app, version),
    env: environment
      .filter(({ origin }) => origin !== 'PLATFORM')
      .map(({ name, value }) => ({ name, value })),
    routes: app.routes.map((row) => routeOf(row, secretBox)),
    l4: app.l4Routes.map(l4PortOf),
    plugins,
    autoscaling: app.autoscaling === null ? null : autoscaling.parse(JSON.parse(app.autoscaling)),
    grey: request.grey === undefined ? await readGrey(db, app) : request.grey,
    mesh: await readMesh(db, app),
    inherited: inheritedDigest(environment, plugins),
    version: { id: version.id, number: version.number, image: version.image },
    restartedAt: request.restartedAt,
  };
}

/** The candidate that the record names; null when there is none, or its version is gone. */
async function readGrey(db: DataCenterDatabase, app: AppRecord): Promise<GreySpec | null> {
  if (!app.greyVersionId || !app.greyRelease) return null;
  const version = await db.version.findFirst({ where: { id: app.greyVersionId, appId: app.id } });
  if (!version) return null;
  const { id, number, image } = version;
  return { version: { id, number, image }, release: greyRelease.parse(JSON.parse(app.greyRelease)) };
}

/** What is reserved: the app's own wish, else its limit by the data centre's over-commit; never above the limit. */
function requestsOf(
  app: AppRecord,
  { cpuRequestPercent, memoryRequestPercent }: DataCenterSettings,
): Pick<RunSpec, 'cpuRequestMillis' | 'memoryRequestMb'> {
  const cpu = app.cpuRequestMillis ?? Math.max(10, Math.ceil((app.cpuMillis * cpuRequestPercent) / 100));
  const memory = app.memoryRequestMb ?? Math.max(16, Math.ceil((app.memoryMb * memoryRequestPercent) / 100));
  return { cpuRequestMillis: Math.min(cpu, app.cpuMillis), memoryRequestMb: Math.min(memory, app.memoryMb) };
}

/** Settings that were never made are their defaults. */
function parseSettings<T>(schema: z.ZodType<T>, text: string | null): T {
  return schema.parse(text === null ? {} : JSON.parse(text));
}

/**
 * An app whose ports all come from its source has those of the version that runs, so that a rollback brings
 * back the older one's. Ports that a person changed are the app's, whatever the version.
 */
function portsOf(
  { ports: rows, buildOptions: options }: AppRecord & { readonly ports: readonly PortRecord[] },
  version: VersionRecord,
): PortSpec[] {
  const stored = rows.map(({ port, protocol, public: isPublic }) => ({
    port,
    protocol: portProtocol.parse(protocol),
    public: isPublic,
  }));
  const found = z.array(z.int()).parse(JSON.parse(version.ports));
  if (found.length === 0 || rows.length === 0 || rows.some(({ detected }) => !detected)) return stored;
  const { privatePorts = false } = parseSettings(buildOptions, options);
  return found
    .toSorted((a, b) => a - b)
    .map(
      (port) => stored.find((row) => row.port === port) ?? { port, protocol: 'HTTP', public: !privatePorts },
    );
}

const portProtocol = z.enum(['HTTP', 'GRPC', 'TCP', 'UDP']);
