import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { startEtcd } from '@skyarc/lib/etcd';
import { Stack, type RunningService } from '@skyarc/lib/lifecycle';
import { createLogger } from '@skyarc/lib/log';
import {
  startApiServer,
  type MetricsSource,
  type NodeUsage,
  type PodUsage,
  type RunningApiServer,
} from '../apiserver/index.ts';
import type { KubeClient } from '../client/index.ts';
import { Informer } from '../client/informer.ts';
import { keyOf } from '../client/store.ts';
import { WorkQueue } from '../client/work-queue.ts';
import { timestamp, type Pod } from './kinds.ts';
import { startControllers } from './index.ts';

const log = createLogger('test-cluster');
log.level = 'error';

/** What the pods of a test cluster use, by name; nothing of those that are not in it. */
export class TestUsage implements MetricsSource {
  readonly cpuNanoCores = new Map<string, number>();
  readonly namespace = 'default';

  podMetrics(): Promise<readonly PodUsage[]> {
    const usages = [...this.cpuNanoCores].map(([name, cpuNanoCores]) => ({
      namespace: this.namespace,
      name,
      containers: [{ name: 'main', cpuNanoCores, memoryWorkingSetBytes: 64 * 2 ** 20 }],
      timestamp: new Date().toISOString(),
      windowSeconds: 0,
    }));
    return Promise.resolve(usages);
  }

  nodeMetrics(): Promise<readonly NodeUsage[]> {
    const timestamp = new Date().toISOString();
    const usage = { cpuNanoCores: 1.5e9, memoryWorkingSetBytes: 2 ** 30 };
    return Promise.resolve([{ name: 'node-a', timestamp, windowSeconds: 10, ...usage }]);
  }
}

/** A real etcd and API server with controllers, and pods that are played by an actor instead of containers. */
export class TestCluster {
  readonly client: KubeClient;
  readonly folder: string;
  readonly usage: TestUsage;
  private readonly server: RunningApiServer;
  private readonly stack: Stack;
  private readonly kubelet: TestKubelet;
  private controllers: RunningService | undefined;

  private constructor(
    server: RunningApiServer,
    parts: { kubelet: TestKubelet; usage: TestUsage; folder: string; stack: Stack },
  ) {
    const { kubelet, usage, folder, stack } = parts;
    this.client = server.client;
    this.server = server;
    this.usage = usage;
    this.kubelet = kubelet;
    this.folder = folder;
    this.stack = stack;
  }

  /** @param firstPort the first of three free ports */
  static async start(firstPort: number): Promise<TestCluster> {
    const stack = new Stack();
    const folder = stack.use(await mkdtemp(join(tmpdir(), 'skyarc-controllers-')), (made) =>
      rm(made, { recursive: true, force: true }),
    );
    const ports = { clientPort: firstPort, peerPort: firstPort + 1 };
    const dataDir = join(folder, 'etcd');
    const etcd = stack.use(await startEtcd({ name: 'test', dataDir, runDir: folder, ...ports }), (each) =>
      each.stop(),
    );
    const pkiDir = join(folder, 'pki');
    const usage = new TestUsage();
    const server = stack.use(
      await startApiServer({ port: firstPort + 2, etcdUrl: etcd.url, pkiDir }, { metrics: usage }),
      (each) => each.stop(),
    );
    const kubelet = stack.use(new TestKubelet(server.client), (each) => each.stop());
    const cluster = new TestCluster(server, { kubelet, usage, folder, stack });
    await kubelet.start();
    await kubelet.addNode('node-a');
    await cluster.startControllers();
    return cluster;
  }

  /** One more node that stays alive until stop. */
  addNode(name: string): Promise<void> {
    return this.kubelet.addNode(name);
  }

  get kubeconfig(): string {
    return join(this.folder, 'pki', 'admin.kubeconfig');
  }

  async startControllers(client = this.client): Promise<void> {
    const config = {
      storage: { volumeRoot: join(this.folder, 'volumes') },
      nodes: { graceMs: 3_000, checkEveryMs: 200 },
      podGc: { everyMs: 200, vanishedNodeGraceMs: 500 },
      jobs: { backoffMs: 50, maxBackoffMs: 400 },
      autoscaler: {
        everyMs: 100,
        downscaleStabilizationMs: 1_000,
        cpuInitializationMs: 0,
        initialReadinessMs: 0,
      },
    };
    const readAggregated = (path: string) => this.server.readAggregated(path);
    this.controllers = await startControllers(config, { client, log, readAggregated });
  }

  async stopControllers(): Promise<void> {
    await this.controllers?.stop();
  }

  async stop(): Promise<void> {
    await this.stopControllers();
    await this.stack.stop();
  }
}

/**
 * Plays a node: bound pods become Running and Ready, terminating ones vanish. An image with `broken` in
 * its name never gets ready, one with `succeeds` ends at once, one with `fails` too, with exit code 3.
 */
class TestKubelet {
  private readonly client: KubeClient;
  private readonly pods: Informer<'pods'>;
  private readonly queue: WorkQueue;
  private addresses = 0;
  private readonly heartbeats: NodeJS.Timeout[] = [];

  constructor(client: KubeClient) {
    this.client = client;
    this.pods = new Informer(client, 'pods', { log });
    this.queue = new WorkQueue({ name: 'kubelet', workers: 8, log, handle: (key) => this.act(key) });
    const enqueue = (pod: Pod) => this.queue.add(keyOf(pod));
    this.pods.on({ add: enqueue, update: enqueue });
  }

  async start(): Promise<void> {
    await this.pods.start();
    this.queue.start();
  }

  async stop(): Promise<void> {
    this.heartbeats.forEach((each) => clearInterval(each));
    await this.queue.stop();
    await this.pods.stop();
  }

  /** Registers a node that stays alive until stop. */
  async addNode(name: string): Promise<void> {
    await this.client.create('nodes', { metadata: { name, labels: { 'kubernetes.io/hostname': name } } });
    await this.client.patchStatus('nodes', name, undefined, {
      status: {
        allocatable: { cpu: '64', memory: '64Gi', pods: '2000' },
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    });
    const namespace = 'kube-node-lease';
    await this.client.create('leases', { metadata: { name, namespace } });
    const renew = (): void => {
      const renewTime = new Date().toISOString().replace('Z', '000Z');
      void this.client.patch('leases', name, namespace, { spec: { renewTime } }).catch(() => undefined);
    };
    this.heartbeats.push(setInterval(renew, 1_000));
  }

  private async act(key: string): Promise<void> {
    const pod = this.pods.store.get(key);
    const { name = '', namespace, uid, deletionTimestamp } = pod?.metadata ?? {};
    if (!pod?.spec?.nodeName) return;
    if (deletionTimestamp) await this.client.delete('pods', name, namespace, { uid, gracePeriodSeconds: 0 });
    if (deletionTimestamp) return;
    if (pod.status?.podIP) {
      await this.end(pod);
      return;
    }
    this.addresses += 1;
    const isReady = !pod.spec.containers[0]?.image?.includes('broken');
    const lastTransitionTime = timestamp();
    await this.client.patchStatus('pods', name, namespace, {
      metadata: { uid },
      status: {
        phase: 'Running',
        podIP: `10.1.${this.addresses >> 8}.${this.addresses & 255}`,
        startTime: lastTransitionTime,
        conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False', lastTransitionTime }],
      },
    });
  }

  private async end({ metadata, spec, status }: Pod): Promise<void> {
    const [container] = spec?.containers ?? [];
    const word = /succeeds|fails/.exec(container?.image ?? '')?.[0];
    if (!word || status?.phase !== 'Running') return;
    const exitCode = word === 'fails' ? 3 : 0;
    const terminated = { exitCode, finishedAt: timestamp() };
    await this.client.patchStatus('pods', metadata?.name ?? '', metadata?.namespace, {
      metadata: { uid: metadata?.uid },
      status: {
        phase: exitCode ? 'Failed' : 'Succeeded',
        containerStatuses: [
          {
            name: container?.name,
            image: container?.image,
            ready: false,
            restartCount: 0,
            state: { terminated },
          },
        ],
      },
    });
  }
}

const writes = new Set(['create', 'update', 'updateStatus', 'patch', 'patchStatus', 'delete']);

/** A client whose owner dies after so many writes: nothing that it writes later arrives. Events do not count. */
export class MortalClient {
  readonly client: KubeClient;
  readonly death: Promise<void>;
  isDead = false;

  constructor(client: KubeClient, lives: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.death = promise;
    let left = lives;
    this.client = new Proxy(client, {
      get: (target, name: keyof KubeClient) => {
        const method = target[name].bind(target) as (...args: unknown[]) => unknown;
        if (!writes.has(name)) return method;
        return (...args: unknown[]) => {
          if (args[0] === 'events') return method(...args);
          if (left > 0) {
            left -= 1;
            return method(...args);
          }
          this.isDead = true;
          resolve();
          return Promise.reject(new AppError('UNAVAILABLE', 'The writer is dead'));
        };
      },
    });
  }
}
