import { AppError } from '@skyarc/lib/errors';
import {
  bindingOf,
  dataCenterDocuments as documents,
  identityOf,
  type RequestContext,
} from '@skyarc/server/host';
import type { GraphQLResolveInfo } from 'graphql';
import { appPartsOf } from '../app-parts.ts';
import {
  beginOperation,
  cancelOperation,
  createApp,
  setMesh,
  updateApp,
  updateGreyRelease,
} from '../commands/changes.ts';
import { actOnGroup, deleteConfigSet, saveConfigSet } from '../commands/groups.ts';
import { changeOwned, orderCertificate, savePlugin, setQuota, uploadCertificate } from '../commands/teams.ts';
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
    setMesh: (_parent, args, context) => setMesh(args, context),
    deployApp: (_parent, args, context) => beginOperation('deployApp', args, context),
    rebaseApp: (_parent, args, context) => beginOperation('rebaseApp', args, context),
    createSlugDownload: async (_parent, { versionId }, context) => {
      const { dataCenters } = context;
      const dataCenter = await dataCenters.ownerOf(versionId);
      const scope = dataCenters.scopeOf((await dataCenters.findOwner(versionId)) ?? '');
      const variables = { versionId, binding: bindingOf(identityOf(context)) };
      const answer = await dataCenter.call(documents.CreateSlugDownloadDocument, variables, scope);
      return answer.createSlugDownload;
    },
    startApp: (_parent, args, context) => beginOperation('startApp', args, context),
    stopApp: (_parent, args, context) => beginOperation('stopApp', args, context),
    restartApp: (_parent, args, context) => beginOperation('restartApp', args, context),
    rollbackApp: (_parent, args, context) => beginOperation('rollbackApp', args, context),
    scaleApp: (_parent, args, context) => beginOperation('scaleApp', args, context),
    deleteApp: (_parent, args, context) => beginOperation('deleteApp', args, context),
    runApp: (_parent, args, context) => beginOperation('runApp', args, context),
    startGreyRelease: (_parent, args, context) => beginOperation('startGreyRelease', args, context),
    updateGreyRelease: (_parent, args, context) => updateGreyRelease(args, context),
    promoteGreyRelease: (_parent, args, context) => beginOperation('promoteGreyRelease', args, context),
    abortGreyRelease: (_parent, args, context) => beginOperation('abortGreyRelease', args, context),
    startGroup: (_parent, { groupId }, context) => actOnGroup('startGroup', groupId, context),
    stopGroup: (_parent, { groupId }, context) => actOnGroup('stopGroup', groupId, context),
    restartGroup: (_parent, { groupId }, context) => actOnGroup('restartGroup', groupId, context),
    deployGroup: (_parent, { groupId }, context) => actOnGroup('deployGroup', groupId, context),
    saveConfigSet: (_parent, { input }, context) => saveConfigSet(input, context),
    deleteConfigSet: (_parent, { id }, context) => deleteConfigSet(id, context),
    savePlugin: (_parent, { input }, context) => savePlugin(input, context),
    deletePlugin: async (_parent, { id }, context) =>
      (await changeOwned(id, documents.DeletePluginDocument, context)).deletePlugin,
    uploadCertificate: (_parent, { input }, context) => uploadCertificate(input, context),
    orderCertificate: (_parent, { input }, context) => orderCertificate(input, context),
    renewCertificate: async (_parent, { id }, context) =>
      (await changeOwned(id, documents.RenewCertificateDocument, context)).renewCertificate,
    deleteCertificate: async (_parent, { id }, context) =>
      (await changeOwned(id, documents.DeleteCertificateDocument, context)).deleteCertificate,
    setQuota: (_parent, { input }, context) => setQuota(input, context),
    cancelOperation: (_parent, { id }, context) => cancelOperation(id, context),
  },
  CreateAppPayload: { app: changedApp },
  AppChange: { app: changedApp },
};
