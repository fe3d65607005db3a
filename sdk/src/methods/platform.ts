import type { GraphQLClient } from '../client.ts';
import * as api from '../generated/operations.ts';

/** Data centres and the market. */
export class PlatformMethods {
  readonly #client: GraphQLClient;

  constructor(client: GraphQLClient) {
    this.#client = client;
  }

  async dataCenters(): Promise<api.DataCenterFieldsFragment[]> {
    return (await this.#client.query(api.DataCentersDocument)).dataCenters;
  }

  /** Changes what a data centre allows (administrators). */
  async updateDataCenter(name: string, input: api.UpdateDataCenterInput): Promise<void> {
    await this.#client.mutate(api.UpdateDataCenterDocument, { name, input });
  }

  /** Storage classes that a CLASS volume can have, by data centre. */
  async storageClasses(): Promise<api.StorageClassesQuery['dataCenters']> {
    return (await this.#client.query(api.StorageClassesDocument)).dataCenters;
  }

  /** All machines, by data centre (administrators). */
  async nodes(): Promise<api.NodesQuery['dataCenters']> {
    return (await this.#client.query(api.NodesDocument)).dataCenters;
  }

  /** Keeps new pods away from a machine; those that are there stay. */
  async cordonNode(dataCenter: string, name: string): Promise<api.NodeFieldsFragment> {
    return (await this.#client.mutate(api.CordonNodeDocument, { dataCenter, name })).cordonNode;
  }

  /** Lets new pods in again, and ends a draining. */
  async uncordonNode(dataCenter: string, name: string): Promise<api.NodeFieldsFragment> {
    return (await this.#client.mutate(api.UncordonNodeDocument, { dataCenter, name })).uncordonNode;
  }

  /** Begins to move the pods of a machine elsewhere; `nodes()` tells how far that is. */
  async drainNode(dataCenter: string, name: string): Promise<api.NodeFieldsFragment> {
    return (await this.#client.mutate(api.DrainNodeDocument, { dataCenter, name })).drainNode;
  }

  /** Changes roles and labels of a machine. */
  async updateNode(dataCenter: string, name: string, input: api.NodeInput): Promise<api.NodeFieldsFragment> {
    return (await this.#client.mutate(api.UpdateNodeDocument, { dataCenter, name, input })).updateNode;
  }

  /** Templates of the market, by title. */
  async templates(): Promise<api.TemplatesQuery['templates']> {
    return (await this.#client.query(api.TemplatesDocument)).templates;
  }
}
