import { inherited, member, type Policies } from '@skyarc/server/host';

const owner = member('DEVELOPER', async (_parent, args: { id: string }, { dataCenters }) => {
  const name = await dataCenters.findOwner(args.id);
  return name === null ? null : { name };
});
const ofApp = member('DEVELOPER', async (_parent, args: { input: { appId: string } }, { dataCenters }) => {
  const name = await dataCenters.findAppTeam(args.input.appId);
  return name === null ? null : { name };
});
const fields = (names: string): Policies[string] =>
  Object.fromEntries(names.split(' ').map((name) => [name, inherited]));

/** Webhooks are seen by all of a team and made by its developers. */
export const webhookPolicies: Policies = {
  Mutation: { saveWebhook: ofApp, rotateWebhookSecret: owner, deleteWebhook: owner },
  App: { webhooks: inherited },
  Webhook: fields(
    'id appId name kind enabled path branches paths skipMarkers createdAt rotatedAt deliveries',
  ),
  WebhookDelivery: fields(
    'id receivedAt event branch commitId subject outcome message operationId remoteAddress',
  ),
  WebhookWithSecret: fields('webhook secret'),
  BuildWord: fields('name value'),
};
