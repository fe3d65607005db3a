import type { MeshRule, MeshSpec } from '@skyarc/lib/contracts';
import type { KindTable } from '@skyarc/lib/kube';
import type { Dialect, Resource, Snapshot } from '../types.ts';
import { renderCluster } from './cluster.ts';
import { renderEndpoints } from './endpoints.ts';
import { renderListener } from './listener.ts';
import { clusterName, type Destination, endpointsName, entryName } from './names.ts';
import { renderRoute } from './route.ts';

/** What is read of the app's own namespace, and of no other. */
export interface NamespaceView {
  service(name: string): KindTable['services'] | undefined;
  slicesOf(service: string): readonly KindTable['endpointslices'][];
}

const http2 = new Set(['grpc', 'h2c', 'kubernetes.io/h2c', 'http2']);

/**
 * Everything that an app's clients are told. Whatever it names is in it: a route to a service that is not
 * there leads to a cluster without endpoints, and calls fail with a reason instead of waiting.
 */
export function renderSnapshot(spec: MeshSpec, view: NamespaceView, dialect: Dialect): Snapshot {
  const made = {
    clusters: new Map<string, Resource>(),
    endpoints: new Map<string, Resource>(),
    listeners: new Map<string, Resource>(),
    routes: new Map<string, Resource>(),
  };
  const takenPorts = new Set<number>();
  for (const rule of spec.rules) {
    for (const { port, isHttp2 } of portsOf(view, rule)) {
      // On loopback a port can lead to one service only: the first by its rule's place.
      if (dialect === 'envoy' && takenPorts.has(port)) continue;
      takenPorts.add(port);
      const name = entryName({ service: rule.service, port });
      made.listeners.set(name, renderListener(name, port, dialect));
      made.routes.set(name, renderRoute(rule, port, dialect));
      for (const destination of destinationsOf(rule, port)) {
        const cluster = clusterName(rule.service, destination);
        made.clusters.set(cluster, renderCluster({ ...destination, isHttp2 }, rule, dialect));
        const endpoints = endpointsName(destination);
        if (!made.endpoints.has(endpoints))
          made.endpoints.set(endpoints, renderEndpointsOf(destination, view));
      }
    }
  }
  return made;
}

export function renderEndpointsOf(destination: Destination, view: NamespaceView, known?: Resource): Resource {
  const ports = view.service(destination.service)?.spec?.ports ?? [];
  const portName = ports.find(({ port }) => port === destination.port)?.name;
  return renderEndpoints({ ...destination, portName }, view.slicesOf(destination.service), known);
}

/** The destinations of one service that the app's clients are told of. */
export function destinationsTo(spec: MeshSpec, view: NamespaceView, service: string): Destination[] {
  const found = new Map<string, Destination>();
  for (const rule of spec.rules) {
    if (!leadsTo(rule, service)) continue;
    for (const { port } of portsOf(view, rule)) {
      for (const one of destinationsOf(rule, port)) {
        if (one.service === service) found.set(endpointsName(one), one);
      }
    }
  }
  return [...found.values()];
}

function leadsTo(rule: MeshRule, service: string): boolean {
  return (
    rule.service === service ||
    rule.routes.some(({ targets }) => targets.some((one) => one.service === service))
  );
}

function destinationsOf(rule: MeshRule, port: number): Destination[] {
  const targets = rule.routes.flatMap((route) => route.targets);
  return [
    { service: rule.service, port },
    ...targets.map(({ service, instance }) => ({ service, instance, port })),
  ];
}

function portsOf(
  view: NamespaceView,
  { service, http2Ports }: MeshRule,
): { port: number; isHttp2: boolean }[] {
  return (view.service(service)?.spec?.ports ?? [])
    .filter(({ protocol }) => (protocol ?? 'TCP') === 'TCP')
    .map(({ port, appProtocol }) => ({
      port,
      isHttp2: http2Ports.includes(port) || http2.has(appProtocol ?? ''),
    }));
}
