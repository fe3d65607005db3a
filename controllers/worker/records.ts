import { AppError } from '@skyarc/lib/errors';
import type { SecretBox } from '@skyarc/lib/secretbox';
import type { DataCenterDatabase } from '@skyarc/prisma/datacenter';
import { z } from 'zod';
import type { RunSpec } from './render/run-spec.ts';

const commandSchema = z.array(z.string()).min(1);

export interface SpecRequest {
  readonly appId: string;
  /** Instead of the app's current version. */
  readonly versionId?: string | null;
  readonly restartedAt: string | null;
  readonly isStopped: boolean;
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
      env: { orderBy: { name: 'asc' } },
      routes: { orderBy: [{ host: 'asc' }, { path: 'asc' }] },
    },
  });
  if (!app) throw new AppError('NOT_FOUND', `There is no app ${request.appId}`);
  const versionId = request.versionId ?? app.currentVersionId;
  const version = versionId ? await db.version.findFirst({ where: { id: versionId, appId: app.id } }) : null;
  if (!version) {
    throw new AppError('NOT_FOUND', `App "${app.name}" has no version to run yet; deploy it first`);
  }
  return {
    id: app.id,
    name: app.name,
    team: app.teamName,
    namespace: app.team.namespace,
    workload: app.workload === 'STATEFUL' ? 'STATEFUL' : 'STATELESS',
    replicas: request.isStopped ? 0 : app.replicas,
    cpuMillis: app.cpuMillis,
    memoryMb: app.memoryMb,
    command: app.command ? commandSchema.parse(JSON.parse(app.command)) : null,
    healthPath: app.healthPath,
    startTimeoutSec: app.startTimeoutSec,
    ports: app.ports.map(({ port, protocol, public: isPublic }) => ({
      port,
      protocol: protocol === 'TCP' ? 'TCP' : 'HTTP',
      public: isPublic,
    })),
    env: app.env.map(({ name, value }) => ({
      name,
      value: secretBox.open(value, `env:${app.id}:${name}`),
    })),
    routes: app.routes.map(({ host, path, port }) => ({ host, path, port })),
    version: { id: version.id, number: version.number, image: version.image },
    restartedAt: request.restartedAt,
  };
}
