import type { GraphQLClient } from '../client.ts';
import * as api from '../generated/operations.ts';

interface Place {
  /** Absent: the platform's own, for administrators. */
  readonly teamId?: string;
  readonly dataCenter?: string;
}

/** Metrics, alerts, their rules and receivers, and messages. */
export class MonitorMethods {
  readonly #client: GraphQLClient;

  constructor(client: GraphQLClient) {
    this.#client = client;
  }

  /** Charts of an app, group, node or service over a time. */
  async metrics(input: api.MetricsInput): Promise<api.MetricsFieldsFragment> {
    return (await this.#client.query(api.MetricsDocument, { input })).metrics;
  }

  /** A PromQL expression over a time; a team sees its own series alone. */
  async query(input: api.MetricQueryInput): Promise<api.MetricsFieldsFragment> {
    return (await this.#client.query(api.QueryMetricsDocument, { input })).queryMetrics;
  }

  /** Where an app has metrics of its own, and whether its pods answered there. */
  async endpoints(appId: string): Promise<api.MetricsEndpointFieldsFragment[]> {
    return (await this.#client.query(api.MetricsEndpointsDocument, { appId })).app?.metricsEndpoints ?? [];
  }

  /**
   * Says where an app has metrics of its own, and how often they are read (5 to 120 seconds; null: as everything
   * else); a null path says that it has none on this port.
   */
  async setEndpoint(
    appId: string,
    port: number,
    path: string | null,
    intervalSec: number | null = null,
  ): Promise<void> {
    await this.#client.mutate(api.SetMetricsEndpointDocument, { appId, port, path, intervalSec });
  }

  /** What fires now, in one team or all of the viewer's. */
  async alerts(teamId?: string): Promise<api.AlertsQuery['alerts']> {
    return (await this.#client.query(api.AlertsDocument, teamId === undefined ? {} : { teamId })).alerts;
  }

  async rules(place: Place = {}): Promise<api.AlertRuleFieldsFragment[]> {
    return (await this.#client.query(api.AlertRulesDocument, place)).alertRules;
  }

  async saveRule(input: api.AlertRuleInput): Promise<api.AlertRuleFieldsFragment> {
    return (await this.#client.mutate(api.SaveAlertRuleDocument, { input })).saveAlertRule;
  }

  async deleteRule(id: string, { teamId }: Pick<Place, 'teamId'> = {}): Promise<void> {
    await this.#client.mutate(api.DeleteAlertRuleDocument, { id, teamId: teamId ?? null });
  }

  async receivers(place: Place = {}): Promise<api.AlertReceiverFieldsFragment[]> {
    return (await this.#client.query(api.AlertReceiversDocument, place)).alertReceivers;
  }

  async saveReceiver(input: api.AlertReceiverInput): Promise<api.AlertReceiverFieldsFragment> {
    return (await this.#client.mutate(api.SaveAlertReceiverDocument, { input })).saveAlertReceiver;
  }

  async deleteReceiver(id: string, { teamId }: Pick<Place, 'teamId'> = {}): Promise<void> {
    await this.#client.mutate(api.DeleteAlertReceiverDocument, { id, teamId: teamId ?? null });
  }

  /** Sends a test message; throws what the receiver's server said. */
  async testReceiver(id: string, { teamId }: Pick<Place, 'teamId'> = {}): Promise<void> {
    await this.#client.mutate(api.TestAlertReceiverDocument, { id, teamId: teamId ?? null });
  }

  async silences(place: Place = {}): Promise<api.SilenceFieldsFragment[]> {
    return (await this.#client.query(api.SilencesDocument, place)).silences;
  }

  async silence(input: api.SilenceInput): Promise<api.SilenceFieldsFragment> {
    return (await this.#client.mutate(api.CreateSilenceDocument, { input })).createSilence;
  }

  async endSilence(id: string, { teamId, dataCenter }: Place = {}): Promise<void> {
    const variables = { id, teamId: teamId ?? null, dataCenter: dataCenter ?? null };
    await this.#client.mutate(api.EndSilenceDocument, variables);
  }

  /** Messages to the viewer, newest first, and how many are unread. */
  async messages(page: api.MessagesQueryVariables = {}): Promise<api.MessagesQuery> {
    return this.#client.query(api.MessagesDocument, page);
  }

  /** Marks some, or all, as read; answers how many are left. */
  async markRead(ids?: readonly string[]): Promise<number> {
    const variables = { ids: ids ? [...ids] : null };
    return (await this.#client.mutate(api.MarkMessagesReadDocument, variables)).markMessagesRead;
  }
}
