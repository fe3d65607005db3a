import type { GraphQLClient } from '../client.ts';
import * as api from '../generated/operations.ts';
import { SkyarcError } from '../error.ts';
import { patiently } from './patience.ts';
import type { SubscribeOptions } from '../live.ts';

/** The app of a query's answer. */
type AppWith<Query extends { app?: unknown }> = NonNullable<Query['app']>;

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

  /** Switches the mesh on with these rules, or off with null. */
  async setMesh(id: string, input: api.MeshInput | null): Promise<api.SetMeshMutation['setMesh']> {
    return (await this.#client.mutate(api.SetMeshDocument, { id, input })).setMesh;
  }

  async update(id: string, input: api.UpdateAppInput): Promise<api.UpdateAppMutation['updateApp']> {
    return (await this.#client.mutate(api.UpdateAppDocument, { id, input })).updateApp;
  }

  /** Builds the newest source and rolls the app to it; with `noCache` nothing that an earlier build made is used. */
  async deploy(
    id: string,
    options: { readonly noCache?: boolean } = {},
  ): Promise<api.OperationFieldsFragment> {
    return (await this.#client.mutate(api.DeployAppDocument, { id, ...options })).deployApp;
  }

  /** Puts the current version over the newest base image, without building. Throws CONFLICT when that changes nothing. */
  async rebase(id: string): Promise<api.OperationFieldsFragment> {
    return (await this.#client.mutate(api.RebaseAppDocument, { id })).rebaseApp;
  }

  /** A build with its phases, cache use and layers; throws NOT_FOUND. */
  async build(id: string): Promise<api.BuildStoryFieldsFragment> {
    return found((await this.#client.query(api.BuildDocument, { id })).build, 'build', id);
  }

  /** An address for a browser that is logged in, for one minute: the app and its packages as .tar.gz. */
  async slugUrl(versionId: string): Promise<api.CreateSlugDownloadMutation['createSlugDownload']> {
    return (await this.#client.mutate(api.CreateSlugDownloadDocument, { versionId })).createSlugDownload;
  }

  /** The app and its packages as .tar.gz, as it comes. Throws CONFLICT for a version that has none. */
  async downloadSlug(versionId: string, signal?: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const { url } = await this.slugUrl(versionId);
    return this.#client.getFile(url, signal);
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

  /** All that an app is told, beside its light fields: probes, routes with policies, volumes, dependencies, ... */
  async settings(id: string): Promise<api.AppSettingsFieldsFragment> {
    return found((await this.#client.query(api.AppSettingsDocument, { id })).app, 'app', id);
  }

  /** Runs a JOB or CRON_JOB app once, now. */
  async run(id: string): Promise<api.OperationFieldsFragment> {
    return (await this.#client.mutate(api.RunAppDocument, { id })).runApp;
  }

  /** Runs of a JOB or CRON_JOB app, newest first. */
  async jobRuns(id: string, first?: number): Promise<AppWith<api.AppJobRunsQuery>['jobRuns']> {
    return found((await this.#client.query(api.AppJobRunsDocument, { id, first })).app, 'app', id).jobRuns;
  }

  /** Changes of its number of pods, newest first. */
  async scalings(id: string, first?: number): Promise<AppWith<api.AppScalingsQuery>['scalings']> {
    return found((await this.#client.query(api.AppScalingsDocument, { id, first })).app, 'app', id).scalings;
  }

  /** Requests of the last minute by route. */
  async traffic(id: string): Promise<AppWith<api.AppTrafficQuery>['traffic']> {
    return found((await this.#client.query(api.AppTrafficDocument, { id })).app, 'app', id).traffic;
  }

  /** Runs a version beside the current one and sends it a share of the requests. */
  async startGreyRelease(
    id: string,
    versionId: string,
    input: api.GreyReleaseInput,
  ): Promise<api.OperationFieldsFragment> {
    const variables = { id, versionId, input };
    return (await this.#client.mutate(api.StartGreyReleaseDocument, variables)).startGreyRelease;
  }

  /** Changes the share at once. */
  async updateGreyRelease(
    id: string,
    input: api.GreyReleaseInput,
  ): Promise<api.UpdateGreyReleaseMutation['updateGreyRelease']> {
    return (await this.#client.mutate(api.UpdateGreyReleaseDocument, { id, input })).updateGreyRelease;
  }

  /** Makes the candidate the current version for everybody. */
  async promoteGreyRelease(id: string): Promise<api.OperationFieldsFragment> {
    return (await this.#client.mutate(api.PromoteGreyReleaseDocument, { id })).promoteGreyRelease;
  }

  /** Sends everybody back to the current version. */
  async abortGreyRelease(id: string): Promise<api.OperationFieldsFragment> {
    return (await this.#client.mutate(api.AbortGreyReleaseDocument, { id })).abortGreyRelease;
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
