import { hostname } from 'node:os';
import type { NodeConfig } from '@skyarc/controllers/node';
import { ensureGrantKeys } from '@skyarc/lib/signed-grant';
import { restartsFileOf, servicesFolderOf, statusUrlOf } from './status.ts';
import type { Topology } from './topology.ts';

/** The agent of this machine. */
export async function nodeConfigOf(topology: Topology): Promise<NodeConfig> {
  const { index, ownPorts, path, kubeconfig, isEmbedded } = topology;
  const listen = meshListenOf(topology);
  const name = hostname().toLowerCase();
  return {
    port: ownPorts.node,
    dataDir: path(index === 0 ? 'node' : `node-${index}`),
    kubeconfig,
    ingestUrl: topology.ingestUrls.join(),
    logs: isEmbedded ? { from: 'files', podLogRoot: path('cluster', 'pod-logs') } : { from: 'api' },
    agent: {
      name: index === 0 ? name : `${name}-${index}`,
      // Of a cluster that is there already this machine is no part.
      roles: isEmbedded ? ['MANAGE', 'COMPUTE', 'GATEWAY', 'STORAGE'] : ['MANAGE', 'GATEWAY'],
      diskFolder: topology.home,
      servicesFolder: servicesFolderOf(topology),
      restartsFile: restartsFileOf(topology),
      // One of several agents is enough for what the machine has once.
      ...(index === 0 ? { cleanup: { means: meansOf(topology) }, exporter: exporterOf(topology) } : {}),
    },
    ...(listen && index === 0
      ? { discovery: { ...listen, grantKey: (await meshKeysOf(topology)).publicKey } }
      : {}),
  };
}

type AgentConfig = NonNullable<NodeConfig['agent']>;

/**
 * What gives back disk, the least missed first. Images that no pod of the embedded cluster names are its kubelet's to
 * remove, which does so at the same mark.
 */
function meansOf({ path, ports, servesPackages }: Topology): NonNullable<AgentConfig['cleanup']>['means'] {
  const asks = (name: string, service: 'hub' | 'repo' | 'chaos') =>
    ({ by: 'post', name, url: `${statusUrlOf(service, ports)}/clean` }) as const;
  const rotated = ['find', path('log'), '-name', '*.log.*', '-printf', '%f removed\\n', '-delete'];
  return [
    { by: 'command', name: 'rotated logs', command: rotated },
    asks('images that nothing needs', 'hub'),
    ...(servesPackages ? [asks('packages unused for longest', 'repo')] : []),
    asks('caches of builds unused for longest', 'chaos'),
  ];
}

function exporterOf({ path, ownPorts }: Topology): AgentConfig['exporter'] {
  // Where it was when the monitor ran it: the one that runs is adopted, and jobs find where they write.
  return { port: ownPorts.nodeExporter, folder: path('monitor', 'node-exporter') };
}

/** Where pods reach discovery, and what signs their grants; undefined where they cannot reach it. */
export async function meshOf(topology: Topology): Promise<{ address: string; grantKey: string } | undefined> {
  const listen = meshListenOf(topology);
  if (!listen) return undefined;
  return { address: `${listen.host}:${listen.port}`, grantKey: (await meshKeysOf(topology)).privateKey };
}

/** On the address that pods know this machine by, or where a person said. */
export function meshListenOf({
  isEmbedded,
  podCidr,
  ports,
  meshListen,
}: Topology): { host: string; port: number } | undefined {
  if (meshListen) return { host: meshListen, port: ports.discovery };
  // The embedded cluster's gateway address is the first of its pods' network.
  if (!isEmbedded) return undefined;
  return { host: firstAddressOf(podCidr), port: ports.discovery };
}

function meshKeysOf({ path }: Topology) {
  return ensureGrantKeys(path('keys', 'mesh.key'));
}

function firstAddressOf(cidr: string): string {
  const [address = '', prefix = '32'] = cidr.split('/');
  const bits = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(prefix));
  const first = Math.floor(bits / size) * size + 1;
  return [24, 16, 8, 0].map((shift) => (first >>> shift) & 255).join('.');
}
