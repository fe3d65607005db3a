import { isIPv4 } from 'node:net';
import type { KindTable } from '../client/index.ts';

type Service = KindTable['services'];
type EndpointSlice = KindTable['endpointslices'];
type Endpoint = NonNullable<EndpointSlice['endpoints']>[number];

export type Protocol = 'tcp' | 'udp';

export interface ServiceEndpoint {
  readonly address: string;
  readonly port: number;
}

/** One address and port where a service is reached, with the pods behind it. */
export interface ServicePort {
  /** The service's own address; absent for a port of the node. */
  readonly clusterIp?: string;
  readonly protocol: Protocol;
  readonly port: number;
  /** Sorted; empty when nothing is ready. */
  readonly endpoints: readonly ServiceEndpoint[];
  /** How long a client stays with the endpoint it got, after its last connection; undefined when it does not. */
  readonly affinitySec: number | undefined;
}

const serviceNameLabel = 'kubernetes.io/service-name';
const defaultAffinitySec = 10_800;

/** `namespace/service` that a slice belongs to, or undefined. */
export function serviceKeyOf(slice: EndpointSlice): string | undefined {
  const name = slice.metadata?.labels?.[serviceNameLabel];
  return name ? `${slice.metadata?.namespace ?? ''}/${name}` : undefined;
}

export function isHeadless(service: Service): boolean {
  return service.spec?.clusterIP === 'None';
}

/** The translated ports of a service, node ports among them; none for a headless or external one. */
export function resolveServicePorts(service: Service, slices: readonly EndpointSlice[]): ServicePort[] {
  const { spec = {} } = service;
  const { clusterIP: clusterIp, ports = [], type = 'ClusterIP' } = spec;
  if (!clusterIp || clusterIp === 'None' || type === 'ExternalName') return [];
  const affinitySec =
    spec.sessionAffinity === 'ClientIP'
      ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySec)
      : undefined;
  return ports.flatMap(({ name = '', protocol: asked = 'TCP', port, nodePort }): ServicePort[] => {
    if (asked !== 'TCP' && asked !== 'UDP') return [];
    const endpoints = resolveEndpoints(service, slices, { name, protocol: asked });
    const protocol = asked === 'TCP' ? 'tcp' : 'udp';
    const local = (policy: string | undefined) =>
      endpoints
        .filter(({ isHere }) => isHere || policy !== 'Local')
        .map(({ address, port: target }) => ({ address, port: target }));
    const inside = {
      clusterIp,
      protocol,
      port,
      affinitySec,
      endpoints: local(spec.internalTrafficPolicy),
    } as const;
    if (!nodePort || type === 'ClusterIP') return [inside];
    return [inside, { protocol, port: nodePort, affinitySec, endpoints: local(spec.externalTrafficPolicy) }];
  });
}

/** Ready endpoints; when there are none, those that end but still serve (KEP-1669). */
function resolveEndpoints(
  service: Service,
  slices: readonly EndpointSlice[],
  { name, protocol }: { name: string; protocol: string },
): (ServiceEndpoint & { readonly isHere: boolean })[] {
  const all = slices.flatMap((slice) => {
    const port = (slice.ports ?? []).find(
      (each) => (each.name ?? '') === name && (each.protocol ?? 'TCP') === protocol,
    )?.port;
    if (port === undefined || port < 1 || port > 65_535 || slice.addressType !== 'IPv4') return [];
    return (slice.endpoints ?? []).flatMap((endpoint) =>
      // One machine: an endpoint of any node is of this one, others are somewhere else.
      endpoint.addresses
        .slice(0, 1)
        .filter(isEndpointAddress)
        .map((address) => ({
          address,
          port,
          endpoint,
          isHere: endpoint.nodeName !== undefined,
        })),
    );
  });
  const isAnyoneListed = service.spec?.publishNotReadyAddresses === true;
  const ready = all.filter(({ endpoint }) => isAnyoneListed || isReady(endpoint));
  const chosen =
    ready.length > 0 ? ready : all.filter(({ endpoint }) => endpoint.conditions?.serving === true);
  const unique = new Map(chosen.map((each) => [`${each.address}:${each.port}`, each]));
  return [...unique].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, endpoint]) => endpoint);
}

/** An address that a service may lead to: never the host's own loopback or link, whatever a slice says. */
function isEndpointAddress(address: string): boolean {
  return isIPv4(address) && !/^(0|127|169\.254|2(2[4-9]|[345]\d))\./.test(address);
}

/** Absent means ready (discovery.k8s.io/v1). */
export function isReady(endpoint: Endpoint): boolean {
  return endpoint.conditions?.ready !== false;
}
