import { dataCenterOf } from '@skyarc/lib/contracts';
import {
  askEverywhere,
  bindingOf,
  dataCenterDocuments as documents,
  identityOf,
  type RequestContext,
} from '@skyarc/server/host';
import { changeOwned } from '../commands/teams.ts';
import type { Resolvers } from '../generated/resolvers.ts';
import { teamNameOf } from '../team-name.ts';

export const sourceQueries: Resolvers['Query'] = {
  examination: async (_parent, { id }, { dataCenters }) => {
    const dataCenter = await dataCenters.ownerOf(id);
    const answer = await dataCenter.call(documents.ExaminationByIdDocument, { id }, dataCenters.readScope);
    return answer.examination ?? null;
  },
  upload: async (_parent, { id }, { dataCenters }) => {
    const dataCenter = await dataCenters.ownerOf(id);
    const answer = await dataCenter.call(documents.UploadByIdDocument, { id }, dataCenters.readScope);
    return answer.upload ?? null;
  },
};

export const sourceMutations: Resolvers['Mutation'] = {
  examineSource: async (_parent, { input: { teamId, dataCenter: name, ...input } }, context) => {
    const { dataCenter, scope } = await placeOf(teamId, name, context);
    return (await dataCenter.call(documents.ExamineSourceDocument, { input }, scope)).examineSource;
  },
  createUpload: async (_parent, { input: { teamId, dataCenter: name, ...input } }, context) => {
    const { dataCenter, scope } = await placeOf(teamId, name, context);
    const whole = { ...input, binding: bindingOf(identityOf(context)) };
    return (await dataCenter.call(documents.CreateUploadDocument, { input: whole }, scope)).createUpload;
  },
  saveRegistryCredential: async (_parent, { input: { teamId, dataCenter: name, ...input } }, context) => {
    const { dataCenter, scope } = await placeOf(teamId, name, context);
    const answer = await dataCenter.call(documents.SaveRegistryCredentialDocument, { input }, scope);
    return answer.saveRegistryCredential;
  },
  deleteRegistryCredential: async (_parent, { id }, context) =>
    (await changeOwned(id, documents.DeleteRegistryCredentialDocument, context)).deleteRegistryCredential,
};

export const sourceTeamFields: Resolvers['Team'] = {
  registryCredentials: async ({ id }, _args, context, info) => {
    const scope = context.dataCenters.scopeOf(await teamNameOf(id, context));
    const found = await askEverywhere(
      context,
      info,
      async (one) => (await one.call(documents.RegistryCredentialsDocument, {}, scope)).registryCredentials,
    );
    return found.toSorted((left, right) => left.host.localeCompare(right.host));
  },
};

export const registryCredentialFields: Resolvers['RegistryCredential'] = {
  dataCenter: ({ id }) => ({ name: dataCenterOf(id) ?? '' }),
};

/** The data centre that is meant, and a change's scope there. */
async function placeOf(teamId: string, name: string | null | undefined, context: RequestContext) {
  const scope = context.dataCenters.scopeOf(await teamNameOf(teamId, context));
  return { dataCenter: await context.dataCenters.get(name), scope };
}
