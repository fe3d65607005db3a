import type { KindTable } from '../client/index.ts';

type Service = KindTable['services'];
type EndpointSlice = KindTable['endpointslices'];
type Endpoint = NonNullable<EndpointSlice['endpoints']>[number];

export type Protocol = 'tcp' | 'udp';

/** One address and port of a service with the pods behind it. */
export interface ServicePort {
  readonly clusterIp: string;
  readonly protocol: Protocol;
  readonly port: number;
  /** `address:port`, sorted; empty when nothing is ready. */
  readonly endpoints: readonly { readonly address: string; readonly port: number }[];
  readonly hasAffinity: boolean;
}

export const serviceNameLabel = 'kubernetes.io/service-name';

/** `namespace/service` that a slice belongs to, or undefined. */
export function serviceKeyOf(slice: EndpointSlice): string | undefined {
  const name = slice.metadata?.labels?.[serviceNameLabel];
  return name ? `${slice.metadata?.namespace ?? ''}/${name}` : undefined;
}

export function isHeadless(service: Service): boolean {
  return service.spec?.clusterIP === 'None';
}

/** The translated ports of a service; none for a headless or external one. */
export function resolveServicePorts(service: Service, slices: readonly EndpointSlice[]): ServicePort[] {
  const { clusterIP, ports = [], type, sessionAffinity } = service.spec ?? {};
  if (!clusterIP || clusterIP === 'None' || type === 'ExternalName') return [];
  const resolved: ServicePort[] = [];
  for (const { name = '', protocol = 'TCP', port } of ports) {
    if (protocol !== 'TCP' && protocol !== 'UDP') continue;
    resolved.push({
      clusterIp: clusterIP,
      protocol: protocol === 'TCP' ? 'tcp' : 'udp',
      port,
      endpoints: resolveEndpoints(slices, name, protocol),
      hasAffinity: sessionAffinity === 'ClientIP',
    });
  }
  return resolved;
}

/** Ready endpoints; when there are none, those that end but still serve (KEP-1669). */
function resolveEndpoints(slices: readonly EndpointSlice[], portName: string, protocol: string) {
  const all = slices.flatMap((slice) => {
    const port = (slice.ports ?? []).find(
      (each) => (each.name ?? '') === portName && (each.protocol ?? 'TCP') === protocol,
    )?.port;
    if (port === undefined || slice.addressType !== 'IPv4') return [];
    return (slice.endpoints ?? []).flatMap((endpoint) =>
      endpoint.addresses.slice(0, 1).map((address) => ({ address, port, endpoint })),
    );
  });
  const ready = all.filter(({ endpoint }) => isReady(endpoint));
  const chosen =
    ready.length > 0 ? ready : all.filter(({ endpoint }) => endpoint.conditions?.serving === true);
  const unique = new Map(chosen.map(({ address, port }) => [`${address}:${port}`, { address, port }]));
  return [...unique].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, endpoint]) => endpoint);
}

/** Absent means ready (discovery.k8s.io/v1). */
export function isReady(endpoint: Endpoint): boolean {
  return endpoint.conditions?.ready !== false;
}
