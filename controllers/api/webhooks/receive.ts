import { createHash } from 'node:crypto';
import {
  appSource,
  type DeliveryOutcome,
  newId,
  type WebhookKind,
  webhookFilter,
} from '@skyarc/lib/contracts';
import { AppError, messageOf } from '@skyarc/lib/errors';
import type { DataCenterPrisma } from '@skyarc/prisma/datacenter';
import type { Api } from '../api.ts';
import { isTaken } from '../repository.ts';
import { beginWaiting } from './begin.ts';
import { decide } from './decide.ts';
import { formats, type Notice, type WebhookRequest } from './formats/index.ts';

export interface WebhookReceipt {
  /** Null when it was known already. */
  readonly outcome: DeliveryOutcome | null;
  readonly message: string | null;
  readonly operationId: string | null;
}

/** What came in, and from where. */
export type Incoming = WebhookRequest & { readonly remoteAddress: string | null };

const withApp = { app: true } satisfies DataCenterPrisma.WebhookInclude;
type Webhook = DataCenterPrisma.WebhookGetPayload<{ include: typeof withApp }>;

/**
 * Takes a delivery: who sent it is proven first, then it is written down, then it deploys, or not. One that was
 * taken before is answered and left alone. Throws UNAUTHENTICATED, INVALID, or NOT_FOUND for an unknown webhook.
 */
export async function receiveWebhook(api: Api, id: string, request: Incoming): Promise<WebhookReceipt> {
  const { db } = api.repository;
  const webhook = await db.webhook.findUnique({ where: { id }, include: withApp });
  if (!webhook || webhook.app.deletedAt) throw new AppError('NOT_FOUND', 'There is no such webhook');
  const format = formats[webhook.kind as WebhookKind];
  const proof = format.verify(request, api.secretBox.open(webhook.secret, `webhook:${id}`));
  if (!proof) {
    await refuse(api, webhook, request, 'Its signature or token is missing or wrong');
    throw new AppError('UNAUTHENTICATED', 'The signature or token is missing or wrong');
  }
  if (!webhook.enabled) throw new AppError('CONFLICT', 'The webhook is switched off');
  const known = await understood(api, webhook, request, () => ({
    notice: format.read(request),
    delivery: format.deliveryOf(request),
  }));
  const { notice, delivery } = known;
  const decision = decide(
    notice,
    appSource.parse(JSON.parse(webhook.app.source)),
    webhookFilter.parse(JSON.parse(webhook.filter)),
  );
  const outcome: DeliveryOutcome = decision.outcome === 'DEPLOY' ? 'WAITING' : decision.outcome;
  const bodyDigest = digestOf(request.body);
  const deliveryId = newId(api.config.dataCenter, 'delivery');
  const deliveryKey = (delivery ?? deliveryId).slice(0, 200);
  const signedDigest = proof.signsBody && notice.kind !== 'PING' ? bodyDigest : null;
  if (await isRepeated(api, id, { deliveryKey, signedDigest })) return repeated;
  try {
    await db.webhookDelivery.create({
      data: {
        id: deliveryId,
        webhookId: id,
        deliveryKey,
        bodyDigest,
        outcome,
        message: decision.message,
        remoteAddress: request.remoteAddress,
        ...subjectOf(notice),
      },
    });
  } catch (error) {
    if (isTaken(error)) return repeated;
    throw error;
  }
  await forgetOld(api, id);
  if (outcome === 'WAITING') await beginWaiting(api, webhook.appId);
  api.changes.announce(webhook.app.teamName, { kind: 'app', id: webhook.appId, appId: webhook.appId });
  const row = await db.webhookDelivery.findUnique({ where: { id: deliveryId } });
  return {
    outcome: (row?.outcome as DeliveryOutcome | undefined) ?? outcome,
    message: row?.message ?? null,
    operationId: row?.operationId ?? null,
  };
}

const repeated: WebhookReceipt = {
  outcome: null,
  message: 'This delivery was taken before',
  operationId: null,
};

/**
 * Whether it was taken before: by its name, or by its signed body, whatever its headers call it. One that failed
 * makes room for its repetition.
 */
async function isRepeated(
  api: Api,
  webhookId: string,
  { deliveryKey, signedDigest }: { readonly deliveryKey: string; readonly signedDigest: string | null },
): Promise<boolean> {
  const { webhookDelivery } = api.repository.db;
  const known = await webhookDelivery.findMany({
    where: {
      webhookId,
      outcome: { not: 'REFUSED' },
      OR: [{ deliveryKey }, ...(signedDigest === null ? [] : [{ bodyDigest: signedDigest }])],
    },
    select: { id: true, outcome: true },
  });
  if (known.some(({ outcome }) => outcome !== 'FAILED')) return true;
  await webhookDelivery.deleteMany({ where: { id: { in: known.map(({ id }) => id) }, outcome: 'FAILED' } });
  return false;
}

async function understood<T>(api: Api, webhook: Webhook, request: Incoming, read: () => T): Promise<T> {
  try {
    return read();
  } catch (error) {
    await refuse(api, webhook, request, messageOf(error));
    throw error;
  }
}

async function refuse(api: Api, { id }: Webhook, request: Incoming, message: string): Promise<void> {
  const deliveryId = newId(api.config.dataCenter, 'delivery');
  await api.repository.db.webhookDelivery.create({
    data: {
      id: deliveryId,
      webhookId: id,
      deliveryKey: deliveryId,
      bodyDigest: digestOf(request.body),
      event: 'unknown',
      outcome: 'REFUSED',
      message,
      remoteAddress: request.remoteAddress,
    },
  });
  await forgetOld(api, id);
}

/** Strangers cannot push what was real out of the list: refused ones have a list of their own. */
const kept = { refused: 20, taken: 100 };

async function forgetOld(api: Api, webhookId: string): Promise<void> {
  const { db } = api.repository;
  const lists: readonly [DataCenterPrisma.StringFilter, number][] = [
    [{ equals: 'REFUSED' }, kept.refused],
    [{ notIn: ['REFUSED', 'WAITING'] }, kept.taken],
  ];
  for (const [outcome, skip] of lists) {
    const old = await db.webhookDelivery.findMany({
      where: { webhookId, outcome },
      orderBy: [{ receivedAt: 'desc' }, { id: 'desc' }],
      skip,
      select: { id: true },
    });
    if (old.length > 0)
      await db.webhookDelivery.deleteMany({ where: { id: { in: old.map((row) => row.id) } } });
  }
}

function subjectOf(notice: Notice) {
  const event = notice.event.slice(0, 100);
  if (notice.kind === 'IMAGE') {
    const [first] = notice.images;
    return { event, subject: first ? `${first.repository}:${first.tag ?? ''}`.slice(0, 200) : null };
  }
  if (notice.kind !== 'PUSH') return { event };
  const { branch, commitId, message } = notice;
  return {
    event,
    branch: branch?.slice(0, 200) ?? null,
    commitId: commitId?.slice(0, 64) ?? null,
    subject: message?.split('\n', 1)[0]?.slice(0, 200) ?? null,
  };
}

const digestOf = (body: Buffer) => createHash('sha256').update(body).digest('hex');
