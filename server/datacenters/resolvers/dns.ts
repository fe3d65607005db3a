import { dataCenterDocuments as documents } from '@skyarc/server/host';
import type { DataCenterResolvers } from '../generated/resolvers.ts';

/** Servers of apps' names for other networks. */
export function createDnsFields(): Pick<DataCenterResolvers, 'dns'> {
  return {
    dns: async ({ name }, _args, { dataCenters }) => {
      const target = await dataCenters.get(name);
      return (await target.call(documents.DnsServersDocument, {}, dataCenters.readScope)).dnsServers;
    },
  };
}
