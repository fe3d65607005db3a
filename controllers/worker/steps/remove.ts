import { streamOf } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import type { EventLogClient } from '@skyarc/lib/eventlog-client';
import type { OperationJournal } from '@skyarc/prisma/datacenter';
import type { WorkerContext } from '../context.ts';
import type { AppRef } from '../deployed.ts';
import { removeClaims } from './claims.ts';
import { listPods, removeObjects } from './objects.ts';
import { throwIfOver } from './roll-out.ts';

/** Removes the app's objects, waits until its pods are gone, and lets go of its data. */
export async function removeRunning(
  context: WorkerContext,
  run: { app: AppRef; journal: OperationJournal; signal: AbortSignal },
): Promise<void> {
  await removeObjects(context.kube, run.app);
  while ((await listPods(context.kube, run.app)).length > 0) {
    await throwIfOver(context, run.journal);
    await context.watch.next(run.app.id, 1_000, run.signal);
  }
  await removeClaims(context.kube, run.app);
}

/** Removes what an app leaves behind beside the cluster: logs and images. May be repeated. */
export async function removeTraces(
  { db, registry }: WorkerContext,
  eventlog: Pick<EventLogClient, 'remove'>,
  appId: string,
): Promise<void> {
  const [builds, versions] = await Promise.all([
    db.build.findMany({ where: { appId }, select: { id: true } }),
    db.version.findMany({ where: { appId }, select: { image: true } }),
  ]);
  await eventlog.remove([streamOf.app(appId), ...builds.map(({ id }) => streamOf.build(id))]);
  if (!registry) return;
  for (const image of new Set(versions.map((version) => version.image))) {
    const [repository, digest] = image.split('@');
    if (!repository || !digest) continue;
    try {
      await registry.deleteManifest(repository, digest);
    } catch (error) {
      // A registry that does not delete keeps some bytes; one that is away is waited for.
      if (error instanceof AppError && error.code === 'UNAVAILABLE') throw error;
    }
  }
}
