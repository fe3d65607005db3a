import { readFile, statfs } from 'node:fs/promises';
import { availableParallelism, networkInterfaces, totalmem } from 'node:os';
import { AppError } from '@skyarc/lib/errors';
import type { KindTable, KubeClient } from '../client/index.ts';
import type { KubeletConfig } from './config.ts';
import type { CriClient } from './cri/client.ts';
import type { Pressure } from './eviction/index.ts';
import { formatTime } from './pod.ts';
import type { NodeFacts } from './render/environment.ts';

type Node = KindTable['nodes'];
type NodeStatus = NonNullable<Node['status']>;
type NodeCondition = NonNullable<NodeStatus['conditions']>[number];

const leaseNamespace = 'kube-node-lease';

export interface NodeKeeperOptions {
  readonly client: KubeClient;
  readonly cri: CriClient;
  readonly config: KubeletConfig;
  readonly facts: NodeFacts;
  readonly podCidr: string;
  readonly imageRoot: string;
  readonly hasPressure: (pressure: Pressure) => boolean;
}

/** Keeps new pods away while the node runs short. */
const pressureTaints: Readonly<Record<Pressure, string>> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
};

/** The first IPv4 address that is not loopback's, passing over the instance's own links. */
export function findNodeAddress(instance: string): string {
  for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
    if (name.startsWith(instance)) continue;
    const found = addresses.find(({ family, internal }) => family === 'IPv4' && !internal);
    if (found) return found.address;
  }
  return '127.0.0.1';
}

/** Registers this machine as a Node and keeps its status and Lease fresh. */
export class NodeKeeper {
  private readonly options: NodeKeeperOptions;

  constructor(options: NodeKeeperOptions) {
    this.options = options;
  }

  private get name(): string {
    return this.options.facts.name;
  }

  /** Creates the Node, or brings an old one up to date. */
  async register(): Promise<void> {
    const { client, config, podCidr } = this.options;
    const labels = {
      'kubernetes.io/hostname': this.name,
      'kubernetes.io/os': 'linux',
      'kubernetes.io/arch': architecture(),
      'beta.kubernetes.io/os': 'linux',
      'beta.kubernetes.io/arch': architecture(),
      ...config.nodeLabels,
    };
    const stored = await client.find('nodes', this.name);
    if (!stored) {
      const node: Node = {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: this.name, labels },
        spec: { podCIDR: podCidr, podCIDRs: [podCidr] },
      };
      await client.create('nodes', node);
    } else await client.patch('nodes', this.name, undefined, { metadata: { labels } });
    await this.writeStatus();
    await this.renewLease();
  }

  /** Capacity, conditions, addresses and versions as they are now. */
  async writeStatus(): Promise<void> {
    const { client } = this.options;
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const stored = await client.find('nodes', this.name);
      if (!stored) return this.register();
      try {
        await client.updateStatus('nodes', { ...stored, status: await this.renderStatus(stored) });
        await this.writeTaints(stored);
        return;
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'CONFLICT') throw error;
      }
    }
  }

  /** Nobody else does it for an embedded node: with the condition comes the taint. */
  private async writeTaints(stored: Node): Promise<void> {
    const taints = stored.spec?.taints ?? [];
    const own = Object.values(pressureTaints);
    const wanted = Object.entries(pressureTaints)
      .filter(([pressure]) => this.options.hasPressure(pressure as Pressure))
      .map(([, key]) => key);
    const found = taints.map(({ key }) => key).filter((key) => own.includes(key));
    if (found.length === wanted.length && wanted.every((key) => found.includes(key))) return;
    const others = taints.filter(({ key }) => !own.includes(key));
    const fresh = wanted.map((key) => ({ key, effect: 'NoSchedule' }));
    const spec = { taints: [...others, ...fresh] };
    await this.options.client.patch('nodes', this.name, undefined, { spec });
  }

  async renewLease(): Promise<void> {
    const { client } = this.options;
    const renewTime = new Date().toISOString().replace('Z', '000Z');
    const stored = await client.find('leases', this.name, leaseNamespace);
    if (stored) {
      await client.patch('leases', this.name, leaseNamespace, { spec: { renewTime } });
      return;
    }
    await this.ensureLeaseNamespace();
    await client.create('leases', {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: this.name, namespace: leaseNamespace },
      spec: { holderIdentity: this.name, leaseDurationSeconds: 40, renewTime },
    });
  }

  private async ensureLeaseNamespace(): Promise<void> {
    const { client } = this.options;
    if (await client.find('namespaces', leaseNamespace)) return;
    await client
      .create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: leaseNamespace } })
      .catch((error: unknown) => {
        if (!(error instanceof AppError) || error.code !== 'CONFLICT') throw error;
      });
  }

  private async renderStatus(stored: Node): Promise<NodeStatus> {
    const { config, facts, cri } = this.options;
    const { runtimeName, runtimeVersion } = await cri.call('Version', {});
    const disk = await statfs(this.options.imageRoot);
    const capacity = {
      cpu: String(availableParallelism()),
      memory: `${Math.floor(totalmem() / 1024)}Ki`,
      pods: String(config.maxPods),
      'ephemeral-storage': `${Math.floor((disk.blocks * disk.bsize) / 1024)}Ki`,
    };
    return {
      ...stored.status,
      capacity,
      allocatable: {
        ...capacity,
        cpu: `${Math.floor(facts.cpus * 1000)}m`,
        memory: `${Math.floor(facts.memoryBytes / 1024)}Ki`,
      },
      addresses: [
        { type: 'InternalIP', address: facts.address },
        { type: 'Hostname', address: this.name },
      ],
      conditions: await this.renderConditions(stored),
      nodeInfo: {
        architecture: architecture(),
        operatingSystem: 'linux',
        bootID: await readText('/proc/sys/kernel/random/boot_id'),
        machineID: await readText('/etc/machine-id'),
        systemUUID: await readText('/etc/machine-id'),
        kernelVersion: await readText('/proc/sys/kernel/osrelease'),
        osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(await readText('/etc/os-release'))?.[1] ?? 'Linux',
        containerRuntimeVersion: `${runtimeName}://${runtimeVersion}`,
        kubeletVersion: 'v1.32.0',
        kubeProxyVersion: 'v1.32.0',
      },
    };
  }

  private async renderConditions(stored: Node): Promise<NodeCondition[]> {
    const { status } = await this.options.cri.call('Status', {});
    const problems = status.conditions.filter((condition) => !condition.status);
    const problem = problems.map(({ reason, message }) => `${reason}: ${message}`).join('; ');
    const { hasPressure } = this.options;
    const verdicts: [string, boolean, string, string][] = [
      hasPressure('MemoryPressure')
        ? [
            'MemoryPressure',
            true,
            'KubeletHasInsufficientMemory',
            'kubelet has insufficient memory available',
          ]
        : ['MemoryPressure', false, 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
      hasPressure('DiskPressure')
        ? ['DiskPressure', true, 'KubeletHasDiskPressure', 'kubelet has disk pressure']
        : ['DiskPressure', false, 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
      ['PIDPressure', false, 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
      problem
        ? ['Ready', false, 'KubeletNotReady', problem]
        : ['Ready', true, 'KubeletReady', 'kubelet is posting ready status'],
    ];
    const now = formatTime(Date.now());
    return verdicts.map(([type, isTrue, reason, message]) => {
      const state = isTrue ? 'True' : 'False';
      const before = stored.status?.conditions?.find((condition) => condition.type === type);
      const lastTransitionTime = before?.status === state ? before.lastTransitionTime : now;
      return { type, status: state, reason, message, lastHeartbeatTime: now, lastTransitionTime };
    });
  }
}

function architecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

async function readText(file: string): Promise<string> {
  return (await readFile(file, 'utf8').catch(() => '')).trim();
}
