import { announce } from '@skyarc/lib/presence';
import type { ServiceName } from './processes.ts';
import type { PortName, Topology } from './topology.ts';

/** Ports of status servers: `/healthz` and `/metrics`. */
const statusPorts: Readonly<Record<ServiceName | 'console', PortName>> = {
  mq: 'mqStatus',
  chaos: 'chaos',
  worker: 'worker',
  gateway: 'gatewayStatus',
  eventlog: 'eventlogStatus',
  node: 'node',
  hub: 'hubStatus',
  repo: 'repoStatus',
  dns: 'dnsStatus',
  webcli: 'webcliStatus',
  monitor: 'monitor',
  api: 'apiStatus',
  console: 'consoleStatus',
};

/** Base address of the status server of a service of this machine's data centre, or of this process itself. */
export function statusUrlOf(name: keyof typeof statusPorts, ports: Topology['ports']): string {
  return `http://127.0.0.1:${ports[statusPorts[name]]}`;
}

/** Status servers of a data centre's services on this machine, by name. */
export function statusUrlsOf({ ports, servesPackages, dns }: Topology): { name: string; url: string }[] {
  const names: readonly ServiceName[] = [
    'mq',
    'chaos',
    'worker',
    'gateway',
    'eventlog',
    'node',
    'hub',
    ...(servesPackages ? (['repo'] as const) : []),
    ...(dns.listen ? (['dns'] as const) : []),
    'webcli',
    'monitor',
  ];
  return names.map((name) => ({ name, url: statusUrlOf(name, ports) }));
}

/** Where services of every index say that they are here. */
export function servicesFolderOf({ path }: Topology): string {
  return path('run', 'services');
}

/** Says that a service of this process is here; what is answered takes it back. */
export function announceService(
  topology: Topology,
  name: keyof typeof statusPorts,
): Promise<() => Promise<void>> {
  const { index, ownPorts } = topology;
  return announce(servicesFolderOf(topology), {
    name: index === 0 ? name : `${name}-${index}`,
    url: statusUrlOf(name, ownPorts),
  });
}

/** Where the supervisor notes what it started again. */
export function restartsFileOf({ path }: Topology): string {
  return path('run', 'restarts.json');
}
