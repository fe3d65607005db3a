import {
  askEverywhere,
  type CallScope,
  type DataCenterClient,
  dataCenterDocuments as documents,
  type RequestContext,
} from '@skyarc/server/host';
import type { MetricsInput, MutationResolvers, QueryResolvers, Resolvers } from '../generated/resolvers.ts';
import { ownerOf, placeOf } from '../place.ts';

const Query: QueryResolvers = {
  metrics: async (_parent, { input: { dataCenter, ...input } }, context) => {
    const { dataCenters } = context;
    const client = await metricsOwner(input, dataCenter, context);
    return (await client.call(documents.MetricsDocument, { input }, dataCenters.readScope)).metrics;
  },
  queryMetrics: async (_parent, { input: { teamId, dataCenter, ...input } }, context) => {
    const { client, scope } = await placeOf({ teamId, dataCenter }, context);
    return (await client.call(documents.QueryMetricsDocument, { input }, scope)).queryMetrics;
  },
  alerts: async (_parent, { teamId }, context, info) => {
    const scope = teamId ? (await placeOf({ teamId }, context)).scope : context.dataCenters.readScope;
    return askEverywhere(
      context,
      info,
      async (client) => (await client.call(documents.AlertsDocument, {}, scope)).alerts,
    );
  },
  alertRules: async (_parent, place, context) => {
    const { client, scope } = await placeOf(place, context);
    return (await client.call(documents.AlertRulesDocument, {}, scope)).alertRules;
  },
  alertReceivers: async (_parent, place, context) => {
    const { client, scope } = await placeOf(place, context);
    return (await client.call(documents.AlertReceiversDocument, {}, scope)).alertReceivers;
  },
  silences: async (_parent, place, context) => {
    const { client, scope } = await placeOf(place, context);
    return (await client.call(documents.SilencesDocument, {}, scope)).silences;
  },
  messages: async (_parent, { dataCenter, ...page }, { dataCenters }) => {
    const client = await dataCenters.get(dataCenter);
    return (await client.call(documents.MessagesDocument, page, dataCenters.readScope)).messages;
  },
  unreadMessages: async (_parent, _args, context, info) => {
    const { readScope } = context.dataCenters;
    const counts = await askEverywhere(context, info, async (client) => [
      (await client.call(documents.UnreadMessagesDocument, {}, readScope)).unreadMessages,
    ]);
    return counts.reduce((sum, count) => sum + count, 0);
  },
};

const Mutation: MutationResolvers = {
  setMetricsEndpoint: async (_parent, args, { dataCenters }) => {
    const client = await dataCenters.ownerOf(args.appId);
    const scope = dataCenters.scopeOf((await dataCenters.findAppTeam(args.appId)) ?? '');
    return (await client.call(documents.SetMetricsEndpointDocument, args, scope)).setMetricsEndpoint;
  },
  saveAlertRule: async (_parent, { input: { teamId, dataCenter, ...input } }, context) => {
    const { client, scope } = await saved(input.id, { teamId, dataCenter }, context);
    return (await client.call(documents.SaveAlertRuleDocument, { input }, scope)).saveAlertRule;
  },
  deleteAlertRule: async (_parent, args, context) => {
    const { client, scope } = await ownerOf(args, context);
    return (await client.call(documents.DeleteAlertRuleDocument, { id: args.id }, scope)).deleteAlertRule;
  },
  saveAlertReceiver: async (_parent, { input: { teamId, dataCenter, ...input } }, context) => {
    const { client, scope } = await saved(input.id, { teamId, dataCenter }, context);
    return (await client.call(documents.SaveAlertReceiverDocument, { input }, scope)).saveAlertReceiver;
  },
  deleteAlertReceiver: async (_parent, args, context) => {
    const { client, scope } = await ownerOf(args, context);
    const { id } = args;
    return (await client.call(documents.DeleteAlertReceiverDocument, { id }, scope)).deleteAlertReceiver;
  },
  testAlertReceiver: async (_parent, args, context) => {
    const { client, scope } = await ownerOf(args, context);
    const { id } = args;
    return (await client.call(documents.TestAlertReceiverDocument, { id }, scope)).testAlertReceiver;
  },
  createSilence: async (_parent, { input: { teamId, dataCenter, ...input } }, context) => {
    const { client, scope } = await placeOf({ teamId, dataCenter }, context);
    return (await client.call(documents.CreateSilenceDocument, { input }, scope)).createSilence;
  },
  endSilence: async (_parent, { id, ...place }, context) => {
    const { client, scope } = await placeOf(place, context);
    return (await client.call(documents.EndSilenceDocument, { id }, scope)).endSilence;
  },
  markMessagesRead: async (_parent, { ids }, { dataCenters }) => {
    const scope = dataCenters.readScope;
    const clients = await dataCenters.all();
    const left = await Promise.all(
      clients.map(async (client) => {
        const answer = await client.call(documents.MarkMessagesReadDocument, { ids }, scope);
        return answer.markMessagesRead;
      }),
    );
    return left.reduce((sum, count) => sum + count, 0);
  },
};

export const resolvers: Resolvers = {
  Query,
  Mutation,
  App: {
    __resolveReference: ({ id }) => ({ id }),
    metricsEndpoints: async ({ id: appId }, _args, { dataCenters }) => {
      const client = await dataCenters.ownerOf(appId);
      const answer = await client.call(documents.MetricsEndpointsDocument, { appId }, dataCenters.readScope);
      return answer.metricsEndpoints;
    },
  },
};

function saved(
  id: string | null | undefined,
  place: { readonly teamId?: string | null | undefined; readonly dataCenter?: string | null | undefined },
  context: RequestContext,
): Promise<{ readonly client: DataCenterClient; readonly scope: CallScope }> {
  return id ? ownerOf({ id, teamId: place.teamId }, context) : placeOf(place, context);
}

/** An app's data centre follows from its id; a group can have apps in the one that is named only. */
function metricsOwner(
  { subject, id }: Pick<MetricsInput, 'subject' | 'id'>,
  dataCenter: string | null | undefined,
  { dataCenters }: RequestContext,
): Promise<DataCenterClient> {
  return subject === 'APP' && id ? dataCenters.ownerOf(id) : dataCenters.get(dataCenter);
}
