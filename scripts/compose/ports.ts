import { AppError } from '@skyarc/lib/errors';
import { run } from '@skyarc/lib/process';
import { enginesOf, nodeProcessesOf } from './inventory.ts';
import type { PortName, Topology } from './topology.ts';

export interface Listener {
  readonly address: string;
  readonly port: number;
  readonly owners: readonly { readonly name: string; readonly pid: number }[];
}

const ofOurCluster: readonly PortName[] = ['kubeApi', 'containerdStream', 'dnsStatus'];
const ofPackages: readonly PortName[] = ['repo', 'repoStatus'];
const ofEtcd: readonly PortName[] = ['etcdClient', 'etcdPeer'];

/** Throws CONFLICT that names every port of ours on which another program listens. */
export async function throwIfTaken(topology: Topology): Promise<void> {
  const [{ stdout }, engines, processes] = await Promise.all([
    run('ss', ['--no-header', '--listening', '--tcp', '--numeric', '--processes']),
    enginesOf(topology),
    nodeProcessesOf(topology),
  ]);
  const ours = new Set([...engines, ...processes].map(({ pid }) => pid));
  const taken = takenPorts(topology, parseListeners(stdout), ours);
  if (taken.length === 0) return;
  throw new AppError(
    'CONFLICT',
    [
      'Other programs listen on ports that Skyarc needs:',
      ...taken.map((line) => `  ${line}`),
      'Stop them, or move all ports of Skyarc: SKYARC_PORT_OFFSET=10000 npm start',
    ].join('\n'),
  );
}

/** A line for each port of ours at which somebody else would get in our way. */
export function takenPorts(
  topology: Pick<Topology, 'host' | 'isEmbedded' | 'servesPackages' | 'etcdUrls' | 'ports'>,
  listeners: readonly Listener[],
  ours: ReadonlySet<number>,
): string[] {
  const { host, isEmbedded, servesPackages, etcdUrls, ports } = topology;
  const unused = new Set([
    ...(isEmbedded ? [] : ofOurCluster),
    ...(servesPackages ? [] : ofPackages),
    ...(etcdUrls.length === 0 ? [] : ofEtcd),
  ]);
  const inTheWay = new Set(['*', '0.0.0.0', '[::]', '127.0.0.1', host]);
  const named = Object.entries(ports) as [PortName, number][];
  return named.flatMap(([name, port]) => {
    if (unused.has(name)) return [];
    const listener = listeners.find(
      (one) =>
        one.port === port &&
        (inTheWay.has(one.address) || host === '0.0.0.0') &&
        !one.owners.some(({ pid }) => ours.has(pid)),
    );
    if (!listener) return [];
    const [owner] = listener.owners;
    return [
      `${port} (${name}) by ${owner ? `${owner.name}, pid ${owner.pid}` : 'a program of another namespace'}`,
    ];
  });
}

/** What `ss --listening --tcp --numeric --processes` prints, see ss(8). */
export function parseListeners(text: string): Listener[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [, , , local = '', , users = ''] = line.trim().split(/\s+/);
      const colon = local.lastIndexOf(':');
      return {
        address: local.slice(0, colon).replace(/%.*$/, ''),
        port: Number(local.slice(colon + 1)),
        owners: [...users.matchAll(/\("([^"]*)",pid=(\d+)/g)].map(([, name = '', pid]) => ({
          name,
          pid: Number(pid),
        })),
      };
    });
}
