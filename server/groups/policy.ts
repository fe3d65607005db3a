import { inherited, member, type Policies, type RequestContext } from '@skyarc/server/host';

const ofGroup = async (_parent: unknown, args: { id: string }, context: RequestContext) => {
  const group = await context.directory.findGroup(args.id);
  return group && { id: group.teamId };
};

export const policies: Policies = {
  Query: { group: member('VIEWER', ofGroup) },
  Mutation: {
    createGroup: member('DEVELOPER', (_parent, args: { input: { teamId: string } }) => ({
      id: args.input.teamId,
    })),
    updateGroup: member('DEVELOPER', ofGroup),
    deleteGroup: member('DEVELOPER', ofGroup),
  },
  Group: { id: inherited, name: inherited, note: inherited, createdAt: inherited, team: inherited },
  Team: { id: inherited, groups: member('VIEWER', (team: { id: string }) => ({ id: team.id })) },
};
