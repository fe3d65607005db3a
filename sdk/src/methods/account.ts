import type { GraphQLClient } from '../client.ts';
import * as api from '../generated/operations.ts';

/** Who is asking: claiming, sessions, tokens, users. */
export class AccountMethods {
  readonly #client: GraphQLClient;

  constructor(client: GraphQLClient) {
    this.#client = client;
  }

  async installation(): Promise<api.InstallationQuery['installation']> {
    return (await this.#client.query(api.InstallationDocument)).installation;
  }

  /** The person logged in; null for a stranger. */
  async viewer(): Promise<api.ViewerQuery['viewer']> {
    return (await this.#client.query(api.ViewerDocument)).viewer;
  }

  /** Takes possession of a new installation; the client is logged in afterwards. */
  async claim(input: api.ClaimInput): Promise<api.ViewerFieldsFragment> {
    return (await this.#client.mutate(api.ClaimDocument, { input })).claim.viewer;
  }

  /** Logs the client in. */
  async login(input: api.LoginInput): Promise<api.ViewerFieldsFragment> {
    return (await this.#client.mutate(api.LoginDocument, { input })).login.viewer;
  }

  async logout(): Promise<void> {
    await this.#client.mutate(api.LogoutDocument);
  }

  async changePassword(input: api.ChangePasswordInput): Promise<void> {
    await this.#client.mutate(api.ChangePasswordDocument, { input });
  }

  /** Makes a token for programs; `secret` is shown only here. */
  async createApiToken(
    input: api.CreateApiTokenInput,
  ): Promise<api.CreateApiTokenMutation['createApiToken']> {
    return (await this.#client.mutate(api.CreateApiTokenDocument, { input })).createApiToken;
  }

  async revokeApiToken(id: string): Promise<void> {
    await this.#client.mutate(api.RevokeApiTokenDocument, { id });
  }

  async createUser(input: api.CreateUserInput): Promise<api.UserFieldsFragment> {
    return (await this.#client.mutate(api.CreateUserDocument, { input })).createUser;
  }
}
