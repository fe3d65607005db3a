import type { Api } from '../api.ts';
import type { MutationResolvers, QueryResolvers } from '../generated/resolvers.ts';
import { audited } from '../resolvers/mutations.ts';
import { createSilence, endSilence, listAlerts, listSilences } from './alerts.ts';
import { listEndpoints, setEndpoint } from './endpoints.ts';
import { countUnread, listMessages, markRead } from './messages.ts';
import { queryMetrics, readMetrics } from './metrics.ts';
import { deleteReceiver, listReceivers, saveReceiver, testReceiver } from './receivers.ts';
import { deleteRule, listRules, saveRule } from './rules.ts';

export function createMonitorQueries(api: Api): QueryResolvers {
  return {
    metrics: (_parent, { input }, context) => readMetrics(api, input, context),
    queryMetrics: (_parent, { input }, context) => queryMetrics(api, input, context),
    metricsEndpoints: (_parent, { appId }, context) => listEndpoints(api, appId, context),
    alerts: (_parent, _args, context) => listAlerts(api, context),
    alertRules: (_parent, _args, context) => listRules(api, context),
    alertReceivers: (_parent, _args, context) => listReceivers(api, context),
    silences: (_parent, _args, context) => listSilences(api, context),
    messages: (_parent, args, context) => listMessages(api, args, context),
    unreadMessages: (_parent, _args, context) => countUnread(api, context),
  };
}

export function createMonitorMutations(api: Api): MutationResolvers {
  const changes: MutationResolvers = {
    setMetricsEndpoint: (_parent, args, context) => setEndpoint(api, args, context),
    saveAlertRule: (_parent, { input }, context) => saveRule(api, input, context),
    deleteAlertRule: (_parent, { id }, context) => deleteRule(api, id, context),
    saveAlertReceiver: (_parent, { input }, context) => saveReceiver(api, input, context),
    deleteAlertReceiver: (_parent, { id }, context) => deleteReceiver(api, id, context),
    testAlertReceiver: (_parent, { id }, context) => testReceiver(api, id, context),
    createSilence: (_parent, { input }, context) => createSilence(api, input, context),
    endSilence: (_parent, { id }, context) => endSilence(api, id, context),
  };
  return {
    ...audited(api, changes),
    // Reading is nothing that is written down.
    markMessagesRead: (_parent, { ids }, context) => markRead(api, ids, context),
  };
}
