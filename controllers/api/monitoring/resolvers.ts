import { pathPrefix, portNumber } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import { z } from 'zod';
import type { Api } from '../api.ts';
import { getApp } from '../commands/operations.ts';
import type { MutationResolvers, QueryResolvers } from '../generated/resolvers.ts';
import { audited } from '../resolvers/mutations.ts';
import { createSilence, endSilence, listAlerts, listSilences } from './alerts.ts';
import { countUnread, listMessages, markRead } from './messages.ts';
import { listEndpoints, queryMetrics, readMetrics } from './metrics.ts';
import { deleteReceiver, listReceivers, saveReceiver, testReceiver } from './receivers.ts';
import { deleteRule, listRules, saveRule } from './rules.ts';

const endpoint = z.object({ port: portNumber, path: pathPrefix.nullish() });
const maxEndpoints = 5;

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
    setMetricsEndpoint: async (_parent, args, context) => {
      const app = await getApp(api, args.appId, context);
      const { port, path } = check('Cannot set where metrics are', endpoint, args);
      const { metricsEndpoint } = api.repository.db;
      const where = { appId_port: { appId: app.id, port } };
      if (!path) await metricsEndpoint.deleteMany({ where: { appId: app.id, port } });
      else {
        const others = await metricsEndpoint.count({ where: { appId: app.id, port: { not: port } } });
        if (others >= maxEndpoints) {
          throw new AppError('EXHAUSTED', `Cannot set where metrics are: there are ${maxEndpoints} already`);
        }
        await metricsEndpoint.upsert({ where, create: { appId: app.id, port, path }, update: { path } });
      }
      await api.monitor.changed();
      return listEndpoints(api, app.id, context);
    },
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
