import { AppError } from '@skyarc/lib/errors';
import { dataCenterDocuments as documents, type RequestContext } from '@skyarc/server/host';
import type { Resolvers } from '../generated/resolvers.ts';

export const outputQueries: Resolvers['Query'] = {
  logOutputs: async (_parent, { teamId, dataCenter }, context) => {
    const client = await context.dataCenters.get(dataCenter);
    return (await client.call(documents.LogOutputsDocument, {}, await scopeOf(teamId, context))).logOutputs;
  },
};

export const outputMutations: Resolvers['Mutation'] = {
  saveLogOutput: async (_parent, { input: { teamId, dataCenter, ...input } }, context) => {
    const { dataCenters } = context;
    const client = await (input.id ? dataCenters.ownerOf(input.id) : dataCenters.get(dataCenter));
    return (await client.call(documents.SaveLogOutputDocument, { input }, await scopeOf(teamId, context)))
      .saveLogOutput;
  },
  deleteLogOutput: async (_parent, { id, teamId }, context) => {
    const client = await context.dataCenters.ownerOf(id);
    return (await client.call(documents.DeleteLogOutputDocument, { id }, await scopeOf(teamId, context)))
      .deleteLogOutput;
  },
};

/** Policies have made sure that only administrators ask without a team. */
async function scopeOf(teamId: string | null | undefined, { dataCenters, directory }: RequestContext) {
  if (!teamId) return dataCenters.scopeOf('*');
  const team = await directory.findTeam(teamId);
  if (!team) throw new AppError('NOT_FOUND', 'There is no such team, or you may not see it');
  return dataCenters.scopeOf(team.name);
}
