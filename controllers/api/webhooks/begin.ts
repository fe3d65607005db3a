import { toAppError } from '@skyarc/lib/errors';
import { addOperation, requestCancel, type WebhookDeliveryRecord } from '@skyarc/prisma/datacenter';
import type { Api } from '../api.ts';
import { announceOperation, cannot } from '../commands/operations.ts';
import { withinQuota } from '../commands/quota.ts';
import type { AppRecord } from '../records.ts';

/**
 * Begins the deploy of an app's newest waiting delivery; older ones are superseded. While the app still builds
 * what is older, that build is asked to stop; anything else is waited for. May be called at any time, by several.
 */
export async function beginWaiting(api: Api, appId: string): Promise<void> {
  const { db } = api.repository;
  const waiting = await db.webhookDelivery.findMany({
    where: { outcome: 'WAITING', webhook: { appId } },
    include: { webhook: { include: { app: true } } },
    orderBy: [{ receivedAt: 'desc' }, { id: 'desc' }],
  });
  const [newest, ...older] = waiting;
  if (!newest) return;
  if (older.length > 0)
    await db.webhookDelivery.updateMany({
      where: { id: { in: older.map(({ id }) => id) }, outcome: 'WAITING' },
      data: { outcome: 'SUPERSEDED', message: `${nameOf(newest)} came before it could begin` },
    });
  const { app, name } = newest.webhook;
  try {
    await deploy(api, app, newest, `webhook "${name}"`);
  } catch (error) {
    const { code, message, details } = toAppError(error);
    const busyWith = code === 'CONFLICT' ? details?.['operationId'] : undefined;
    if (typeof busyWith === 'string') return supersede(api, busyWith, newest);
    await db.webhookDelivery.updateMany({
      where: { id: newest.id, outcome: 'WAITING' },
      data: {
        outcome: 'FAILED',
        message: code === 'INTERNAL' ? 'Something went wrong on our side' : message,
      },
    });
  }
}

async function deploy(
  api: Api,
  app: AppRecord,
  delivery: WebhookDeliveryRecord,
  actor: string,
): Promise<void> {
  const what = cannot('DEPLOY', app);
  const operation = await api.repository.db.$transaction((tx) =>
    withinQuota(tx, { team: app.teamName, what }, () =>
      addOperation(tx, {
        app,
        kind: 'DEPLOY',
        actor,
        also: async (inner, { id }) => {
          // Two that begin at once meet at the app's claim; the delivery is taken with it.
          await inner.webhookDelivery.update({
            where: { id: delivery.id, outcome: 'WAITING' },
            data: { outcome: 'DEPLOYED', operationId: id },
          });
        },
      }),
    ),
  );
  announceOperation(api, operation);
}

/** Asks a deploy that still builds to stop. One that rolls out already is let end: the app is being changed. */
async function supersede(api: Api, operationId: string, by: WebhookDeliveryRecord): Promise<void> {
  const { db } = api.repository;
  const active = await db.operation.findUnique({ where: { id: operationId }, include: { steps: true } });
  const isBuilding =
    active?.kind === 'DEPLOY' &&
    active.steps.some(({ name, status }) => name === 'APPLY' && status === 'QUEUED');
  const message = isBuilding
    ? 'The older build is asked to stop'
    : `It begins when the app's ${active?.kind.toLowerCase().replace('_', ' ') ?? 'operation'} has ended`;
  const waits = await db.webhookDelivery.updateMany({
    where: { id: by.id, outcome: 'WAITING' },
    data: { message },
  });
  // Somebody else has begun it meanwhile: what is running may be its own deploy.
  if (waits.count === 0) return;
  if (isBuilding && (await requestCancel(db, operationId, `Superseded by ${nameOf(by)}`)))
    announceOperation(api, active);
}

function nameOf({ branch, commitId, subject }: WebhookDeliveryRecord): string {
  const commit = commitId ? ` of ${commitId.slice(0, 8)}` : subject ? ` of ${subject.slice(0, 80)}` : '';
  return `a newer push${commit}${branch ? ` to ${branch}` : ''}`;
}
