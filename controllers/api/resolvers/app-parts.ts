import { connectionOf, environmentOf, portAliasesOf } from '@skyarc/prisma/datacenter';
import { defaultHostOf, meshSettings, parseStored } from '@skyarc/lib/contracts';
import type { Api } from '../api.ts';
import type { AppResolvers, JobRunStatus, Mesh } from '../generated/resolvers.ts';
import { presentRoute } from '../present/route.ts';
import { parseGrey } from '../present/run.ts';
import { presentAppPlugin } from '../present/team.ts';
import { presentL4Route, presentVolume, usersOf } from '../present/parts.ts';
import type { AppRecord } from '../records.ts';
import { limited } from './queries.ts';

/** Resolvers of what hangs on an app: network, environment, volumes, dependencies, plug-ins, records. */
export function createAppParts(api: Api): AppResolvers {
  const { repository, runs, reads, secretBox, config } = api;
  const httpPortSuffix = config.gatewayHttpPort === 80 ? '' : `:${config.gatewayHttpPort}`;
  const httpsPortSuffix = config.gatewayHttpsPort === 443 ? '' : `:${config.gatewayHttpsPort}`;
  return {
    ports: async (app) => {
      const ports = await repository.portsOf(app.id);
      const aliases = portAliasesOf(app, ports);
      return ports.map(({ port, protocol, public: isPublic, detected }) => ({
        port,
        protocol: protocol as 'HTTP' | 'GRPC' | 'TCP' | 'UDP',
        public: isPublic,
        detected,
        url:
          isPublic && (protocol === 'HTTP' || protocol === 'GRPC')
            ? `http://${defaultHostOf({ port, app: app.name, team: app.teamName, domain: config.domain })}${httpPortSuffix}/`
            : null,
        internalAddress: `${app.name}:${port}`,
        alias: aliases.get(port) ?? '',
      }));
    },
    routes: async (app) => {
      const routes = await repository.routesOf(app.id);
      const ids = routes.some((route) => route.policy.includes('"split"'))
        ? await runs.appIdsByName(app.teamName)
        : new Map<string, string>();
      return routes.map((route) =>
        presentRoute(route, {
          httpPortSuffix,
          httpsPortSuffix,
          users: usersOf(route, secretBox),
          appIdOf: (service) => ids.get(service),
        }),
      );
    },
    l4Routes: async (app) => (await runs.l4RoutesOf(app.id)).map((route) => presentL4Route(route, config)),
    env: async (app) =>
      (await repository.envOf(app.id)).map(({ name, value, secret, scope }) => ({
        name,
        value: secret ? null : secretBox.open(value, `env:${app.id}:${name}`),
        secret,
        scope: scope as 'SELF' | 'DEPENDENTS' | 'BOTH',
      })),
    effectiveEnv: async (app) =>
      (await environmentOf(repository.db, secretBox, app.id)).map((one) => ({
        ...one,
        value: one.secret ? null : one.value,
      })),
    volumes: async (app) => {
      const volumes = await runs.volumesOf(app.id);
      // A cluster that is away does not hide what is stored.
      const states = volumes.length > 0 ? await reads.volumeStates(app).catch(() => null) : null;
      return volumes.map((volume) => presentVolume(volume, secretBox, states?.get(volume.id) ?? null));
    },
    dependencies: async (app) =>
      (await runs.dependenciesOf(app.id)).map((to) => ({
        appId: to.id,
        appName: to.name,
        variables: connectionOf(to, secretBox).map(({ name, value, secret }) => ({
          name,
          value: secret ? null : value,
          secret,
          scope: 'SELF',
        })),
      })),
    dependentIds: ({ id }) => runs.dependentIdsOf(id),
    mesh: (app) => presentMesh(api, app),
    plugins: async (app) => (await runs.pluginsOf(app.id)).map((row) => presentAppPlugin(row, secretBox)),
    configSetIds: ({ id }) => runs.configSetIdsOf(id),
    greyRelease: (app) => presentGreyRelease(api, app),
    scalings: async ({ id }, { first }) =>
      (await runs.scalingsOf(id, limited(first))).map(({ kind, ...row }) => ({
        ...row,
        automatic: kind === 'AUTOMATIC',
      })),
    jobRuns: async ({ id }, { first }) =>
      (await runs.jobRunsOf(id, limited(first))).map(({ trigger, status, ...row }) => ({
        ...row,
        scheduled: trigger === 'SCHEDULE',
        status: status as JobRunStatus,
      })),
  };
}

async function presentMesh({ reads }: Api, app: AppRecord): Promise<Mesh | null> {
  const settings = app.mesh === null ? null : parseStored(meshSettings, app.mesh);
  if (!settings) return null;
  const refusal = await reads.meshRefusal(app).catch(() => null);
  return {
    rules: settings.rules.map(({ policy, ...rule }) => ({ ...rule, ...policy })),
    refusal: refusal && { ...refusal, at: new Date(refusal.at) },
  };
}

async function presentGreyRelease({ repository, cluster }: Api, app: AppRecord) {
  const { id, greyVersionId } = app;
  const settings = parseGrey(app.greyRelease);
  const version = greyVersionId && settings ? await repository.findVersion(greyVersionId) : null;
  if (!settings || !version) return null;
  const ready = cluster.podsOf(id).filter((pod) => pod.ready && pod.versionId === greyVersionId);
  return { ...settings, version, readyReplicas: ready.length };
}
