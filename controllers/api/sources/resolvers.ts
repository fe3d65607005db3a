import type { Api } from '../api.ts';
import type { MutationResolvers, QueryResolvers } from '../generated/resolvers.ts';
import { audited } from '../resolvers/mutations.ts';
import { examineSource, findExamination } from './examinations.ts';
import {
  deleteRegistryCredential,
  listRegistryCredentials,
  saveRegistryCredential,
} from './registry-credentials.ts';

export function createSourceQueries(api: Api): QueryResolvers {
  return {
    examination: (_parent, { id }, context) => findExamination(api, id, context),
    upload: (_parent, { id }, context) => api.uploads.find(context, id),
    registryCredentials: (_parent, _args, context) => listRegistryCredentials(api, context),
  };
}

export function createSourceMutations(api: Api): MutationResolvers {
  return audited(api, {
    examineSource: (_parent, { input }, context) => examineSource(api, input, context),
    createUpload: (_parent, { input }, context) => api.uploads.create(input, context),
    saveRegistryCredential: (_parent, { input }, context) => saveRegistryCredential(api, input, context),
    deleteRegistryCredential: (_parent, { id }, context) => deleteRegistryCredential(api, id, context),
  });
}
