import { randomBytes } from 'node:crypto';
import { entityId, newId, webhookFilter, webhookKind, webhookPath } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import type { WebhookRecord } from '@skyarc/prisma/datacenter';
import { z } from 'zod';
import type { Api } from '../api.ts';
import { getApp } from '../commands/operations.ts';
import { type CallContext, teamFilter } from '../context.ts';
import type { Webhook, WebhookKind } from '../generated/resolvers.ts';
import { plainText, withoutNulls } from '../input/text.ts';
import { isTaken } from '../repository.ts';

/** Most webhooks of one app. */
const maxWebhooks = 20;

const input = z.object({
  id: entityId.optional(),
  appId: entityId,
  name: plainText(80, 'A name').min(1, 'A name is needed'),
  kind: webhookKind,
  enabled: z.boolean().default(true),
  ...webhookFilter.shape,
});

export interface WebhookWithSecret {
  readonly webhook: WebhookRecord;
  readonly secret: string | null;
}

/** Makes one with a new secret, or changes one, which keeps its own. */
export async function saveWebhook(
  api: Api,
  given: unknown,
  context: CallContext,
): Promise<WebhookWithSecret> {
  const { id, appId, name, kind, enabled, ...filter } = check(
    'Cannot save the webhook',
    input,
    withoutNulls(given),
  );
  const app = await getApp(api, appId, context);
  const what = `Cannot save the webhook of app "${app.name}"`;
  const { db } = api.repository;
  const data = { name, kind, enabled, filter: JSON.stringify(filter) };
  try {
    if (id) {
      const present = await getWebhook(api, id, context);
      if (present.appId !== appId) throw new AppError('NOT_FOUND', `${what}: it has no such webhook`);
      return { webhook: await db.webhook.update({ where: { id }, data }), secret: null };
    }
    if ((await db.webhook.count({ where: { appId } })) >= maxWebhooks)
      throw new AppError('EXHAUSTED', `${what}: it has ${maxWebhooks} already; remove one`);
    const fresh = newId(api.config.dataCenter, 'webhook');
    const secret = newSecret();
    const sealed = api.secretBox.seal(secret, `webhook:${fresh}`);
    return {
      webhook: await db.webhook.create({ data: { id: fresh, appId, secret: sealed, ...data } }),
      secret,
    };
  } catch (error) {
    if (!isTaken(error)) throw error;
    throw new AppError('CONFLICT', `${what}: "${name}" is there already`, { cause: error });
  }
}

/** Gives it another secret; the old one ends at once. */
export async function rotateWebhookSecret(
  api: Api,
  id: string,
  context: CallContext,
): Promise<WebhookWithSecret> {
  await getWebhook(api, id, context);
  const secret = newSecret();
  const data = { secret: api.secretBox.seal(secret, `webhook:${id}`), rotatedAt: new Date() };
  return { webhook: await api.repository.db.webhook.update({ where: { id }, data }), secret };
}

export async function deleteWebhook(api: Api, id: string, context: CallContext): Promise<boolean> {
  await getWebhook(api, id, context);
  await api.repository.db.webhook.deleteMany({ where: { id } });
  return true;
}

/** Throws NOT_FOUND for one of nobody or of another team. */
export async function getWebhook(api: Api, id: string, context: CallContext): Promise<WebhookRecord> {
  const webhook = await api.repository.db.webhook.findFirst({
    where: { id, app: { deletedAt: null, ...teamFilter(context) } },
  });
  if (!webhook) throw new AppError('NOT_FOUND', 'There is no such webhook');
  return webhook;
}

/** As the API shows it, without its secret and its deliveries. */
export function presentWebhook(row: WebhookRecord): Omit<Webhook, 'deliveries'> {
  const { id, appId, name, kind, enabled, createdAt, rotatedAt, filter } = row;
  const rest = webhookFilter.parse(JSON.parse(filter));
  return {
    id,
    appId,
    name,
    kind: kind as WebhookKind,
    enabled,
    path: `${webhookPath}${id}`,
    ...rest,
    createdAt,
    rotatedAt,
  };
}

/** 256 random bits; letters and digits only, so that it fits every sender's field and an address. */
const newSecret = () => randomBytes(32).toString('hex');
