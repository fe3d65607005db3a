import { join } from 'node:path';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { Stack } from '@skyarc/lib/lifecycle';
import type { Logger } from '@skyarc/lib/log';
import type { KindTable, KubeClient } from '../client/index.ts';
import { Informer } from '../client/informer.ts';
import { nthAddress } from './addresses.ts';
import type { NetworkConfig } from './config.ts';
import { NamesServer, stopNamesServers } from './dns/names.ts';
import { renderZones } from './dns/render.ts';
import { ensureLink, gatewayAddress, removeLink, removeStrayLinks } from './link.ts';
import { ensureNamespaceFolder } from './namespaces.ts';
import { removeTable } from './nft.ts';
import { PolicyEnforcer } from './policy/enforcer.ts';
import { policyTableOf } from './policy/ruleset.ts';
import { ServiceProxy } from './proxy.ts';
import { resolveServicePorts, serviceKeyOf } from './services.ts';

export { nthAddress } from './addresses.ts';
export { writeCniConfig } from './cni.ts';
export type { NetworkConfig } from './config.ts';
export { removeStrayLinks } from './link.ts';

export interface NetworkOptions {
  readonly instance: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
  /** Of what outlives this process. */
  readonly stateFolder: string;
  readonly config: NetworkConfig;
}

/** How often it is checked that the rules are still there: others may flush all of nftables. */
const repairEveryMs = 15_000;

const dnsService = { namespace: 'kube-system', name: 'kube-dns' };

/** Address of the cluster's DNS service: the tenth of the service network, as everywhere. */
export function clusterDnsAddress(serviceCidr: string): string {
  return nthAddress(serviceCidr, 10);
}

export interface RunningNetwork {
  /** To be called when a pod has its address and before anything runs in it: resolves when policies hold for it. */
  admit(pod: KindTable['pods'], address: string): Promise<void>;
  /** Ends the following; the kernel's rules stay. */
  stop(): Promise<void>;
}

/** Services by ClusterIP and name for pods and this host, and network policies between pods, until stopped. */
export async function startNetwork(
  options: NetworkOptions,
  deps: { client: KubeClient; log: Logger },
): Promise<RunningNetwork> {
  const { instance, podCidr, serviceCidr, stateFolder, config } = options;
  const { client, log } = deps;
  const stack = new Stack();
  try {
    await ensureNamespaceFolder(instance);
    await ensureLink({ instance, podCidr, serviceCidr }, log);
    const gateway = gatewayAddress(podCidr);
    const services = new Informer(client, 'services', { log });
    const slices = new Informer(client, 'endpointslices', {
      log,
      indexers: { service: (slice) => [serviceKeyOf(slice) ?? ''] },
    });
    const namespaces = new Informer(client, 'namespaces', { log });
    const pods = new Informer(client, 'pods', { log });
    const policies = new Informer(client, 'networkpolicies', { log });
    const informers = [services, slices, namespaces, pods, policies];
    await Promise.all(informers.map((informer) => informer.start()));
    for (const informer of informers) stack.add(() => informer.stop());

    const slicesOf = (service: KindTable['services']) =>
      slices.store.by('service', `${service.metadata?.namespace ?? ''}/${service.metadata?.name ?? ''}`);
    const proxy = new ServiceProxy(
      {
        instance,
        podCidr,
        serviceCidr,
        gateway,
        openToPods: config.openToPods,
        nodePortAddresses: config.nodePortAddresses,
      },
      () => services.store.list().flatMap((service) => resolveServicePorts(service, slicesOf(service))),
      log,
    );
    stack.add(() => proxy.stop());
    await ensureDnsService(client, { gateway, serviceCidr, ...config.dns });
    const enforcer = new PolicyEnforcer(
      { instance, podCidr, names: { address: gateway, port: config.dns.port } },
      {
        policies: () => policies.store.list(),
        pods: () => pods.store.list(),
        namespaces: () =>
          new Map(
            namespaces.store.list().map(({ metadata = {} }) => [metadata.name ?? '', metadata.labels ?? {}]),
          ),
      },
      log,
    );
    stack.add(() => enforcer.stop());
    await Promise.all([proxy.updated(), enforcer.updated()]);
    const repairing = setInterval(() => {
      Promise.all([proxy.repair(), enforcer.repair()]).catch((error: unknown) =>
        log.warn({ reason: messageOf(error) }, 'cannot check the rules'),
      );
    }, repairEveryMs);
    stack.add(() => clearInterval(repairing));
    const { domain, port, metricsPort, resolvConf, stubs, aliases } = config.dns;
    const names = new NamesServer(
      { folder: join(stateFolder, 'dns'), host: gateway, port, metricsPort },
      () => ({
        zones: renderZones(
          {
            services: services.store.list(),
            slices: slices.store.list(),
            pods: pods.store.list(),
            namespaces: namespaces.store.keys(),
          },
          { domain, networks: [podCidr, serviceCidr], dnsAddress: clusterDnsAddress(serviceCidr) },
        ),
        aliases,
        forward: { resolvConf, ownAddress: gateway, stubs },
      }),
      log,
    );
    stack.add(() => names.stop());
    const { adopted } = await names.start();
    services.on(follow(proxy, names));
    slices.on(follow(proxy, names));
    policies.on(follow(enforcer));
    namespaces.on(follow(enforcer, names));
    const pod = follow(enforcer, names);
    pods.on({
      ...pod,
      update: (now, before) => {
        if (isSeenByNetwork(now, before)) pod.update();
      },
    });
    log.info({ gateway, dnsAdopted: adopted }, 'network is ready');
    return { admit: (pod, address) => enforcer.admit(pod, address), stop: () => stack.stop() };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** Handlers that tell each part of every change. */
function follow(...parts: readonly { update(): void }[]) {
  const update = () => {
    for (const part of parts) part.update();
  };
  return { add: update, update, delete: update };
}

/** Whether policies and names can see a difference: not in the pod's conditions, which change most often. */
function isSeenByNetwork(now: KindTable['pods'], before: KindTable['pods']): boolean {
  return seenOf(now) !== seenOf(before);
}

function seenOf({ metadata, status }: KindTable['pods']): string {
  return JSON.stringify([metadata?.labels, status?.podIP, status?.phase]);
}

/** Removes everything that the network made on this host, and ends the name server; its state stays. */
export async function purgeNetwork({
  instance,
  podCidr,
  stateFolder,
}: Pick<NetworkOptions, 'instance' | 'podCidr' | 'stateFolder'>): Promise<void> {
  await stopNamesServers(join(stateFolder, 'dns'));
  await Promise.all([removeTable(instance), removeTable(policyTableOf(instance))]);
  await removeStrayLinks(podCidr, []);
  await removeLink(instance, podCidr);
}

/** The service `kube-dns` with the address that pods are told, and its endpoint: our server. */
async function ensureDnsService(
  client: KubeClient,
  {
    gateway,
    serviceCidr,
    port,
    metricsPort,
  }: { gateway: string; serviceCidr: string; port: number; metricsPort: number },
): Promise<void> {
  const { namespace, name } = dnsService;
  const labels = { 'k8s-app': 'kube-dns', 'kubernetes.io/name': 'CoreDNS' };
  const protocols = [
    { name: 'dns', protocol: 'UDP', port: 53, targetPort: port },
    { name: 'dns-tcp', protocol: 'TCP', port: 53, targetPort: port },
    { name: 'metrics', protocol: 'TCP', port: metricsPort, targetPort: metricsPort },
  ];
  await unlessThere(() =>
    client.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }),
  );
  await unlessThere(() =>
    client.create('services', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace, labels },
      spec: {
        clusterIP: clusterDnsAddress(serviceCidr),
        ports: protocols,
      },
    }),
  );
  const slice: KindTable['endpointslices'] = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace, labels: { ...labels, 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [gateway], conditions: { ready: true } }],
    ports: protocols.map(({ name: of, protocol, targetPort }) => ({ name: of, protocol, port: targetPort })),
  };
  await unlessThere(() => client.create('endpointslices', slice));
  await client.patch('endpointslices', name, namespace, { endpoints: slice.endpoints, ports: slice.ports });
}

async function unlessThere(create: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'CONFLICT') throw error;
  }
}
