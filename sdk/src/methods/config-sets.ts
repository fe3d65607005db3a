import type { GraphQLClient } from '../client.ts';
import * as api from '../generated/operations.ts';
import { found } from './apps.ts';

/** Variables that several apps of a group share. */
export class ConfigSetMethods {
  readonly #client: GraphQLClient;

  constructor(client: GraphQLClient) {
    this.#client = client;
  }

  async list(groupId: string): Promise<api.ConfigSetFieldsFragment[]> {
    const { group } = await this.#client.query(api.GroupConfigSetsDocument, { id: groupId });
    return found(group, 'group', groupId).configSets;
  }

  /** Makes or replaces one; apps that read it take it over by the operations that are answered. */
  async save(input: api.ConfigSetInput): Promise<api.SaveConfigSetMutation['saveConfigSet']> {
    return (await this.#client.mutate(api.SaveConfigSetDocument, { input })).saveConfigSet;
  }

  async delete(id: string): Promise<api.OperationFieldsFragment[]> {
    return (await this.#client.mutate(api.DeleteConfigSetDocument, { id })).deleteConfigSet;
  }
}
