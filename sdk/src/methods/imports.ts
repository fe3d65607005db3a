import type { GraphQLClient } from '../client.ts';
import * as api from '../generated/operations.ts';

export type ImportPreview = api.PreviewImportQuery['previewImport'];
export type ImportedApps = api.ImportAppsMutation['importApps'];

/** Apps of templates, Compose files and `docker run` lines. */
export class ImportMethods {
  readonly #client: GraphQLClient;

  constructor(client: GraphQLClient) {
    this.#client = client;
  }

  /** What the text would make, and what is to be said of it; nothing is made. */
  async preview(input: api.ImportInput): Promise<ImportPreview> {
    return (await this.#client.query(api.PreviewImportDocument, { input })).previewImport;
  }

  /** A group as the text of a template (YAML), which `preview` and `create` take. */
  async exportTemplate(groupId: string): Promise<string> {
    return (await this.#client.query(api.ExportTemplateDocument, { groupId })).exportTemplate;
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
