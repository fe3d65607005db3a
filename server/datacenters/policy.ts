import { admin, inherited, type Policies, viewer } from '@skyarc/server/host';

export const policies: Policies = {
  Query: { dataCenters: viewer },
  Mutation: { updateDataCenter: admin },
  DataCenter: { name: viewer, displayName: viewer, info: viewer, settings: admin, storageClasses: viewer },
  DataCenterInfo: {
    version: inherited,
    domain: inherited,
    gatewayHttpPort: inherited,
    gatewayHttpsPort: inherited,
    kubernetesVersion: inherited,
    nodes: inherited,
    services: inherited,
  },
  NodeInfo: { name: inherited, ready: inherited, cpuMillis: inherited, memoryMb: inherited },
  ServiceHealth: { name: inherited, healthy: inherited, message: inherited },
  DataCenterSettings: {
    allowPrivateSources: inherited,
    cpuRequestPercent: inherited,
    memoryRequestPercent: inherited,
    acmeDirectoryUrl: inherited,
    acmeEmail: inherited,
  },
  StorageClass: { name: inherited, accessModes: inherited, resizable: inherited, isDefault: inherited },
};
