import { identityOf, roleIn } from '@skyarc/server/host';
import type { Accounts } from '../accounts.ts';
import { createApiToken, revokeApiToken } from '../commands/api-tokens.ts';
import { changePassword, claim, login, logout } from '../commands/sessions.ts';
import { createTeam, createUser, removeMember, setMember } from '../commands/teams.ts';
import type { Resolvers } from '../generated/resolvers.ts';

export function createResolvers(accounts: Accounts): Resolvers {
  const { repository } = accounts;
  return {
    Query: {
      installation: async () => ({ claimed: await repository.isClaimed(), version: accounts.version }),
      viewer: async (_parent, _args, { identity }) => {
        const user = identity && (await repository.findUser(identity.userId));
        return user && { user };
      },
      team: (_parent, { name }) => repository.findTeam({ name }),
    },
    Mutation: {
      claim: async (_parent, { input }, context) => ({ viewer: await claim(accounts, input, context) }),
      login: async (_parent, { input }, context) => ({ viewer: await login(accounts, input, context) }),
      logout: (_parent, _args, context) => logout(accounts, context),
      changePassword: (_parent, { input }, context) => changePassword(accounts, input, context),
      createApiToken: (_parent, { input }, context) => createApiToken(accounts, input, context),
      revokeApiToken: (_parent, { id }, context) => revokeApiToken(accounts, id, context),
      createUser: (_parent, { input }) => createUser(accounts, input),
      createTeam: (_parent, { input }, context) => createTeam(accounts, input, context),
      setMember: (_parent, { input }, context) => setMember(accounts, input, context),
      removeMember: (_parent, args, context) => removeMember(accounts, args, context),
    },
    Viewer: {
      teams: ({ user }) => repository.listTeams(user.admin ? null : user.id),
      apiTokens: ({ user }) => repository.listApiTokens(user.id),
    },
    Team: {
      __resolveReference: async (reference, context) => {
        const team = await repository.findTeam(
          'id' in reference ? { id: reference.id } : { name: reference.name },
        );
        return team && roleIn(identityOf(context), team) ? team : null;
      },
      members: ({ id }) => repository.listMembers(id),
      role: (team, _args, context) => roleIn(identityOf(context), team) ?? 'VIEWER',
    },
    User: { __resolveReference: ({ id }) => repository.findUser(id) },
  };
}
