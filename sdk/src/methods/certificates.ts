import type { GraphQLClient } from '../client.ts';
import * as api from '../generated/operations.ts';
import { found } from './apps.ts';

/** Certificates of the hosts that a team routes. */
export class CertificateMethods {
  readonly #client: GraphQLClient;

  constructor(client: GraphQLClient) {
    this.#client = client;
  }

  /** Certificates of a team by name; throws NOT_FOUND without the team. */
  async list(teamName: string): Promise<api.CertificateFieldsFragment[]> {
    const { team } = await this.#client.query(api.TeamCertificatesDocument, { name: teamName });
    return found(team, 'team', teamName).certificates;
  }

  /** Stores a chain with its key; one of the same name is replaced. */
  async upload(input: api.CertificateInput): Promise<api.CertificateFieldsFragment> {
    return (await this.#client.mutate(api.UploadCertificateDocument, { input })).uploadCertificate;
  }

  /** Orders one by ACME and keeps it renewed. */
  async order(input: api.OrderCertificateInput): Promise<api.CertificateFieldsFragment> {
    return (await this.#client.mutate(api.OrderCertificateDocument, { input })).orderCertificate;
  }

  /** Tries a failed or due order now. */
  async renew(id: string): Promise<api.CertificateFieldsFragment> {
    return (await this.#client.mutate(api.RenewCertificateDocument, { id })).renewCertificate;
  }

  /** Throws CONFLICT while a route was given it by hand. */
  async delete(id: string): Promise<void> {
    await this.#client.mutate(api.DeleteCertificateDocument, { id });
  }
}
