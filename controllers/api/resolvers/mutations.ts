import { toAppError } from '@skyarc/lib/errors';
import type { Api } from '../api.ts';
import {
  deleteCertificate,
  orderCertificate,
  renewCertificate,
  uploadCertificate,
} from '../commands/certificates.ts';
import { deleteConfigSet, saveConfigSet } from '../commands/config-sets.ts';
import { createApp } from '../commands/create-app.ts';
import { createApps } from '../commands/create-apps.ts';
import { endGreyRelease, runApp, startGreyRelease, updateGreyRelease } from '../commands/grey-release.ts';
import { actOnGroup } from '../commands/groups.ts';
import { setMesh } from '../commands/mesh.ts';
import { deletePlugin, savePlugin } from '../commands/plugins.ts';
import { setQuota } from '../commands/quotas.ts';
import { beginOperation, cancelOperation, rollbackApp, scaleApp } from '../commands/operations.ts';
import { updateSettings } from '../commands/settings.ts';
import { updateApp } from '../commands/update-app.ts';
import type { CallContext } from '../context.ts';
import type { MutationResolvers } from '../generated/resolvers.ts';

export function createMutations(api: Api): MutationResolvers {
  return audited(api, {
    updateSettings: (_parent, { input }) => updateSettings(api, input),
    createApp: (_parent, { input }, context) => createApp(api, input, context),
    createApps: (_parent, { input }, context) => createApps(api, input, context),
    updateApp: (_parent, args, context) => updateApp(api, args, context),
    setMesh: (_parent, args, context) => setMesh(api, args, context),
    deployApp: (_parent, { id, noCache }, context) =>
      beginOperation(api, 'DEPLOY', id, context, noCache ? { arguments: { noCache: true } } : {}),
    startApp: (_parent, { id }, context) => beginOperation(api, 'START', id, context),
    stopApp: (_parent, { id }, context) => beginOperation(api, 'STOP', id, context),
    restartApp: (_parent, { id }, context) => beginOperation(api, 'RESTART', id, context),
    deleteApp: (_parent, { id }, context) => beginOperation(api, 'DELETE', id, context),
    rollbackApp: (_parent, args, context) => rollbackApp(api, args, context),
    scaleApp: (_parent, args, context) => scaleApp(api, args, context),
    runApp: (_parent, { id }, context) => runApp(api, id, context),
    startGreyRelease: (_parent, args, context) => startGreyRelease(api, args, context),
    updateGreyRelease: (_parent, args, context) => updateGreyRelease(api, args, context),
    promoteGreyRelease: (_parent, { id }, context) => endGreyRelease(api, 'GREY_PROMOTE', id, context),
    abortGreyRelease: (_parent, { id }, context) => endGreyRelease(api, 'GREY_ABORT', id, context),
    startGroup: (_parent, { groupId }, context) => actOnGroup(api, 'START', groupId, context),
    stopGroup: (_parent, { groupId }, context) => actOnGroup(api, 'STOP', groupId, context),
    restartGroup: (_parent, { groupId }, context) => actOnGroup(api, 'RESTART', groupId, context),
    deployGroup: (_parent, { groupId }, context) => actOnGroup(api, 'DEPLOY', groupId, context),
    saveConfigSet: (_parent, { input }, context) => saveConfigSet(api, input, context),
    deleteConfigSet: (_parent, { id }, context) => deleteConfigSet(api, id, context),
    savePlugin: (_parent, { input }, context) => savePlugin(api, input, context),
    deletePlugin: (_parent, { id }, context) => deletePlugin(api, id, context),
    uploadCertificate: (_parent, { input }, context) => uploadCertificate(api, input, context),
    orderCertificate: (_parent, args, context) => orderCertificate(api, args, context),
    renewCertificate: (_parent, { id }, context) => renewCertificate(api, id, context),
    deleteCertificate: (_parent, { id }, context) => deleteCertificate(api, id, context),
    cordonNode: (_parent, { name }) => api.nodes.cordon(name),
    uncordonNode: (_parent, { name }) => api.nodes.uncordon(name),
    drainNode: (_parent, { name }, { actor }) => api.nodes.drain(name, actor),
    updateNode: (_parent, { name, input }) => api.nodes.update(name, input),
    setQuota: (_parent, { input }, context) => setQuota(api, input, context),
    cancelOperation: (_parent, { id }, context) => cancelOperation(api, id, context),
  });
}

type AnyResolver = (parent: unknown, args: Args, context: CallContext, info: unknown) => Promise<unknown>;
interface Args {
  readonly id?: string;
  readonly name?: string;
  readonly input?: { readonly name?: string; readonly appId?: string };
}

/** Writes down who did what and how it ended, whether it was done or refused. */
export function audited<Table extends object>({ repository }: Api, resolvers: Table): Table {
  const wrap =
    (action: string, resolve: AnyResolver): AnyResolver =>
    async (parent, args, context, info) => {
      const entry = {
        teamName: context.teams === 'all' ? '*' : context.teams.join(','),
        actor: context.actor,
        action,
        target: (args.id ?? args.name ?? args.input?.name ?? args.input?.appId ?? '').slice(0, 200),
      };
      try {
        const result = await resolve(parent, args, context, info);
        await repository.addAuditEntry({ ...entry, outcome: 'OK' });
        return result;
      } catch (error) {
        await repository.addAuditEntry({ ...entry, outcome: toAppError(error).code });
        throw error;
      }
    };
  return Object.fromEntries(
    Object.entries(resolvers).map(([action, resolve]) => [action, wrap(action, resolve as AnyResolver)]),
  ) as Table;
}
