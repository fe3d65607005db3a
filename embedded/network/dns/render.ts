import { isIP, isIPv4 } from 'node:net';
import type { ZoneData, ZoneRecord } from '@skyarc/lib/dns';
import type { KindTable } from '../../client/index.ts';
import { reverseZonesOf } from '../addresses.ts';
import { isHeadless, isReady, serviceKeyOf } from '../services.ts';

type Service = KindTable['services'];
type EndpointSlice = KindTable['endpointslices'];
type Pod = KindTable['pods'];

/** What the cluster's names are made from. */
export interface NamesObjects {
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
  readonly pods: readonly Pod[];
  readonly namespaces: readonly string[];
}

export interface NamesOptions {
  readonly domain: string;
  /** Networks whose addresses have names here and nowhere else. */
  readonly networks: readonly string[];
  /** Of the name server itself. */
  readonly dnsAddress: string;
}

interface Endpoint {
  readonly address: string;
  readonly label: string;
  readonly hasHostname: boolean;
  readonly ports: readonly { name: string; protocol: string; port: number }[];
}

const ttl = 5;
const version = '1.1.0';

/**
 * The zones of the cluster by the "Kubernetes DNS-Based Service Discovery" specification 1.1.0: services, headless
 * services and their hosts, SRV of named ports, pods by address, external names, and the addresses' names.
 */
export function renderZones(objects: NamesObjects, options: NamesOptions): ZoneData[] {
  const { domain, networks, dnsAddress } = options;
  const slicesOf = Map.groupBy(objects.slices, (slice) => serviceKeyOf(slice) ?? '');
  const forward: ZoneRecord[] = [
    [`ns.dns.${domain}`, 'A', dnsAddress],
    [`dns-version.${domain}`, 'TXT', version],
    // A namespace is a name, if one without records; these are never asked for.
    ...objects.namespaces.flatMap((name): ZoneRecord[] => [
      [`${name}.svc.${domain}`, 'NULL', ''],
      [`${name}.pod.${domain}`, 'NULL', ''],
    ]),
    ...objects.pods.flatMap((pod) => renderPod(pod, domain)),
  ];
  const reverse = new Map<string, string>();
  for (const service of objects.services) {
    const { namespace = '', name = '' } = service.metadata ?? {};
    const owner = `${name}.${namespace}.svc.${domain}`;
    const endpoints = endpointsOf(service, slicesOf.get(`${namespace}/${name}`) ?? []);
    forward.push(...renderService(service, owner, endpoints));
    if (!isHeadless(service)) for (const each of addressesOf(service)) reverse.set(each, owner);
    else {
      for (const { address, label, hasHostname } of endpoints) {
        if (hasHostname && !reverse.has(address)) reverse.set(address, `${label}.${owner}`);
      }
    }
  }
  const zone = (origin: string, records: readonly ZoneRecord[]): ZoneData => ({
    origin,
    ttl,
    negativeTtl: ttl,
    serial: 1,
    nameServers: [`ns.dns.${domain}`],
    hostmaster: `hostmaster.${domain}`,
    records,
  });
  const pointers = [...reverse].flatMap(([address, name]): ZoneRecord[] =>
    isIPv4(address) ? [[`${address.split('.').toReversed().join('.')}.in-addr.arpa`, 'PTR', name]] : [],
  );
  const origins = networks.flatMap(reverseZonesOf);
  return [
    zone(domain, unique(forward)),
    ...origins.map((origin) =>
      zone(
        origin,
        pointers.filter(([name]) => name.endsWith(`.${origin}`)),
      ),
    ),
  ];
}

function renderService(service: Service, owner: string, endpoints: readonly Endpoint[]): ZoneRecord[] {
  const { type, externalName, ports = [] } = service.spec ?? {};
  if (type === 'ExternalName') {
    // An address is taken for one too, though Kubernetes itself takes it for a name.
    const target = (externalName ?? '').replace(/\.$/, '').toLowerCase();
    return target ? [isIP(target) ? [owner, typeOf(target), target] : [owner, 'CNAME', target]] : [];
  }
  if (!isHeadless(service)) {
    return [
      ...addressesOf(service).map((address): ZoneRecord => [owner, typeOf(address), address]),
      ...ports.flatMap(({ name = '', protocol = 'TCP', port }) =>
        renderPort({ name, protocol, port }, owner, owner),
      ),
    ];
  }
  return endpoints.flatMap(({ address, label, ports: targets }): ZoneRecord[] => [
    [owner, typeOf(address), address],
    [`${label}.${owner}`, typeOf(address), address],
    ...targets.flatMap((port) => renderPort(port, owner, `${label}.${owner}`)),
  ]);
}

/** SRV of a port with a name, and, for those who ask the service's name itself, of every port. */
function renderPort(
  { name, protocol, port }: { name: string; protocol: string; port: number },
  owner: string,
  target: string,
): ZoneRecord[] {
  const data = { priority: 0, weight: 100, port, target };
  const named: ZoneRecord[] = name ? [[`_${name}._${protocol.toLowerCase()}.${owner}`, 'SRV', data]] : [];
  return [...named, [owner, 'SRV', data]];
}

/** `10-130-0-7.<namespace>.pod.<domain>`, for pods that are there. */
function renderPod(pod: Pod, domain: string): ZoneRecord[] {
  const { podIP = '', phase } = pod.status ?? {};
  if (!isIP(podIP) || phase === 'Succeeded' || phase === 'Failed') return [];
  const label = podIP.replaceAll(/[.:]/g, '-');
  return [[`${label}.${pod.metadata?.namespace ?? ''}.pod.${domain}`, typeOf(podIP), podIP]];
}

function endpointsOf(service: Service, slices: readonly EndpointSlice[]): Endpoint[] {
  const isAnyoneListed = service.spec?.publishNotReadyAddresses === true;
  return slices.flatMap((slice) => {
    if (slice.addressType === 'FQDN') return [];
    const ports = (slice.ports ?? []).map(({ name = '', protocol = 'TCP', port = 0 }) => ({
      name,
      protocol,
      port,
    }));
    return (slice.endpoints ?? [])
      .filter((endpoint) => isAnyoneListed || isReady(endpoint))
      .flatMap(({ addresses, hostname }) =>
        addresses
          .filter((address) => isIP(address))
          .map((address) => ({
            address,
            label: hostname ?? address.replaceAll(/[.:]/g, '-'),
            hasHostname: hostname !== undefined,
            ports,
          })),
      );
  });
}

function addressesOf(service: Service): string[] {
  const { clusterIP, clusterIPs = [] } = service.spec ?? {};
  return [...new Set([clusterIP ?? '', ...clusterIPs])].filter((address) => isIP(address));
}

function typeOf(address: string): 'A' | 'AAAA' {
  return isIPv4(address) ? 'A' : 'AAAA';
}

function unique(records: readonly ZoneRecord[]): ZoneRecord[] {
  return [...new Map(records.map((record) => [JSON.stringify(record), record])).values()];
}
