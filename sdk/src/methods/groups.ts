import type { GraphQLClient } from '../client.ts';
import * as api from '../generated/operations.ts';
import { found } from './apps.ts';

/** Groups as a whole; each act answers the operations of its apps, in their order. */
export class GroupMethods {
  readonly #client: GraphQLClient;

  constructor(client: GraphQLClient) {
    this.#client = client;
  }

  /** A group with its apps; throws NOT_FOUND. */
  async get(id: string): Promise<NonNullable<api.GroupQuery['group']>> {
    return found((await this.#client.query(api.GroupDocument, { id })).group, 'group', id);
  }

  /** Starts all apps, each after those that it depends on. */
  async start(groupId: string): Promise<api.OperationFieldsFragment[]> {
    return (await this.#client.mutate(api.StartGroupDocument, { groupId })).startGroup;
  }

  /** Stops all apps, each before those that it depends on. */
  async stop(groupId: string): Promise<api.OperationFieldsFragment[]> {
    return (await this.#client.mutate(api.StopGroupDocument, { groupId })).stopGroup;
  }

  async restart(groupId: string): Promise<api.OperationFieldsFragment[]> {
    return (await this.#client.mutate(api.RestartGroupDocument, { groupId })).restartGroup;
  }

  /** Builds and rolls all apps in the order of their dependencies. */
  async deploy(groupId: string): Promise<api.OperationFieldsFragment[]> {
    return (await this.#client.mutate(api.DeployGroupDocument, { groupId })).deployGroup;
  }
}
