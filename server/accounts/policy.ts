import { admin, anyone, inherited, member, type Policies, viewer } from '@skyarc/server/host';

const team = member('VIEWER', (parent: { id: string }) => ({ id: parent.id }));

export const policies: Policies = {
  Query: {
    installation: anyone,
    viewer: anyone,
    team: member('VIEWER', (_parent, args: { name: string }) => ({ name: args.name })),
  },
  Mutation: {
    claim: anyone,
    login: anyone,
    logout: anyone,
    changePassword: viewer,
    createApiToken: viewer,
    revokeApiToken: viewer,
    createUser: admin,
    createTeam: viewer,
    setMember: member('OWNER', (_parent, args: { input: { teamId: string } }) => ({ id: args.input.teamId })),
    removeMember: member('OWNER', (_parent, args: { teamId: string }) => ({ id: args.teamId })),
  },
  Installation: { claimed: anyone, version: anyone },
  Viewer: { user: inherited, teams: inherited, apiTokens: inherited },
  User: { id: inherited, name: inherited, email: inherited, admin: inherited, createdAt: inherited },
  Team: {
    id: inherited,
    name: inherited,
    displayName: inherited,
    createdAt: inherited,
    members: team,
    role: team,
  },
  TeamMember: { user: inherited, role: inherited, since: inherited },
  ApiToken: {
    id: inherited,
    name: inherited,
    createdAt: inherited,
    lastUsedAt: inherited,
    expiresAt: inherited,
  },
  SessionPayload: { viewer: inherited },
  ApiTokenPayload: { apiToken: inherited, secret: inherited },
};
