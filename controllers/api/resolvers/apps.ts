import { appSource, autoscaling, type OperationKind } from '@skyarc/lib/contracts';
import type { Api } from '../api.ts';
import { appStateOf } from '../app-state.ts';
import { createBuildFields } from '../builds/resolvers.ts';
import { isExternal } from '../commands/operations.ts';
import type { Resolvers } from '../generated/resolvers.ts';
import { presentBuild, presentProbe, presentRun, stored } from '../present/run.ts';
import type { AppRecord } from '../records.ts';
import { createAppParts } from './app-parts.ts';
import { trafficOf } from './gateway.ts';
import { limited } from './queries.ts';

export function createAppResolvers(api: Api): Resolvers {
  const { repository } = api;
  const stateOf = remembered(async (app: AppRecord) => {
    const active = app.activeOperationId ? await repository.findOperation(app.activeOperationId) : null;
    const rule = stored(autoscaling, app.autoscaling);
    const isJob = app.workload === 'JOB' || app.workload === 'CRON_JOB';
    return appStateOf({
      isDeleted: app.deletedAt !== null,
      desired: app.desired === 'RUNNING' ? 'RUNNING' : 'STOPPED',
      hasVersion: app.currentVersionId !== null,
      replicas: rule?.enabled ? rule.minReplicas : app.replicas,
      active: active && {
        kind: active.kind as OperationKind,
        step: await repository.runningStepOf(active.id),
      },
      ...(isExternal(app) ? { external: await api.reads.externalState(app).catch(() => null) } : {}),
      ...(isJob ? { lastRun: (await api.runs.jobRunsOf(app.id, 1))[0] ?? null } : {}),
      pods: api.cluster.podsOf(app.id),
      lastFailure: app.currentVersionId === null ? await repository.lastFailureOf(app.id) : null,
    });
  });
  return {
    App: {
      state: async (app) => (await stateOf(app)).state,
      stateReason: async (app) => (await stateOf(app)).reason,
      source: async (app) => {
        const source = appSource.parse(JSON.parse(app.source));
        const hasCredentials = app.sourceSecret !== null;
        if (source.kind !== 'EXTERNAL') return { ...source, hasCredentials };
        const state = await api.reads.externalState(app).catch(() => null);
        const healthCheck = presentProbe(source.healthCheck);
        return { ...source, hasCredentials, healthCheck, endpoints: source.endpoints.map(withState) };

        function withState(endpoint: { readonly host: string; readonly port: number }) {
          const said = state?.find(({ host, port }) => host === endpoint.host && port === endpoint.port);
          return { ...endpoint, healthy: said?.healthy ?? null, message: said?.message ?? null };
        }
      },
      traffic: (app) => trafficOf(api, app),
      build: presentBuild,
      run: async (app) => presentRun(app, await api.reads.runFacts(app)),
      readyReplicas: (app) => api.cluster.podsOf(app.id).filter((pod) => pod.ready).length,
      pods: (app) => api.cluster.podsOf(app.id),
      ...createAppParts(api),
      currentVersion: (app) => (app.currentVersionId ? repository.findVersion(app.currentVersionId) : null),
      versions: (app, { first }) => repository.listVersionsOf(app.id, limited(first)),
      builds: (app, { first }) => repository.listBuildsOf(app.id, limited(first)),
      activeOperation: (app) =>
        app.activeOperationId ? repository.findOperation(app.activeOperationId) : null,
    },
    ...createBuildFields(api),
    Operation: {
      afterIds: ({ afterIds }) => JSON.parse(afterIds) as string[],
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
