import type { GraphQLClient } from '../client.ts';
import * as api from '../generated/operations.ts';

export type ImportPreview = api.PreviewImportQuery['previewImport'];
export type ImportedApps = api.ImportAppsMutation['importApps'];

/** Apps of Compose files and `docker run` lines. */
export class ImportMethods {
  readonly #client: GraphQLClient;

  constructor(client: GraphQLClient) {
    this.#client = client;
  }

  /** What the text would make, and what is to be said of it; nothing is made. */
  async preview(input: api.ImportInput): Promise<ImportPreview> {
    return (await this.#client.query(api.PreviewImportDocument, { input })).previewImport;
  }

  /** Makes all apps, or none. */
  async create(
    input: api.ImportInput,
    options: { readonly choices?: api.ImportChoiceInput[]; readonly deploy?: boolean } = {},
  ): Promise<ImportedApps> {
    const { choices = [], deploy = true } = options;
    return (await this.#client.mutate(api.ImportAppsDocument, { input, choices, deploy })).importApps;
  }
}
