import type { GraphQLClient } from '../client.ts';
import * as api from '../generated/operations.ts';
import { found } from './apps.ts';

/** How requests reach apps. Routes are changed by `apps.update`. */
export class RouteMethods {
  readonly #client: GraphQLClient;

  constructor(client: GraphQLClient) {
    this.#client = client;
  }

  /** Which route would take a request, and why; asked of the gateway itself. */
  async explain(
    teamId: string,
    input: api.ExplainRequestInput,
    dataCenter?: string,
  ): Promise<api.ExplainRequestQuery['explainRequest']> {
    const variables = { teamId, dataCenter, input };
    return (await this.#client.query(api.ExplainRequestDocument, variables)).explainRequest;
  }

  /** The gateway's pre-listened TCP and UDP ports; throws NOT_FOUND without the team. */
  async l4Ports(
    teamName: string,
    dataCenter?: string,
  ): Promise<NonNullable<api.TeamL4PortsQuery['team']>['l4Ports']> {
    const { team } = await this.#client.query(api.TeamL4PortsDocument, { name: teamName, dataCenter });
    return found(team, 'team', teamName).l4Ports;
  }
}
