import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { ApiConfig } from '@skyarc/controllers/api';
import { type ChaosConfig, clientEnvironmentOf } from '@skyarc/controllers/chaos';
import type { EventlogConfig } from '@skyarc/controllers/eventlog';
import type { GatewayConfig } from '@skyarc/controllers/gateway';
import type { HubConfig } from '@skyarc/controllers/hub';
import type { WorkerConfig } from '@skyarc/controllers/worker';
import { uriHost } from '@skyarc/lib/address';
import type { DerivedAccounts, RegistryAccount } from '@skyarc/lib/oci';
import { apiCertificateOf } from './certificates.ts';
import { etcdPrefixesOf, etcdUrlOf } from './engines.ts';
import { monitorAddressOf } from './monitor.ts';
import { meshListenOf, meshOf } from './node.ts';
import { statusUrlsOf } from './status.ts';
import type { Topology } from './topology.ts';
import { grantKeysOf, webcliUrlsOf } from './webcli.ts';

/** Each service's configuration on one machine: the topology said in the service's own words. */

const loopback = (port: number, scheme = 'http') => `${scheme}://127.0.0.1:${port}`;

export function hubConfigOf(topology: Topology): HubConfig {
  const { ownPorts, ports, path, registryTokenUrl, imageQuotaMb } = topology;
  const host = uriHost(topology.host);
  const console = /^(0\.0\.0\.0|\[::\])$/.test(host) ? '127.0.0.1' : host;
  return {
    port: ownPorts.hub,
    tokenPort: ownPorts.hubToken,
    statusPort: ownPorts.hubStatus,
    metricsPort: ownPorts.hubMetrics,
    tokenUrl: registryTokenUrl,
    dataDir: path('hub'),
    consoleUrl: `http://${console}:${ports.console}/graphql`,
    teamQuotaMb: imageQuotaMb ?? null,
  };
}

/** How a service of ours logs in at the registry. */
export function registryAccountOf(
  { ports }: Topology,
  accounts: DerivedAccounts,
  username: 'chaos' | 'worker',
): RegistryAccount {
  return {
    username,
    password: accounts.passwordOf(username),
    tokenUrl: `${loopback(ports.hubToken)}/auth/token`,
  };
}

export function eventlogConfigOf(topology: Topology): EventlogConfig {
  const { ownPorts: ports, path, index, isEventlogCluster, logs } = topology;
  const name = index === 0 ? 'eventlog' : `eventlog-${index}`;
  return {
    port: ports.eventlog,
    ingestPort: ports.eventlogTcp,
    statusPort: ports.eventlogStatus,
    dataDir: path(name),
    retention: {
      maxAgeMs: logs.days * 86_400_000,
      totalBytes: logs.mb * 2 ** 20,
      streamBytes: logs.appMb * 2 ** 20,
    },
    ...(isEventlogCluster
      ? { cluster: { name, etcdUrl: etcdUrlOf(topology), prefix: etcdPrefixesOf(topology).eventlog } }
      : {}),
  };
}

export function gatewayConfigOf({
  instance,
  index,
  host,
  ownPorts: ports,
  path,
  kubeconfig,
  domain,
  publicAddresses,
  trustedProxies,
  isEmbedded,
  l4Ports,
}: Topology): GatewayConfig {
  return {
    instance,
    dataDir: path(index === 0 ? 'gateway' : `gateway-${index}`),
    kubeconfig,
    host: uriHost(host),
    httpPort: ports.gatewayHttp,
    httpsPort: ports.gatewayHttps,
    statusPort: ports.gatewayStatus,
    l4Ports,
    reachesServices: isEmbedded,
    publicAddresses: publicAddresses.map((one) => (isIP(one) ? { ip: one } : { hostname: one })),
    trustedProxies: [...trustedProxies],
    defaultCertificateNames: ['localhost', domain, `*.${domain}`],
  };
}

export async function workerConfigOf(topology: Topology): Promise<WorkerConfig> {
  const { instance, ports, ownPorts, domain, registryPull, imagePullSecret } = topology;
  return {
    instance,
    statusPort: ownPorts.worker,
    domain,
    pullRegistry: registryPull,
    imagePullSecret,
    registryUrl: loopback(ports.hub),
    storage: storageOf(topology),
    // Its node may not be there yet to tell.
    ...(topology.isEmbedded ? { podCidrs: [topology.podCidr] } : {}),
    ...requestRatesOf(topology),
    mesh: await meshOf(topology),
  };
}

/** Rules by request rate need an API server that reaches the worker: the embedded one does, others by an address. */
function requestRatesOf(topology: Topology): Partial<WorkerConfig> {
  const { isEmbedded, ownPorts, host, publicAddresses } = topology;
  const port = ownPorts.workerMetrics;
  const gatewayUrls = [...topology.gatewayUrls];
  if (isEmbedded) return { gatewayUrls, metrics: { port } };
  const address = publicAddresses.find((one) => isIP(one) && !one.startsWith('127.') && one !== '::1');
  return address ? { gatewayUrls, metrics: { host, port, address } } : {};
}

/** Our own classes where their folder is; elsewhere the cluster's, its default one unless another is named. */
function storageOf({ isEmbedded, path, storage }: Topology): WorkerConfig['storage'] {
  // Of the embedded cluster's one node, which is this machine.
  if (isEmbedded) return { folder: path('app-volumes'), nodeName: hostname().toLowerCase() };
  const { sharedFolder, sharedClass, localClass } = storage;
  if (sharedFolder) return { folder: sharedFolder, localClass };
  return { sharedClass: sharedClass ?? null, localClass: localClass ?? null };
}

export function chaosConfigOf({
  instance,
  index,
  ports,
  ownPorts,
  path,
  openTeams,
  buildSlots,
  layersFolder,
  environment,
}: Topology): ChaosConfig {
  return {
    instance: index === 0 ? instance : `${instance}-${index}`,
    node: index === 0 ? 'local' : `local-${index}`,
    statusPort: ownPorts.chaos,
    dataDir: path(index === 0 ? 'chaos' : `chaos-${index}`),
    layersDir: layersFolder,
    uploadsDir: path('uploads'),
    registryUrl: loopback(ports.hub),
    openTeams: [...openTeams],
    slots: buildSlots,
    clientEnv: clientEnvironmentOf(environment),
  };
}

export async function apiConfigOf(topology: Topology): Promise<ApiConfig> {
  const { ports, dataCenter, domain } = topology;
  return {
    port: ports.api,
    statusPort: ports.apiStatus,
    dataCenter,
    domain,
    tls: await apiCertificateOf(topology),
    terminals: { urls: webcliUrlsOf(topology), grantKey: (await grantKeysOf(topology)).privateKey },
    uploads: { folder: topology.path('uploads'), grantKey: (await grantKeysOf(topology)).privateKey },
    registryUrl: loopback(ports.hub),
    gatewayHttpPort: ports.gatewayHttp,
    gatewayHttpsPort: ports.gatewayHttps,
    gatewayUrls: [...topology.gatewayUrls],
    dnsUrls: statusUrlsOf(topology).flatMap(({ name, url }) => (name === 'dns' ? [url] : [])),
    l4Ports: topology.l4Ports,
    hasMesh: meshListenOf(topology) !== undefined,
    monitor: await monitorAddressOf(topology),
    services: statusUrlsOf(topology).map(({ name, url }) => ({ name, url: `${url}/healthz` })),
  };
}
