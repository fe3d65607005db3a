import { dataCenterDocuments as documents } from '@skyarc/server/host';
import type { DataCenterResolvers } from '../generated/resolvers.ts';

/** Servers of apps' names for other networks, and those of the cluster. */
export function createDnsFields(): Pick<DataCenterResolvers, 'dns' | 'clusterDns'> {
  return {
    dns: async ({ name }, _args, { dataCenters }) => {
      const target = await dataCenters.get(name);
      return (await target.call(documents.DnsServersDocument, {}, dataCenters.readScope)).dnsServers;
    },
    clusterDns: async ({ name }, _args, { dataCenters }) => {
      const target = await dataCenters.get(name);
      const answer = await target.call(documents.ClusterDnsServersDocument, {}, dataCenters.readScope);
      return answer.clusterDnsServers;
    },
  };
}
