import { buildOptions, newId, runtimeTask, topics } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { type DataCenterTransaction, enqueue, type VersionRecord } from '@skyarc/prisma/datacenter';
import type { Published } from './publish.ts';
import type { BuildRun } from './run.ts';

/**
 * Ends the build: its version, its ports and the task that deploys it appear in one transaction, or nothing
 * does. Throws CONFLICT when the build is not ours any more.
 */
export async function handOver(run: BuildRun, made: Published, cacheKey: string): Promise<VersionRecord> {
  const { db, build, app, task, owner } = run;
  const { ports } = made;
  // What a Dockerfile or an image does not expose is not guessed: a worker would never be ready.
  if (ports.length === 0)
    run.log.write(
      'It exposes no port, so the app has none; add EXPOSE, or the port in the settings of the app',
    );
  return db.$transaction(async (tx) => {
    const { count } = await tx.build.updateMany({
      where: { id: build.id, claimedBy: owner, status: 'RUNNING' },
      data: {
        status: 'SUCCEEDED',
        finishedAt: new Date(),
        cacheKey,
        layers: JSON.stringify(made.layers),
        sentBytes: BigInt(made.sentBytes),
      },
    });
    if (count === 0) throw new AppError('CONFLICT', 'Another builder has taken over this build');
    const created = await tx.version.create({
      data: {
        id: newId(app.id.split('.')[0] as string, 'version'),
        appId: app.id,
        buildId: build.id,
        number: build.number,
        image: made.image,
        sizeBytes: BigInt(made.sizeBytes),
        ports: JSON.stringify(ports),
        processes: JSON.stringify(made.processes),
      },
    });
    await tx.operation.update({ where: { id: task.operationId }, data: { versionId: created.id } });
    await storePorts(tx, app, ports);
    const { operationId, team } = task;
    const body = runtimeTask.parse({ operationId, appId: app.id, team });
    await enqueue(tx, { id: `${operationId}.runtime`, topic: topics.runtime, key: app.id, body });
    return created;
  });
}

/** Ports of the source are the app's until somebody changes one of them. */
async function storePorts(
  tx: DataCenterTransaction,
  { id: appId, buildOptions: options }: BuildRun['app'],
  ports: readonly number[],
): Promise<void> {
  const { privatePorts = false } = buildOptions.parse(JSON.parse(options ?? '{}'));
  const rows = await tx.port.findMany({ where: { appId } });
  if (rows.some(({ detected }) => !detected)) return;
  if (rows.some(({ port }) => !ports.includes(port)))
    await tx.port.deleteMany({ where: { appId, port: { notIn: [...ports] } } });
  const known = new Set(rows.map(({ port }) => port));
  for (const port of ports) {
    if (!known.has(port))
      await tx.port.create({ data: { appId, port, detected: true, public: !privatePorts } });
  }
}
