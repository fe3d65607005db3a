import { identityOf, roleIn } from '@skyarc/server/host';
import { createGroup, deleteGroup, updateGroup } from '../commands/groups.ts';
import type { Resolvers } from '../generated/resolvers.ts';
import type { GroupRepository } from '../repository.ts';

export function createResolvers(groups: GroupRepository): Resolvers {
  return {
    Query: { group: (_parent, { id }) => groups.find(id) },
    Mutation: {
      createGroup: (_parent, { input }) => createGroup(groups, input),
      updateGroup: (_parent, { id, input }) => updateGroup(groups, id, input),
      deleteGroup: (_parent, { id }, context) => deleteGroup(groups, id, context),
    },
    Group: {
      __resolveReference: async ({ id }, context) => {
        const group = await groups.find(id);
        return group && roleIn(identityOf(context), { id: group.teamId }) ? group : null;
      },
      team: ({ teamId }) => ({ id: teamId }),
    },
    Team: {
      __resolveReference: ({ id }) => ({ id }),
      groups: ({ id }) => groups.listByTeam(id),
    },
  };
}
