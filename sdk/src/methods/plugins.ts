import type { GraphQLClient } from '../client.ts';
import * as api from '../generated/operations.ts';
import { found } from './apps.ts';

/** Images that run beside apps or before them. */
export class PluginMethods {
  readonly #client: GraphQLClient;

  constructor(client: GraphQLClient) {
    this.#client = client;
  }

  /** Plug-ins of a team by name; throws NOT_FOUND without the team. */
  async list(teamName: string): Promise<api.PluginFieldsFragment[]> {
    const { team } = await this.#client.query(api.TeamPluginsDocument, { name: teamName });
    return found(team, 'team', teamName).plugins;
  }

  /** Makes one with its first version, or gives an existing one a new version. */
  async save(input: api.PluginInput): Promise<api.PluginFieldsFragment> {
    return (await this.#client.mutate(api.SavePluginDocument, { input })).savePlugin;
  }

  /** Throws CONFLICT while an app uses it. */
  async delete(id: string): Promise<void> {
    await this.#client.mutate(api.DeletePluginDocument, { id });
  }
}
