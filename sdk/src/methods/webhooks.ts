import type { GraphQLClient } from '../client.ts';
import * as api from '../generated/operations.ts';
import { found } from './apps.ts';

/** Addresses outside that deploy an app when somebody pushed. */
export class WebhookMethods {
  readonly #client: GraphQLClient;

  constructor(client: GraphQLClient) {
    this.#client = client;
  }

  /** An app's webhooks with their newest deliveries. */
  async list(appId: string, first = 20): Promise<NonNullable<api.AppWebhooksQuery['app']>['webhooks']> {
    const { app } = await this.#client.query(api.AppWebhooksDocument, { id: appId, first });
    return found(app, 'app', appId).webhooks;
  }

  /** Makes or changes one; the secret of a new one is told only in this answer. */
  async save(input: api.WebhookInput): Promise<api.SaveWebhookMutation['saveWebhook']> {
    return (await this.#client.mutate(api.SaveWebhookDocument, { input })).saveWebhook;
  }

  /** Gives it another secret; the old one ends at once. */
  async rotateSecret(id: string): Promise<api.RotateWebhookSecretMutation['rotateWebhookSecret']> {
    return (await this.#client.mutate(api.RotateWebhookSecretDocument, { id })).rotateWebhookSecret;
  }

  async delete(id: string): Promise<void> {
    await this.#client.mutate(api.DeleteWebhookDocument, { id });
  }
}
