import { randomUUID } from 'node:crypto';
import { AppError } from '@skyarc/lib/errors';
import { addOperation, type DataCenterTransaction } from '@skyarc/prisma/datacenter';
import type { Api } from '../api.ts';
import { type CallContext, theTeam } from '../context.ts';
import type { AppRecord, OperationRecord } from '../records.ts';
import { inStartOrder } from './dependencies.ts';
import { announceOperation, cannot, refusals } from './operations.ts';
import { withinQuota } from './quota.ts';

type GroupKind = 'START' | 'STOP' | 'RESTART' | 'DEPLOY';

/**
 * Begins an operation of each app of a group that it makes sense for, in one batch: a start, restart or deploy
 * waits for those of the apps that it depends on, a stop for those of the apps that depend on it. All or none
 * begin. Throws CONFLICT when there is nothing to do or one of the apps is busy.
 */
export async function actOnGroup(
  api: Api,
  kind: GroupKind,
  groupId: string,
  context: CallContext,
): Promise<OperationRecord[]> {
  const team = theTeam(context);
  const what = `Cannot ${kind.toLowerCase()} the group`;
  const operations = await api.repository.db.$transaction((tx) =>
    withinQuota(tx, { team, what }, async () => {
      const { apps, after } = await plan(tx, { team, groupId, kind });
      if (apps.length === 0)
        throw new AppError('CONFLICT', `${what}: it has no app to ${kind.toLowerCase()}`);
      const begun = new Map<string, OperationRecord>();
      const batchId = randomUUID();
      for (const app of apps) {
        const afterIds = (after.get(app.id) ?? []).flatMap((id) => begun.get(id)?.id ?? []);
        begun.set(app.id, await addOperation(tx, { app, kind, actor: context.actor, afterIds, batchId }));
      }
      return [...begun.values()];
    }),
  );
  for (const operation of operations) announceOperation(api, operation);
  return operations;
}

/** The apps to act on, each behind those that it waits for, and whom it waits for. */
async function plan(
  tx: DataCenterTransaction,
  { team, groupId, kind }: { readonly team: string; readonly groupId: string; readonly kind: GroupKind },
): Promise<{ apps: AppRecord[]; after: Map<string, string[]> }> {
  const all = await tx.app.findMany({
    where: { teamName: team, groupId, deletedAt: null },
    orderBy: { name: 'asc' },
    include: { dependencies: true, dependents: true },
  });
  const apps = all.filter((app) => refusals[kind](app) === undefined);
  const after = new Map(
    all.map(({ id, dependencies, dependents }) => [
      id,
      kind === 'STOP' ? dependents.map(({ fromId }) => fromId) : dependencies.map(({ toId }) => toId),
    ]),
  );
  const busy = apps.find(({ activeOperationId }) => activeOperationId !== null);
  if (busy) {
    throw new AppError(
      'CONFLICT',
      `${cannot(kind, busy)}: another operation is still running; wait for it or cancel it`,
      {
        details: { operationId: busy.activeOperationId },
      },
    );
  }
  const byId = new Map(apps.map((app) => [app.id, app]));
  const order = inStartOrder([...byId.keys()], after);
  return { apps: order.flatMap((id) => byId.get(id) ?? []), after };
}
