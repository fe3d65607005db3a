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

  /** Templates of the market, by title. */
  async templates(): Promise<api.TemplatesQuery['templates']> {
    return (await this.#client.query(api.TemplatesDocument)).templates;
  }
}
