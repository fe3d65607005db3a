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

  /** Topics of the message queues, by data centre (administrators). */
  async queueTopics(): Promise<api.QueueTopicsQuery['dataCenters']> {
    return (await this.#client.query(api.QueueTopicsDocument)).dataCenters;
  }

  /** Servers of apps' names for other networks, and the clusters' own ones, by data centre (administrators). */
  async dnsServers(): Promise<api.DnsServersQuery['dataCenters']> {
    return (await this.#client.query(api.DnsServersDocument)).dataCenters;
  }

  /** Dead letters of a topic after a sequence, oldest first; null for a data centre that cannot be reached. */
  async deadLetters(
    dataCenter: string,
    topic: string,
    page: { readonly after?: number; readonly first?: number } = {},
  ): Promise<api.DeadLetterPageFieldsFragment | null> {
    const { dataCenters } = await this.#client.query(api.DeadLettersDocument, { topic, ...page });
    return dataCenters.find(({ name }) => name === dataCenter)?.deadLetters ?? null;
  }

  /** Gives dead letters to their topic again, all of them when none is named; answers how many. */
  async replayDeadLetters(dataCenter: string, topic: string, sequences?: number[]): Promise<number> {
    const wanted = { dataCenter, topic, sequences };
    return (await this.#client.mutate(api.ReplayDeadLettersDocument, wanted)).replayDeadLetters;
  }

  /** Removes dead letters, all of them when none is named; answers how many. */
  async discardDeadLetters(dataCenter: string, topic: string, sequences?: number[]): Promise<number> {
    const wanted = { dataCenter, topic, sequences };
    return (await this.#client.mutate(api.DiscardDeadLettersDocument, wanted)).discardDeadLetters;
  }

  /** Replaces the limits of a topic. */
  async updateQueueTopic(
    dataCenter: string,
    name: string,
    limits: api.QueueLimitsInput,
  ): Promise<api.QueueTopicFieldsFragment> {
    const wanted = { dataCenter, name, limits };
    return (await this.#client.mutate(api.UpdateQueueTopicDocument, wanted)).updateQueueTopic;
  }

  /** Forgets a group of a topic that nobody reads any more. */
  async deleteQueueGroup(dataCenter: string, topic: string, name: string): Promise<boolean> {
    return (await this.#client.mutate(api.DeleteQueueGroupDocument, { dataCenter, topic, name }))
      .deleteQueueGroup;
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
