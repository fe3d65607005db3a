import { dataCenterOf } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import DataLoader from 'dataloader';
import type { Identity } from '../context.ts';
import {
  AppOwnersDocument,
  type AppsQuery,
  type AppsQueryVariables,
  AppsDocument,
  BuildsDocument,
  type BuildsQuery,
  OperationsByIdDocument,
  type OperationsByIdQuery,
  OwnerOfDocument,
} from '../generated/datacenter.ts';
import type { CallScope, DataCenterClient } from './client.ts';
import type { DataCenterEntry, DataCenterRegistry } from './registry.ts';

export type AppPayload = AppsQuery['apps'][number];
export type BuildPayload = NonNullable<BuildsQuery['builds'][number]>;
export type OperationPayload = NonNullable<OperationsByIdQuery['operationsById'][number]>;

/** Parts of an app that are read only when asked for. */
export type AppParts = Omit<AppsQueryVariables, 'ids' | 'groupId'>;

export const noAppParts: AppParts = {
  pods: false,
  network: false,
  env: false,
  versions: false,
  versionCount: 0,
  builds: false,
  buildCount: 0,
  operation: false,
  settings: false,
};

/**
 * Data centres as one request sees them: every read is limited to the viewer's teams, and reads of one
 * tick go out as one call per data centre.
 */
export class DataCenterScope {
  private readonly registry: DataCenterRegistry;
  private readonly identity: Identity | null;
  private readonly appLoader = new DataLoader((keys: readonly AppKey[]) => this.loadApps(keys), {
    cache: false,
  });
  /** Kept for the request: an app never changes its team. */
  private readonly ownerLoader = byId(
    (client, ids, scope) =>
      client.call(AppOwnersDocument, { ids }, scope).then(({ apps }) => inOrder(ids, apps)),
    true,
  );
  private readonly buildLoader = byId((client, ids, scope) =>
    client.call(BuildsDocument, { ids }, scope).then(({ builds }) => builds),
  );
  private readonly operationLoader = byId((client, ids, scope) =>
    client.call(OperationsByIdDocument, { ids }, scope).then(({ operationsById }) => operationsById),
  );

  constructor(registry: DataCenterRegistry, identity: Identity | null) {
    this.registry = registry;
    this.identity = identity;
  }

  /** For reads: all teams of the viewer. Throws UNAUTHENTICATED for a stranger. */
  get readScope(): CallScope {
    if (!this.identity) throw new AppError('UNAUTHENTICATED', 'Log in first');
    const { admin, memberships } = this.identity;
    return { teams: admin ? ['*'] : memberships.map((one) => one.teamName), actor: this.actor };
  }

  /** For changes: exactly one team. */
  scopeOf(teamName: string): CallScope {
    return { teams: [teamName], actor: this.actor };
  }

  list(): Promise<readonly DataCenterEntry[]> {
    return this.registry.list();
  }

  all(): Promise<DataCenterClient[]> {
    return this.registry.all();
  }

  get(name: string | null | undefined): Promise<DataCenterClient> {
    return this.registry.get(name);
  }

  /** The client that an id belongs to. Throws NOT_FOUND for ids of nowhere. */
  async ownerOf(id: string): Promise<DataCenterClient> {
    const name = dataCenterOf(id);
    const client = name && (await this.registry.find(name));
    if (!client) throw new AppError('NOT_FOUND', 'There is no such thing, or you may not see it');
    return client;
  }

  /** An app with the asked parts, or null when the viewer has no such app. */
  findApp(id: string, parts: AppParts): Promise<AppPayload | null> {
    return this.appLoader.load({ id, parts });
  }

  /** Name of the team that an app belongs to, or null when the viewer has no such app. */
  async findAppTeam(id: string): Promise<string | null> {
    return (await this.ownerLoader(this).load(id))?.teamName ?? null;
  }

  /** Name of the team that owns a configuration set, plug-in, certificate or registry, or null when the viewer has no such. */
  async findOwner(id: string): Promise<string | null> {
    const name = dataCenterOf(id);
    const client = name && (await this.registry.find(name));
    return client ? ((await client.call(OwnerOfDocument, { id }, this.readScope)).ownerOf ?? null) : null;
  }

  findBuild(id: string): Promise<BuildPayload | null> {
    return this.buildLoader(this).load(id);
  }

  findOperation(id: string): Promise<OperationPayload | null> {
    return this.operationLoader(this).load(id);
  }

  private get actor(): string {
    return this.identity?.email ?? '';
  }

  private async loadApps(keys: readonly AppKey[]): Promise<(AppPayload | null | Error)[]> {
    const parts = keys.map((key) => key.parts).reduce(union);
    return loadByOwner(
      this,
      keys.map((key) => key.id),
      async (client, ids) =>
        inOrder(ids, (await client.call(AppsDocument, { ids, ...parts }, this.readScope)).apps),
    );
  }
}

interface AppKey {
  readonly id: string;
  readonly parts: AppParts;
}

function union(left: AppParts, right: AppParts): AppParts {
  return {
    pods: left.pods || right.pods,
    network: left.network || right.network,
    env: left.env || right.env,
    versions: left.versions || right.versions,
    versionCount: Math.max(left.versionCount, right.versionCount),
    builds: left.builds || right.builds,
    buildCount: Math.max(left.buildCount, right.buildCount),
    operation: left.operation || right.operation,
    settings: left.settings || right.settings,
  };
}

type LoadMany<T> = (client: DataCenterClient, ids: string[], scope: CallScope) => Promise<(T | null)[]>;

function byId<T>(load: LoadMany<T>, cache = false): (scope: DataCenterScope) => DataLoader<string, T | null> {
  let loader: DataLoader<string, T | null> | undefined;
  return (scope) =>
    (loader ??= new DataLoader(
      (ids: readonly string[]) =>
        loadByOwner(scope, ids, (client, own) => load(client, own, scope.readScope)),
      { cache },
    ));
}

/** Asks each data centre for its own ids, all at once; one that fails fails only its own. */
async function loadByOwner<T>(
  scope: DataCenterScope,
  ids: readonly string[],
  load: (client: DataCenterClient, ids: string[]) => Promise<(T | null)[]>,
): Promise<(T | null | Error)[]> {
  const groups = Map.groupBy(new Set(ids), dataCenterOf);
  const found = new Map<string, T | null | Error>();
  await Promise.all(
    [...groups].map(async ([name, own]) => {
      if (name === null) return;
      try {
        const client = await scope.ownerOf(own[0] as string).catch(() => null);
        const values = client ? await load(client, own) : [];
        own.forEach((id, index) => found.set(id, values[index] ?? null));
      } catch (error) {
        for (const id of own) found.set(id, error as Error);
      }
    }),
  );
  return ids.map((id) => found.get(id) ?? null);
}

function inOrder<T extends { readonly id: string }>(
  ids: readonly string[],
  rows: readonly T[],
): (T | null)[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => byId.get(id) ?? null);
}
