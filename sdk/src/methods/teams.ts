import type { GraphQLClient } from '../client.ts';
import * as api from '../generated/operations.ts';
import { SkyarcError } from '../error.ts';

type TeamDetails = NonNullable<api.TeamQuery['team']>;

/** Teams, their members and their groups. */
export class TeamMethods {
  readonly #client: GraphQLClient;

  constructor(client: GraphQLClient) {
    this.#client = client;
  }

  /** A team with members and groups; throws NOT_FOUND. */
  async get(name: string): Promise<TeamDetails> {
    const { team } = await this.#client.query(api.TeamDocument, { name });
    if (!team) throw new SkyarcError('NOT_FOUND', `No team "${name}"`);
    return team;
  }

  async create(input: api.CreateTeamInput): Promise<api.TeamFieldsFragment> {
    return (await this.#client.mutate(api.CreateTeamDocument, { input })).createTeam;
  }

  /** Adds a user to a team, or changes the role. */
  async setMember(input: api.SetMemberInput): Promise<void> {
    await this.#client.mutate(api.SetMemberDocument, { input });
  }

  async removeMember(teamId: string, userId: string): Promise<void> {
    await this.#client.mutate(api.RemoveMemberDocument, { teamId, userId });
  }

  /** Key to be allowed at private repositories, OpenSSH format. */
  async sshPublicKey(name: string, dataCenter?: string): Promise<string> {
    const { team } = await this.#client.query(api.TeamSshPublicKeyDocument, { name, dataCenter });
    if (!team) throw new SkyarcError('NOT_FOUND', `No team "${name}"`);
    return team.sshPublicKey;
  }

  async createGroup(input: api.CreateGroupInput): Promise<api.GroupFieldsFragment> {
    return (await this.#client.mutate(api.CreateGroupDocument, { input })).createGroup;
  }

  async updateGroup(id: string, input: api.UpdateGroupInput): Promise<api.GroupFieldsFragment> {
    return (await this.#client.mutate(api.UpdateGroupDocument, { id, input })).updateGroup;
  }

  /** Throws CONFLICT while the group has apps. */
  async deleteGroup(id: string): Promise<void> {
    await this.#client.mutate(api.DeleteGroupDocument, { id });
  }
}
