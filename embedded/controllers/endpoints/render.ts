import { controllerReference } from '../owners.ts';
import type { Endpoints, EndpointSlice, Pod, Service } from '../kinds.ts';
import { isFinished, isReady } from '../pods.ts';
import { matchesLabels } from '../selectors.ts';
import { shortHash } from '../template-hash.ts';

export type Endpoint = NonNullable<EndpointSlice['endpoints']>[number];
type SlicePort = NonNullable<EndpointSlice['ports']>[number];

export const serviceLabel = 'kubernetes.io/service-name';
const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
const managedBy = 'endpointslice-controller.k8s.io';
const endpointsLabel = 'endpoints.kubernetes.io/managed-by';
const maxPerSlice = 100;

/** True when an Endpoints object was made here and not by a user. */
export function isManaged({ metadata }: Endpoints): boolean {
  return metadata?.labels?.[endpointsLabel] === 'endpoint-controller';
}

/** Endpoints that serve the same ports, from which one or more slices are made. */
export interface PortGroup {
  readonly ports: readonly SlicePort[];
  readonly endpoints: readonly Endpoint[];
}

/** True when the service is one that pods are found for. */
export function hasSelector(service: Service): boolean {
  return service.spec?.type !== 'ExternalName' && Object.keys(service.spec?.selector ?? {}).length > 0;
}

/** The service's endpoints by the ports that they really have: a named target port may differ from pod to pod. */
export function portGroups(service: Service, pods: readonly Pod[]): PortGroup[] {
  const groups = new Map<string, { ports: SlicePort[]; endpoints: Endpoint[] }>();
  for (const pod of pods) {
    const isMember = matchesLabels(service.spec?.selector, pod.metadata?.labels);
    if (!isMember || !pod.status?.podIP || isFinished(pod)) continue;
    const ports = portsOf(service, pod);
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(endpointOf(service, pod));
    groups.set(key, group);
  }
  for (const { endpoints } of groups.values()) endpoints.sort(byAddress);
  return [...groups.values()];
}

function portsOf(service: Service, pod: Pod): SlicePort[] {
  return (service.spec?.ports ?? []).flatMap(
    ({ name = '', port, targetPort = port, protocol = 'TCP', appProtocol }) => {
      const number = typeof targetPort === 'number' ? targetPort : namedPort(pod, targetPort, protocol);
      return number === undefined
        ? []
        : [{ name, port: number, protocol, ...(appProtocol && { appProtocol }) }];
    },
  );
}

function namedPort(pod: Pod, name: string, protocol: string): number | undefined {
  const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...(pod.spec?.containers ?? []), ...sidecars]
    .flatMap(({ ports = [] }) => ports)
    .find((port) => port.name === name && (port.protocol ?? 'TCP') === protocol)?.containerPort;
}

function endpointOf(service: Service, pod: Pod): Endpoint {
  const serving = isReady(pod);
  const terminating = pod.metadata?.deletionTimestamp !== undefined;
  const { name, namespace, uid } = pod.metadata ?? {};
  const isNamed = pod.spec?.hostname && pod.spec.subdomain === service.metadata?.name;
  return {
    addresses: [pod.status?.podIP ?? ''],
    conditions: {
      ready: service.spec?.publishNotReadyAddresses === true || (serving && !terminating),
      serving,
      terminating,
    },
    ...(isNamed && { hostname: pod.spec?.hostname }),
    ...(pod.spec?.nodeName && { nodeName: pod.spec.nodeName }),
    targetRef: { kind: 'Pod', name, namespace, uid },
  };
}

/**
 * The slices that should exist. An endpoint stays in the slice that holds it, so that a change of one
 * pod rewrites one slice; names come from the ports, so that a repeated round makes no second slice.
 */
export function renderSlices(
  service: Service,
  groups: readonly PortGroup[],
  existing: readonly EndpointSlice[],
): EndpointSlice[] {
  const slices = groups.flatMap((group) => {
    const prefix = `${service.metadata?.name ?? ''}-${shortHash(group.ports).slice(0, 5)}`;
    const mine = existing.filter(({ metadata }) => metadata?.name?.startsWith(`${prefix}-`));
    return fill(group, mine, prefix).map(([name, endpoints]) =>
      render(service, name, group.ports, endpoints),
    );
  });
  // A service without pods has one empty slice: known, with nothing behind it.
  const name = `${service.metadata?.name ?? ''}-${shortHash([]).slice(0, 5)}-0`;
  return slices.length > 0 ? slices : [render(service, name, [], [])];
}

function fill(group: PortGroup, existing: readonly EndpointSlice[], prefix: string): [string, Endpoint[]][] {
  const byUid = new Map(group.endpoints.map((endpoint) => [endpoint.targetRef?.uid, endpoint]));
  const filled = new Map<string, Endpoint[]>();
  for (const { metadata, endpoints } of existing) {
    const kept = (endpoints ?? []).flatMap(({ targetRef }) => {
      const endpoint = byUid.get(targetRef?.uid);
      return endpoint && byUid.delete(targetRef?.uid) ? [endpoint] : [];
    });
    if (kept.length > 0) filled.set(metadata?.name ?? '', kept);
  }
  const rest = [...byUid.values()];
  for (let index = 0; rest.length > 0; index += 1) {
    const endpoints = filled.get(`${prefix}-${index}`) ?? [];
    endpoints.push(...rest.splice(0, maxPerSlice - endpoints.length));
    filled.set(`${prefix}-${index}`, endpoints);
  }
  for (const endpoints of filled.values()) endpoints.sort(byAddress);
  return [...filled];
}

function render(
  service: Service,
  name: string,
  ports: readonly SlicePort[],
  endpoints: Endpoint[],
): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name,
      namespace: service.metadata?.namespace,
      labels: {
        ...service.metadata?.labels,
        ...headlessLabel(service),
        [serviceLabel]: service.metadata?.name ?? '',
        [managedByLabel]: managedBy,
      },
      ownerReferences: [controllerReference('services', service)],
    },
    addressType: 'IPv4',
    endpoints,
    ports: [...ports],
  };
}

/** The older Endpoints object: addresses by ports, those of terminating pods left out. */
export function renderEndpoints(service: Service, groups: readonly PortGroup[]): Endpoints {
  const publishAll = service.spec?.publishNotReadyAddresses === true;
  const subsets = groups.flatMap(({ ports, endpoints }) => {
    const shown = endpoints.filter(({ conditions }) => publishAll || !conditions?.terminating);
    const ready = shown.filter(({ conditions }) => conditions?.ready).map(addressOf);
    const notReady = shown.filter(({ conditions }) => !conditions?.ready).map(addressOf);
    if (shown.length === 0) return [];
    return [
      {
        ...(ready.length > 0 && { addresses: ready }),
        ...(notReady.length > 0 && { notReadyAddresses: notReady }),
        // The older object omits the name of an unnamed port.
        ...(ports.length > 0 && {
          ports: ports.map(({ name, port = 0, ...rest }) => ({ ...(name && { name }), port, ...rest })),
        }),
      },
    ];
  });
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: {
      name: service.metadata?.name,
      namespace: service.metadata?.namespace,
      labels: {
        ...service.metadata?.labels,
        ...headlessLabel(service),
        [endpointsLabel]: 'endpoint-controller',
      },
    },
    ...(subsets.length > 0 && { subsets }),
  };
}

function addressOf({ addresses, hostname, nodeName, targetRef }: Endpoint) {
  return { ip: addresses[0] ?? '', hostname, nodeName, targetRef };
}

function headlessLabel({ spec }: Service): Record<string, string> {
  return spec?.clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {};
}

function byAddress(left: Endpoint, right: Endpoint): number {
  return (left.addresses[0] ?? '') < (right.addresses[0] ?? '') ? -1 : 1;
}
