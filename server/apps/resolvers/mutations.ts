import { AppError } from '@skyarc/lib/errors';
import type { RequestContext } from '@skyarc/server/host';
import type { GraphQLResolveInfo } from 'graphql';
import { appPartsOf } from '../app-parts.ts';
import { beginOperation, cancelOperation, createApp, updateApp } from '../commands/changes.ts';
import type { Resolvers } from '../generated/resolvers.ts';
import type { ChangedApp } from '../records.ts';

async function changedApp(
  { appId }: ChangedApp,
  _args: object,
  context: RequestContext,
  info: GraphQLResolveInfo,
) {
  const app = await context.dataCenters.findApp(appId, appPartsOf(info));
  if (!app) throw new AppError('NOT_FOUND', 'The app is gone');
  return app;
}

export const mutations: Resolvers = {
  Mutation: {
    createApp: (_parent, { input }, context) => createApp(input, context),
    updateApp: (_parent, args, context) => updateApp(args, context),
    deployApp: (_parent, args, context) => beginOperation('deployApp', args, context),
    startApp: (_parent, args, context) => beginOperation('startApp', args, context),
    stopApp: (_parent, args, context) => beginOperation('stopApp', args, context),
    restartApp: (_parent, args, context) => beginOperation('restartApp', args, context),
    rollbackApp: (_parent, args, context) => beginOperation('rollbackApp', args, context),
    scaleApp: (_parent, args, context) => beginOperation('scaleApp', args, context),
    deleteApp: (_parent, args, context) => beginOperation('deleteApp', args, context),
    cancelOperation: (_parent, { id }, context) => cancelOperation(id, context),
  },
  CreateAppPayload: { app: changedApp },
  AppChange: { app: changedApp },
};
