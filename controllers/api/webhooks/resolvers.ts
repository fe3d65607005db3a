import type { Api } from '../api.ts';
import type { CallContext } from '../context.ts';
import type {
  MutationReceiveWebhookArgs,
  MutationRotateWebhookSecretArgs,
  MutationSaveWebhookArgs,
} from '../generated/resolvers.ts';
import { limited } from '../resolvers/queries.ts';
import { audited } from '../resolvers/mutations.ts';
import type { AppRecord } from '../records.ts';
import { receiveWebhook } from './receive.ts';
import {
  deleteWebhook,
  presentWebhook,
  rotateWebhookSecret,
  saveWebhook,
  type WebhookWithSecret,
} from './webhooks.ts';

/** Changes of webhooks leave audit entries; what is sent to them leaves deliveries. */
export function createWebhookMutations(api: Api) {
  return {
    ...audited(api, {
      saveWebhook: async (_parent: unknown, { input }: MutationSaveWebhookArgs, context: CallContext) =>
        present(await saveWebhook(api, input, context)),
      rotateWebhookSecret: async (
        _parent: unknown,
        { id }: MutationRotateWebhookSecretArgs,
        context: CallContext,
      ) => present(await rotateWebhookSecret(api, id, context)),
      deleteWebhook: (_parent: unknown, { id }: { id: string }, context: CallContext) =>
        deleteWebhook(api, id, context),
    }),
    receiveWebhook: (_parent: unknown, { id, input }: MutationReceiveWebhookArgs) =>
      receiveWebhook(api, id, {
        headers: new Map(input.headers.map(({ name, value }) => [name.toLowerCase(), value])),
        body: Buffer.from(input.body, 'base64'),
        token: input.token ?? null,
        remoteAddress: input.remoteAddress ?? null,
        nowMs: Date.now(),
      }),
  };
}

const present = ({ webhook, secret }: WebhookWithSecret) => ({ webhook: presentWebhook(webhook), secret });

/** What hangs on apps and webhooks. */
export function createWebhookFields(api: Api) {
  const { db } = api.repository;
  return {
    App: {
      webhooks: async ({ id }: AppRecord) =>
        (await db.webhook.findMany({ where: { appId: id }, orderBy: { name: 'asc' } })).map(presentWebhook),
    },
    Webhook: {
      deliveries: ({ id }: { id: string }, { first }: { first: number }) =>
        db.webhookDelivery.findMany({
          where: { webhookId: id },
          orderBy: [{ receivedAt: 'desc' }, { id: 'desc' }],
          take: limited(first),
        }),
    },
  };
}
