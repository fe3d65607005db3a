import type { GraphQLClient } from '../client.ts';
import { SkyarcError } from '../error.ts';
import * as api from '../generated/operations.ts';
import type { UploadOptions } from '../upload.ts';
import { found } from './apps.ts';

export type Examination = api.ExaminationFieldsFragment;

const pollMs = 500;

export interface ExamineOptions {
  readonly signal?: AbortSignal;
  /** Told of each state while it goes on, with the log so far. */
  readonly onProgress?: (examination: Examination) => void;
}

/** What apps are made of: checks before they are made, uploads, registries of images. */
export class SourceMethods {
  readonly #client: GraphQLClient;

  constructor(client: GraphQLClient) {
    this.#client = client;
  }

  /** Begins a check of a source. */
  async beginExamination(input: api.ExamineSourceInput): Promise<Examination> {
    return (await this.#client.mutate(api.ExamineSourceDocument, { input })).examineSource;
  }

  /** A check as it is now; throws NOT_FOUND when it has expired. */
  async examination(id: string): Promise<Examination> {
    const { examination } = await this.#client.query(api.ExaminationDocument, { id });
    return found(examination, 'check', id);
  }

  /** Checks a source and waits for what was found; one that FAILED is an answer, too. Throws what the signal throws. */
  async examine(input: api.ExamineSourceInput, options: ExamineOptions = {}): Promise<Examination> {
    let examination = await this.beginExamination(input);
    for (;;) {
      options.onProgress?.(examination);
      if (examination.status === 'SUCCEEDED' || examination.status === 'FAILED') return examination;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
      options.signal?.throwIfAborted();
      examination = await this.examination(examination.id);
    }
  }

  /** Permission to PUT one file to `url`; `upload` does both. */
  async createUpload(input: api.CreateUploadInput): Promise<api.CreateUploadMutation['createUpload']> {
    return (await this.#client.mutate(api.CreateUploadDocument, { input })).createUpload;
  }

  /** Uploads an archive; answers it READY. Throws INVALID, EXHAUSTED, UNAVAILABLE. */
  async upload(
    place: { readonly teamId: string; readonly dataCenter?: string },
    file: { readonly name: string; readonly content: Blob },
    options: UploadOptions = {},
  ): Promise<api.UploadFieldsFragment> {
    const { name: fileName, content } = file;
    if (content.size === 0) throw new SkyarcError('INVALID', `Cannot upload "${fileName}": it is empty`);
    const { id, url } = await this.createUpload({ ...place, fileName, sizeBytes: content.size });
    await this.#client.putFile(url, content, options);
    const { upload } = await this.#client.query(api.UploadDocument, { id });
    return found(upload, 'upload', id);
  }

  /** Registries that a team has credentials for. */
  async registries(teamName: string): Promise<api.RegistryCredentialFieldsFragment[]> {
    const { team } = await this.#client.query(api.TeamRegistryCredentialsDocument, { name: teamName });
    return found(team, 'team', teamName).registryCredentials;
  }

  /** Stores or replaces a team's credentials for the registry of a host. */
  async saveRegistry(input: api.RegistryCredentialInput): Promise<api.RegistryCredentialFieldsFragment> {
    return (await this.#client.mutate(api.SaveRegistryCredentialDocument, { input })).saveRegistryCredential;
  }

  async deleteRegistry(id: string): Promise<void> {
    await this.#client.mutate(api.DeleteRegistryCredentialDocument, { id });
  }
}
