import type { GraphQLClient } from '../client.ts';
import * as api from '../generated/operations.ts';
import { SkyarcError } from '../error.ts';
import { patiently } from './patience.ts';
import type { SubscribeOptions } from '../live.ts';

/** Apps: what runs. Each act answers with the Operation that does it; follow it with `client.operations.wait`. */
export class AppMethods {
  readonly #client: GraphQLClient;

  constructor(client: GraphQLClient) {
    this.#client = client;
  }

  /** Apps of a team by name; throws NOT_FOUND without the team. */
  async list(teamName: string): Promise<api.AppFieldsFragment[]> {
    const { team } = await this.#client.query(api.TeamAppsDocument, { name: teamName });
    if (!team) throw new SkyarcError('NOT_FOUND', `No team "${teamName}"`);
    return team.apps;
  }

  /** Throws NOT_FOUND when there is none, or the viewer may not see it. */
  async get(id: string): Promise<api.AppFieldsFragment> {
    return found((await this.#client.query(api.AppDocument, { id })).app, 'app', id);
  }

  /** Newest first. */
  async versions(id: string, first?: number): Promise<api.VersionFieldsFragment[]> {
    return found((await this.#client.query(api.AppVersionsDocument, { id, first })).app, 'app', id).versions;
  }

  /** Newest first. */
  async builds(id: string, first?: number): Promise<api.BuildFieldsFragment[]> {
    return found((await this.#client.query(api.AppBuildsDocument, { id, first })).app, 'app', id).builds;
  }

  async create(input: api.CreateAppInput): Promise<api.CreateAppMutation['createApp']> {
    return (await this.#client.mutate(api.CreateAppDocument, { input })).createApp;
  }

  async update(id: string, input: api.UpdateAppInput): Promise<api.UpdateAppMutation['updateApp']> {
    return (await this.#client.mutate(api.UpdateAppDocument, { id, input })).updateApp;
  }

  /** Builds the newest source and rolls the app to it. */
  async deploy(id: string): Promise<api.OperationFieldsFragment> {
    return (await this.#client.mutate(api.DeployAppDocument, { id })).deployApp;
  }

  async start(id: string): Promise<api.OperationFieldsFragment> {
    return (await this.#client.mutate(api.StartAppDocument, { id })).startApp;
  }

  async stop(id: string): Promise<api.OperationFieldsFragment> {
    return (await this.#client.mutate(api.StopAppDocument, { id })).stopApp;
  }

  async restart(id: string): Promise<api.OperationFieldsFragment> {
    return (await this.#client.mutate(api.RestartAppDocument, { id })).restartApp;
  }

  async rollback(id: string, versionId: string): Promise<api.OperationFieldsFragment> {
    return (await this.#client.mutate(api.RollbackAppDocument, { id, versionId })).rollbackApp;
  }

  async scale(id: string, replicas: number): Promise<api.OperationFieldsFragment> {
    return (await this.#client.mutate(api.ScaleAppDocument, { id, replicas })).scaleApp;
  }

  async delete(id: string): Promise<api.OperationFieldsFragment> {
    return (await this.#client.mutate(api.DeleteAppDocument, { id })).deleteApp;
  }

  /** The app after each change, the present one first; ends when it is deleted. */
  async *watch(
    id: string,
    options?: SubscribeOptions,
  ): AsyncGenerator<api.AppFieldsFragment, void, undefined> {
    const open = () => this.#client.subscribe(api.AppChangedDocument, { id }, options);
    for await (const { appChanged } of patiently(open, options?.signal)) {
      if (!appChanged) return;
      yield appChanged;
    }
  }
}

/** The thing itself; throws NOT_FOUND for null. */
export function found<Thing>(thing: Thing | null | undefined, what: string, id: string): Thing {
  if (!thing) throw new SkyarcError('NOT_FOUND', `No ${what} "${id}"`);
  return thing;
}
