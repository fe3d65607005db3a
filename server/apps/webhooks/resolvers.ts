import { dataCenterDocuments as documents } from '@skyarc/server/host';
import { changeOwned } from '../commands/teams.ts';
import type { Resolvers } from '../generated/resolvers.ts';
import { limited } from '../resolvers/queries.ts';

export const webhookMutations: Resolvers['Mutation'] = {
  saveWebhook: async (_parent, { input }, { dataCenters }) => {
    const team = (await dataCenters.findAppTeam(input.appId)) ?? '';
    const dataCenter = await dataCenters.ownerOf(input.appId);
    return (await dataCenter.call(documents.SaveWebhookDocument, { input }, dataCenters.scopeOf(team)))
      .saveWebhook;
  },
  rotateWebhookSecret: async (_parent, { id }, context) =>
    (await changeOwned(id, documents.RotateWebhookSecretDocument, context)).rotateWebhookSecret,
  deleteWebhook: async (_parent, { id }, context) =>
    (await changeOwned(id, documents.DeleteWebhookDocument, context)).deleteWebhook,
};

export const webhookAppFields: Resolvers['App'] = {
  webhooks: async ({ id }, _args, { dataCenters }) => {
    const dataCenter = await dataCenters.ownerOf(id);
    return (
      (await dataCenter.call(documents.AppWebhooksDocument, { id }, dataCenters.readScope)).app?.webhooks ??
      []
    );
  },
};

export const webhookFields: Resolvers['Webhook'] = {
  deliveries: async ({ id, appId }, { first }, { dataCenters }) => {
    const dataCenter = await dataCenters.ownerOf(appId);
    const variables = { id: appId, first: limited(first ?? 20) };
    const { app } = await dataCenter.call(
      documents.WebhookDeliveriesDocument,
      variables,
      dataCenters.readScope,
    );
    return app?.webhooks.find((one) => one.id === id)?.deliveries ?? [];
  },
};
