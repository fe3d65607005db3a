import type { GraphQLClient } from '../client.ts';
import * as api from '../generated/operations.ts';
import { found } from './apps.ts';

/** Limits of teams, and what their apps take of them. */
export class QuotaMethods {
  readonly #client: GraphQLClient;

  constructor(client: GraphQLClient) {
    this.#client = client;
  }

  /** A team's limits and use, one for each data centre; throws NOT_FOUND without the team. */
  async of(teamName: string): Promise<api.QuotaFieldsFragment[]> {
    const { team } = await this.#client.query(api.TeamQuotasDocument, { name: teamName });
    return found(team, 'team', teamName).quotas;
  }

  /** Of every team in a data centre (administrators). */
  async list(dataCenter?: string): Promise<api.QuotasQuery['quotas']> {
    return (await this.#client.query(api.QuotasDocument, { dataCenter })).quotas;
  }

  /** Sets a team's limits (administrators); a null one is none. */
  async set(input: api.QuotaInput): Promise<api.QuotaFieldsFragment> {
    return (await this.#client.mutate(api.SetQuotaDocument, { input })).setQuota;
  }
}
