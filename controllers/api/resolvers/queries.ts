import { readSettings } from '@skyarc/prisma/datacenter';
import type { Api } from '../api.ts';
import { listQuotas, readQuota } from '../commands/quotas.ts';
import { ensureTeam } from '../commands/teams.ts';
import { theTeam } from '../context.ts';
import type { Resolvers } from '../generated/resolvers.ts';
import { readClusterDns } from '../cluster-dns.ts';
import { readDnsServers } from '../dns-servers.ts';
import { explainRequest, readL4Ports } from './gateway.ts';
import { readLog } from '../logs.ts';
import { presentCertificate, presentConfigSet, presentPlugin } from '../present/team.ts';

const maxCount = 100;
export const limited = (first: number): number => Math.max(0, Math.min(first, maxCount));
const maxIds = 500;

export function createQueries(api: Api): Pick<Resolvers, 'Query'> {
  const { repository, runs, secretBox, config } = api;
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
      settings: () => readSettings(repository.db),
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
      configSets: async (_parent, { groupId }, context) =>
        (await runs.listConfigSets(context, groupId)).map((set) => presentConfigSet(set, secretBox)),
      plugins: async (_parent, _args, context) => (await runs.listPlugins(context)).map(presentPlugin),
      certificates: async (_parent, _args, context) =>
        (await runs.listCertificates(context)).map(presentCertificate),
      ownerOf: (_parent, { id }, context) => runs.ownerOf(context, id),
      quota: (_parent, _args, context) => readQuota(api, theTeam(context)),
      quotas: (_parent, _args, context) => listQuotas(api, context),
      nodes: () => api.nodes.list(),
      dnsServers: (_parent, _args, context) => readDnsServers(config.dnsUrls, context),
      clusterDnsServers: (_parent, _args, context) => readClusterDns(api.reads, context),
      storageClasses: () => api.reads.storageClasses(),
      l4Ports: (_parent, _args, context) => readL4Ports(api, context),
      explainRequest: (_parent, { input }, context) => explainRequest(api, input, context),
      log: (_parent, { source, page }, context) => readLog(api, source, page, context),
    },
  };
}

function inOrder<T extends { readonly id: string }>(
  ids: readonly string[],
  rows: readonly T[],
): (T | null)[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => byId.get(id) ?? null);
}
