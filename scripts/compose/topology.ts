import { isIP } from 'node:net';
import { join } from 'node:path';
import { parseConfig } from '@skyarc/lib/config';
import { dataCenterName } from '@skyarc/lib/contracts';
import { z } from 'zod';

/** Several texts with commas between. */
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean),
);

/** `address`, `address:port` or `[address]:port`; the port is 53 when it is not said. */
const listen = z
  .string()
  .transform((text) => {
    const [, bracketed, plain, port] =
      /^(?:\[([0-9a-f:]+)\]|([0-9.]+|[0-9a-f:]+?))(?::(\d{1,5}))?$/.exec(text) ?? [];
    return isIP(text)
      ? { host: text, port: 53 }
      : { host: bracketed ?? plain ?? '', port: Number(port ?? 53) };
  })
  .refine(
    ({ host, port }) => isIP(host) !== 0 && port >= 1 && port <= 65_535,
    'is an address or address:port',
  );

const cidr = z.string().regex(/^\d+\.\d+\.\d+\.\d+\/\d+$/, 'is not an address range such as 10.42.0.0/16');

/** URLs of a protocol, with commas between. */
const urls = (protocol: RegExp) =>
  list.pipe(z.array(z.url({ protocol, error: 'must be URLs with commas between' }))).default([]);

/** `first-last`. */
const l4Range = z
  .string()
  .regex(/^\d{2,5}-\d{2,5}$/, 'is not a range of ports such as 11000-11099')
  .transform((text) => {
    const [first = 0, last = 0] = text.split('-').map(Number);
    return { first, last };
  });

/** What a person may set, each as an environment variable `SKYARC_<NAME>`. */
const settings = z.object({
  /** Folder of all state. */
  HOME: z.string().startsWith('/', 'must be an absolute path').default('/var/lib/skyarc'),
  /** Prefix of everything made on the host: bridge, nftables table, control groups. */
  INSTANCE: z
    .string()
    .regex(/^[a-z][a-z0-9]{0,9}$/, 'has 1 to 10 characters a-z and 0-9')
    .default('skyarc'),
  /** Address that the console and the gateway listen on. */
  HOST: z.ipv4().or(z.ipv6()).default('127.0.0.1'),
  /** Added to every port, for a second installation; all stay below the ephemeral ports of Linux (32768). */
  PORT_OFFSET: z.coerce.number().int().min(0).max(20_000).default(0),
  /** Domain below which apps get their default hosts. */
  DOMAIN: z.string().default('skyarc.localhost'),
  DATA_CENTER: dataCenterName.default('local'),
  POD_CIDR: cidr.default('10.42.0.0/16'),
  SERVICE_CIDR: cidr.default('10.43.0.0/16'),
  /** Kubeconfig of a cluster that is there already; the embedded one is not started then. */
  KUBECONFIG: z.string().optional(),
  /** Registry address as the cluster's nodes reach it; default is our own on loopback. */
  REGISTRY_PULL: z.string().optional(),
  /** Where nodes get tokens for that registry; default is `/auth/token` there by HTTPS, or our own on loopback. */
  REGISTRY_TOKEN_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** Name of a Secret of yours in every team's namespace with which nodes log in there; default is one that we make. */
  IMAGE_PULL_SECRET: z.string().optional(),
  /** MiB that the images of one team may take; no limit by default. */
  IMAGE_QUOTA_MB: z.coerce.number().int().min(1).optional(),
  /** Of a cluster that is there already: folder that all nodes and this machine have at the same path, for volumes. */
  SHARED_FOLDER: z.string().startsWith('/', 'must be an absolute path').optional(),
  /** Of a cluster that is there already: storage classes of SHARED and LOCAL volumes; its default class otherwise. */
  SHARED_CLASS: z.string().optional(),
  LOCAL_CLASS: z.string().optional(),
  /** Addresses and names at which people reach the gateway, as Ingresses show them; default is HOST. */
  PUBLIC_ADDRESSES: list.optional(),
  /** Addresses and networks of balancers before the gateway, whose X-Forwarded headers are believed. */
  TRUSTED_PROXIES: list.default([]),
  /** Which one of its kind `skyarc run <service>` is: 0 is the data centre's own, others stand beside it. */
  INDEX: z.coerce.number().int().min(0).max(9).default(0),
  /** Members of an etcd that is there already; none: an etcd of this installation's own is started. */
  ETCD_URLS: urls(/^https?$/),
  /** Every queue, the first one preferred; default is the one of this machine. */
  MQ_URLS: urls(/^https?$/),
  /** Every event log, and where each takes lines of containers; default is the one of this machine. */
  EVENTLOG_URLS: urls(/^https?$/),
  EVENTLOG_INGEST_URLS: urls(/^tcp$/),
  /** Status servers of all gateways, as API and worker ask them; default is the one of this machine. */
  GATEWAY_URLS: list.default([]),
  /** TCP and UDP ports that the gateway listens on for apps, `first-last`. */
  L4_PORTS: l4Range.optional(),
  /** Addresses at which the API finds every webcli; default is the one of this machine. */
  WEBCLI_URLS: list.default([]),
  /** Where names of apps are answered for other networks (`address` or `address:port`); nowhere by default. */
  DNS_LISTEN: listen.optional(),
  /** Zones besides DOMAIN in which hosts of routes are answered. */
  DNS_ZONES: list.default([]),
  /** Port on which gateways must take connections for their addresses to be answered; 0 asks none. */
  DNS_PROBE_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  /** Whether builds get packages through repo; `off`: from the registries themselves. */
  REPO: z.enum(['on', 'off']).default('on'),
  /** Teams whose builds may reach every public address, `*` for all. */
  OPEN_BUILDS: list.default([]),
  /** Builds at once, of one builder. */
  BUILD_SLOTS: z.coerce.number().int().min(1).max(64).default(2),
  /** Zone of the names `<app>.<team>.<zone>`, for pods and, from DNS_LISTEN, for private networks. */
  INTERNAL_ZONE: z.string().default('skyarc.internal'),
  /** Folder of the base image and language runtimes, which installations of one machine may share. */
  LAYERS_FOLDER: z
    .string()
    .regex(/^\/[^:,]+$/, 'must be an absolute path without ":" and ","')
    .optional(),
  /** Addresses at which the API finds every monitor; default is the one of this machine. */
  MONITOR_URLS: list.default([]),
  /** Number of Prometheus processes that share what is measured. */
  PROMETHEUS_SHARDS: z.coerce.number().int().min(1).max(5).default(1),
  /** Days for which measured values are kept. */
  METRICS_DAYS: z.coerce.number().int().min(1).max(3_650).default(7),
  /** Seconds between two measurements, and between two looks whether an alert is due. */
  METRICS_INTERVAL: z.coerce.number().int().min(1).max(300).default(15),
  /** Factor on the times that alerts and their notifications wait; below 1 for a quick look or a test. */
  ALERT_PATIENCE: z.coerce.number().min(0.01).max(10).default(1),
  /** Address on which discovery listens for pods; the embedded cluster's own, and none with another cluster, by default. */
  MESH_LISTEN: z.ipv4().optional(),
  /** `on`: event logs of every index share the streams; each process must say so. */
  EVENTLOG_CLUSTER: z.enum(['on', 'off']).default('off'),
  /** Days for which log lines of apps, builds and operations are kept. */
  LOG_DAYS: z.coerce.number().int().min(1).max(3_650).default(30),
  /** MiB that all of them may take, and those of one app; the oldest go first. */
  LOG_MB: z.coerce.number().int().min(64).default(8_192),
  APP_LOG_MB: z.coerce.number().int().min(1).default(256),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
});

const basePorts = {
  console: 7070,
  consoleStatus: 7071,
  kubeApi: 6443,
  etcdClient: 12379,
  etcdPeer: 12380,
  mq: 6300,
  mqStatus: 6301,
  eventlog: 6366,
  eventlogTcp: 6362,
  eventlogStatus: 6364,
  node: 6100,
  discovery: 6101,
  chaos: 3228,
  worker: 6369,
  api: 9443,
  apiStatus: 9444,
  gatewayHttp: 8080,
  gatewayHttps: 8443,
  gatewayStatus: 10254,
  hub: 5000,
  hubStatus: 5001,
  hubToken: 5002,
  /** The registry's own. */
  hubMetrics: 5003,
  repo: 8081,
  repoStatus: 8082,
  containerdStream: 10010,
  dnsStatus: 9153,
  webcli: 7171,
  webcliStatus: 7172,
  workerMetrics: 6370,
  monitor: 3329,
  /** Of the first shard; the others follow. */
  prometheus: 9790,
  prometheusEvaluator: 9795,
  alertmanager: 9796,
  alertmanagerMesh: 9797,
  nodeExporter: 9798,
} as const;
export type PortName = keyof typeof basePorts;

/** One machine's installation: where everything is. */
export interface Topology {
  readonly instance: string;
  readonly home: string;
  readonly host: string;
  readonly domain: string;
  readonly dataCenter: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
  readonly isEmbedded: boolean;
  readonly kubeconfig: string;
  readonly registryPull: string;
  /** Undefined: where the hub itself serves it. */
  readonly registryTokenUrl: string | undefined;
  readonly imageQuotaMb: number | undefined;
  readonly imagePullSecret: string | undefined;
  readonly storage: {
    readonly sharedFolder: string | undefined;
    readonly sharedClass: string | undefined;
    readonly localClass: string | undefined;
  };
  readonly publicAddresses: readonly string[];
  readonly trustedProxies: readonly string[];
  /** Which one of its kind this process is. */
  readonly index: number;
  /** Of members that are not ours; empty when etcd is. */
  readonly etcdUrls: readonly string[];
  readonly mqUrls: readonly string[];
  readonly eventlogUrls: readonly string[];
  readonly ingestUrls: readonly string[];
  readonly gatewayUrls: readonly string[];
  readonly l4Ports: { readonly first: number; readonly last: number };
  readonly webcliUrls: readonly string[];
  /** Whether packages are served here, for builds and people. */
  readonly servesPackages: boolean;
  /** Teams whose builds may reach every public address. */
  readonly openTeams: readonly string[];
  /** Builds at once, of one builder. */
  readonly buildSlots: number;
  readonly meshListen: string | undefined;
  readonly isEventlogCluster: boolean;
  readonly logs: { readonly days: number; readonly mb: number; readonly appMb: number };
  readonly dns: {
    /** Undefined when names are not answered for other networks. */
    readonly listen: { readonly host: string; readonly port: number } | undefined;
    readonly zones: readonly string[];
    readonly probePort: number;
    readonly internalZone: string;
  };
  /** Base image and language runtimes; below `home` unless it was given. */
  readonly layersFolder: string;
  readonly monitorUrls: readonly string[];
  readonly metrics: {
    readonly shards: number;
    readonly days: number;
    readonly intervalSec: number;
    readonly patience: number;
  };
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  readonly ports: Readonly<Record<PortName, number>>;
  /** Where this process itself listens: ten ports further on for each index. */
  readonly ownPorts: Readonly<Record<PortName, number>>;
  /** The environment that the process was started with, for clients that builds use. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A path below the data folder. */
  readonly path: (...parts: string[]) => string;
}

/** The topology that the environment asks for; throws INVALID that names every wrong variable. */
export function readTopology(environment: Readonly<Record<string, string | undefined>>): Topology {
  const own = Object.entries(environment).flatMap(([name, value]) =>
    name.startsWith('SKYARC_') && value ? [[name.slice('SKYARC_'.length), value] as const] : [],
  );
  const set = parseConfig('Skyarc', settings, Object.fromEntries(own));
  const ports = portsAfter(set.PORT_OFFSET);
  const path = (...parts: string[]) => join(set.HOME, ...parts);
  return {
    instance: set.INSTANCE,
    home: set.HOME,
    host: set.HOST,
    domain: set.DOMAIN,
    dataCenter: set.DATA_CENTER,
    podCidr: set.POD_CIDR,
    serviceCidr: set.SERVICE_CIDR,
    isEmbedded: set.KUBECONFIG === undefined,
    kubeconfig: set.KUBECONFIG ?? path('cluster', 'pki', 'admin.kubeconfig'),
    registryPull: set.REGISTRY_PULL ?? `127.0.0.1:${ports.hub}`,
    registryTokenUrl: set.REGISTRY_TOKEN_URL ?? tokenUrlAt(set.REGISTRY_PULL),
    imageQuotaMb: set.IMAGE_QUOTA_MB,
    imagePullSecret: set.IMAGE_PULL_SECRET,
    storage: {
      sharedFolder: set.SHARED_FOLDER,
      sharedClass: set.SHARED_CLASS,
      localClass: set.LOCAL_CLASS,
    },
    publicAddresses: set.PUBLIC_ADDRESSES ?? [isEveryAddress(set.HOST) ? '127.0.0.1' : set.HOST],
    trustedProxies: set.TRUSTED_PROXIES,
    index: set.INDEX,
    etcdUrls: set.ETCD_URLS,
    mqUrls: orOwn(set.MQ_URLS, `http://127.0.0.1:${ports.mq}`),
    eventlogUrls: orOwn(set.EVENTLOG_URLS, `http://127.0.0.1:${ports.eventlog}`),
    ingestUrls: orOwn(set.EVENTLOG_INGEST_URLS, `tcp://127.0.0.1:${ports.eventlogTcp}`),
    gatewayUrls: orOwn(set.GATEWAY_URLS, `http://127.0.0.1:${ports.gatewayStatus}`),
    l4Ports: set.L4_PORTS ?? l4PortsOf(set.PORT_OFFSET, set.INDEX),
    webcliUrls: set.WEBCLI_URLS,
    servesPackages: set.REPO === 'on',
    openTeams: set.OPEN_BUILDS,
    buildSlots: set.BUILD_SLOTS,
    dns: {
      listen: set.DNS_LISTEN,
      zones: set.DNS_ZONES,
      probePort: set.DNS_PROBE_PORT ?? ports.gatewayHttp,
      internalZone: set.INTERNAL_ZONE,
    },
    layersFolder: set.LAYERS_FOLDER ?? path('chaos', 'layers'),
    monitorUrls: set.MONITOR_URLS,
    metrics: {
      shards: set.PROMETHEUS_SHARDS,
      days: set.METRICS_DAYS,
      intervalSec: set.METRICS_INTERVAL,
      patience: set.ALERT_PATIENCE,
    },
    meshListen: set.MESH_LISTEN,
    isEventlogCluster: set.EVENTLOG_CLUSTER === 'on',
    logs: { days: set.LOG_DAYS, mb: set.LOG_MB, appMb: set.APP_LOG_MB },
    logLevel: set.LOG_LEVEL,
    ports,
    ownPorts: portsAfter(set.PORT_OFFSET + 10 * set.INDEX),
    environment,
    path,
  };
}

/** All ports that an installation listens on, moved by an offset. */
export function portsAfter(offset: number): Record<PortName, number> {
  const moved = Object.entries(basePorts).map(([name, port]) => [name, port + offset] as const);
  return Object.fromEntries(moved) as Record<PortName, number>;
}

/** A hundred ports; those of a further gateway on the same machine follow. */
export function l4PortsOf(offset: number, index: number): Topology['l4Ports'] {
  const first = 11_000 + offset + 100 * index;
  return { first, last: first + 99 };
}

function orOwn(urls: readonly string[], own: string): readonly string[] {
  return urls.length > 0 ? urls : [own];
}

/** A registry with a name of its own is behind a TLS server; one on loopback is ours. */
function tokenUrlAt(registryPull: string | undefined): string | undefined {
  if (!registryPull || /^(127\.|localhost|\[::1\])/.test(registryPull)) return undefined;
  return `https://${registryPull}/auth/token`;
}

function isEveryAddress(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
