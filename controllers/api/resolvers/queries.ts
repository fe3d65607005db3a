import { appSource, defaultHostOf, type OperationKind } from '@skyarc/lib/contracts';
import type { Api } from '../api.ts';
import { appStateOf } from '../app-state.ts';
import { ensureTeam } from '../commands/teams.ts';
import { theTeam } from '../context.ts';
import type { Resolvers } from '../generated/resolvers.ts';
import { readLog } from '../logs.ts';
import type { AppRecord } from '../records.ts';

const maxCount = 100;
const limited = (first: number): number => Math.max(0, Math.min(first, maxCount));
const maxIds = 500;

export function createQueries(api: Api): Pick<Resolvers, 'Query'> {
  const { repository, config } = api;
  return {
    Query: {
      dataCenter: async () => ({
        name: config.dataCenter,
        version: config.version,
        domain: config.domain,
        gatewayHttpPort: config.gatewayHttpPort,
        gatewayHttpsPort: config.gatewayHttpsPort,
        kubernetesVersion: await api.cluster.kubernetesVersion(),
        nodes: api.cluster.listNodes(),
        services: await api.health.list(),
      }),
      settings: async () => ({ allowPrivateSources: await repository.mayUsePrivateSources() }),
      sshPublicKey: async (_parent, _args, context) => (await ensureTeam(api, theTeam(context))).sshPublicKey,
      apps: (_parent, { groupId, ids }, context) =>
        repository.listApps(context, { groupId: groupId ?? undefined, ids: ids?.slice(0, maxIds) }),
      app: (_parent, { id }, context) => repository.findApp(context, id),
      builds: async (_parent, { ids }, context) =>
        inOrder(ids, await repository.listBuilds(context, ids.slice(0, maxIds))),
      operationsById: async (_parent, { ids }, context) =>
        inOrder(ids, await repository.listOperationsById(context, ids.slice(0, maxIds))),
      operations: async (_parent, { appId, active, first, after }, context) => {
        const take = limited(first);
        const filter = { appId: appId ?? undefined, isActive: active ?? false, after: after ?? undefined };
        const items = await repository.listOperations(context, { ...filter, take: take + 1 });
        const shown = items.slice(0, take);
        return { items: shown, next: items.length > take ? (shown.at(-1)?.id ?? null) : null };
      },
      log: (_parent, { source, page }, context) => readLog(api, source, page, context),
    },
  };
}

export function createAppResolvers(api: Api): Resolvers {
  const { repository, secretBox, config } = api;
  const portSuffix = config.gatewayHttpPort === 80 ? '' : `:${config.gatewayHttpPort}`;
  const stateOf = remembered(async (app: AppRecord) => {
    const active = app.activeOperationId ? await repository.findOperation(app.activeOperationId) : null;
    return appStateOf({
      isDeleted: app.deletedAt !== null,
      desired: app.desired === 'RUNNING' ? 'RUNNING' : 'STOPPED',
      hasVersion: app.currentVersionId !== null,
      replicas: app.replicas,
      active: active && {
        kind: active.kind as OperationKind,
        step: await repository.runningStepOf(active.id),
      },
      pods: api.cluster.podsOf(app.id),
      lastFailure: app.currentVersionId === null ? await repository.lastFailureOf(app.id) : null,
    });
  });
  return {
    App: {
      state: async (app) => (await stateOf(app)).state,
      stateReason: async (app) => (await stateOf(app)).reason,
      source: (app) => ({
        ...appSource.parse(JSON.parse(app.source)),
        hasCredentials: app.sourceSecret !== null,
      }),
      build: (app) => ({
        buildpack: app.buildpack,
        cpuMillis: app.buildCpuMillis,
        memoryMb: app.buildMemoryMb,
        diskMb: app.buildDiskMb,
        timeoutSeconds: app.buildTimeoutSec,
      }),
      run: (app) => ({
        workload: app.workload === 'STATEFUL' ? 'STATEFUL' : 'STATELESS',
        replicas: app.replicas,
        cpuMillis: app.cpuMillis,
        memoryMb: app.memoryMb,
        command: app.command === null ? null : (JSON.parse(app.command) as string[]),
        healthPath: app.healthPath,
        startTimeoutSeconds: app.startTimeoutSec,
      }),
      readyReplicas: (app) => api.cluster.podsOf(app.id).filter((pod) => pod.ready).length,
      pods: (app) => api.cluster.podsOf(app.id),
      ports: async (app) =>
        (await repository.portsOf(app.id)).map(({ port, protocol, public: isPublic, detected }) => ({
          port,
          protocol: protocol === 'TCP' ? 'TCP' : 'HTTP',
          public: isPublic,
          detected,
          url:
            isPublic && protocol === 'HTTP'
              ? `http://${defaultHostOf({ port, app: app.name, team: app.teamName, domain: config.domain })}${portSuffix}/`
              : null,
          internalAddress: `${app.name}:${port}`,
        })),
      routes: async (app) =>
        (await repository.routesOf(app.id)).map(({ id, host, path, port }) => ({
          id,
          host,
          path,
          port,
          url: `http://${host}${portSuffix}${path}`,
        })),
      env: async (app) =>
        (await repository.envOf(app.id)).map(({ name, value, secret }) => ({
          name,
          value: secret ? null : secretBox.open(value, `env:${app.id}:${name}`),
          secret,
        })),
      currentVersion: (app) => (app.currentVersionId ? repository.findVersion(app.currentVersionId) : null),
      versions: (app, { first }) => repository.listVersionsOf(app.id, limited(first)),
      builds: (app, { first }) => repository.listBuildsOf(app.id, limited(first)),
      activeOperation: (app) =>
        app.activeOperationId ? repository.findOperation(app.activeOperationId) : null,
    },
    Build: {
      teamName: (build) => build.app.teamName,
      version: ({ id }) => repository.findVersionOfBuild(id),
    },
    Version: {
      sizeBytes: ({ sizeBytes }) => String(sizeBytes),
      commitId: ({ build }) => build.commitId,
      commitMessage: ({ build }) => build.commitMessage,
    },
    Operation: {
      version: ({ versionId }) => (versionId ? repository.findVersion(versionId) : null),
      steps: async ({ id }) =>
        (await repository.stepsOf(id)).map(({ name, status, ...rest }) => ({
          ...rest,
          name: name as never,
          status: status as never,
        })),
    },
  };
}

/** Two fields of one object ask for the same thing. */
function remembered<Key extends object, Value>(compute: (key: Key) => Value): (key: Key) => Value {
  const known = new WeakMap<Key, Value>();
  return (key) => {
    const value = known.get(key) ?? compute(key);
    known.set(key, value);
    return value;
  };
}

function inOrder<T extends { readonly id: string }>(
  ids: readonly string[],
  rows: readonly T[],
): (T | null)[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => byId.get(id) ?? null);
}
