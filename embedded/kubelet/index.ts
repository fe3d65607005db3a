import { readFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { Stack } from '@skyarc/lib/lifecycle';
import type { Logger } from '@skyarc/lib/log';
import { sleep } from '@skyarc/lib/retry';
import type { NodeProxy } from '../apiserver/node-proxy.ts';
import type { KubeClient } from '../client/index.ts';
import { Informer } from '../client/informer.ts';
import { WorkQueue } from '../client/work-queue.ts';
import { EventRecorder } from '../controllers/event-recorder.ts';
import { minCpuShares, weighTiers } from './cgroup.ts';
import type { KubeletConfig } from './config.ts';
import type { KubeletContext } from './context.ts';
import type { PodSandbox } from './cri/types.ts';
import type { Containerd } from './engine/containerd.ts';
import { ImageGarbage } from './garbage.ts';
import { ImagePuller } from './images.ts';
import { LogKeeper } from './logs/keeper.ts';
import { findNodeAddress, NodeKeeper } from './node.ts';
import { CriNodeProxy } from './node-proxy.ts';
import { hasEnded, identityOf, qosClassOf, specOf, type Pod } from './pod.ts';
import { RuntimeReader } from './pod-runtime.ts';
import { PodWorker } from './pod-worker.ts';
import { Prober } from './probes/index.ts';
import { podCpuSharesOf } from './render/resources.ts';
import { podLabels, type DnsFacts } from './render/sandbox.ts';
import { StatusWriter } from './status-writer.ts';
import { cacheTokens, type TokenSource } from './volumes/tokens.ts';

export type { KubeletConfig } from './config.ts';
export type { TokenSource } from './volumes/tokens.ts';
export { startContainerd, type Containerd } from './engine/containerd.ts';

export interface KubeletOptions {
  readonly instance: string;
  /** Folder of the pods' volumes. */
  readonly home: string;
  readonly podCidr: string;
  readonly config: KubeletConfig;
}

export interface KubeletDeps {
  readonly client: KubeClient;
  readonly engine: Containerd;
  readonly log: Logger;
  readonly dns: { readonly clusterDomain: string; readonly clusterDns: string };
  /** Issues a token for a pod's service account, if the cluster does. */
  readonly issueToken?: TokenSource;
  /** Environment of every container, such as where the API server is. */
  readonly clusterEnvironment?: Readonly<Record<string, string>>;
}

export interface Kubelet {
  readonly nodeName: string;
  /** Ends the watching; pods go on. */
  stop(): Promise<void>;
}

/** The streams of this node's pods for the API server; needs nothing but the engine. */
export function createNodeProxy(engine: Containerd, podLogRoot: string): NodeProxy {
  return new CriNodeProxy(engine.cri, podLogRoot);
}

/** Registers the node and brings its pods to where the API says they should be, until stopped. */
export async function startKubelet(options: KubeletOptions, deps: KubeletDeps): Promise<Kubelet> {
  const kubelet = new NodeAgent(options, deps, await readHostDns(deps.dns));
  await kubelet.start();
  return kubelet;
}

/** How soon a container engine that has died is started again. */
const engineCheckMs = 3_000;

const lagCheckMs = 25;
const maxLagChecks = 80;
/** Every pod is looked at this often, whether something is known to have changed or not. */
const syncEveryMs = 60_000;

class NodeAgent implements Kubelet {
  private readonly options: KubeletOptions;
  private readonly deps: KubeletDeps;
  private readonly context: KubeletContext;
  private readonly pods: Informer<'pods'>;
  private readonly queue: WorkQueue;
  private readonly workers = new Map<string, PodWorker>();
  private readonly stack = new Stack();
  private readonly stopping = new AbortController();
  /** Sandboxes without a pod in the API at the last look; removed when they still are at the next. */
  private orphans = new Set<string>();
  /** Of the runtime at the last relist, by pod uid. */
  private lastStates: ReadonlyMap<string, string> = new Map();

  constructor(options: KubeletOptions, deps: KubeletDeps, dns: DnsFacts) {
    const { config, instance, home } = options;
    const { client, engine, log } = deps;
    this.options = options;
    this.deps = deps;
    const node = {
      name: config.nodeName,
      address: config.nodeAddress ?? findNodeAddress(instance),
      cpus: availableParallelism() - config.reserved.cpu,
      memoryBytes: totalmem() - config.reserved.memoryBytes,
    };
    const events = new EventRecorder(client, { component: 'kubelet', log });
    this.queue = new WorkQueue({
      name: 'pods',
      workers: config.workers,
      log,
      baseDelayMs: 200,
      maxDelayMs: 20_000,
      handle: (uid) => this.handle(uid),
    });
    this.context = {
      instance,
      config,
      client,
      node,
      dns,
      log,
      cri: engine.cri,
      reader: new RuntimeReader(engine.cri),
      prober: new Prober(engine.cri),
      images: new ImagePuller(engine.cri, client),
      status: new StatusWriter(client),
      lookups: {
        configMap: (namespace, name) => client.find('configmaps', name, namespace),
        secret: (namespace, name) => client.find('secrets', name, namespace),
        serviceAccountToken: deps.issueToken && cacheTokens(deps.issueToken),
      },
      podFolder: (pod) => join(home, 'pods', identityOf(pod).uid),
      record: (pod, type, reason, message) =>
        events.record({
          about: {
            ...pod,
            kind: 'Pod',
            apiVersion: 'v1',
          },
          type,
          reason,
          message,
        }),
      clusterEnvironment: new Map(Object.entries(deps.clusterEnvironment ?? {})),
      signal: this.stopping.signal,
      requeue: (uid, delayMs = 0) => this.queue.addAfter(uid, delayMs),
    };
    this.pods = new Informer(client, 'pods', { log, fieldSelector: `spec.nodeName=${node.name}` });
  }

  get nodeName(): string {
    return this.context.node.name;
  }

  async start(): Promise<void> {
    const { engine, client, log } = this.deps;
    const { config, podCidr } = this.options;
    const node = new NodeKeeper({
      client,
      config,
      podCidr,
      cri: engine.cri,
      facts: this.context.node,
      imageRoot: engine.root,
    });
    await node.register();
    this.pods.on({
      add: (pod) => this.offer(pod),
      update: (pod) => this.offer(pod),
      delete: (pod) => this.drop(pod),
    });
    await this.pods.start();
    this.queue.start();

    const keeper = new LogKeeper({ config, cri: engine.cri, log, podUids: () => this.knownUids() });
    const garbage = new ImageGarbage({
      log,
      cri: engine.cri,
      config: config.images,
      imageRoot: engine.root,
      namedImages: () =>
        this.pods.store.list().flatMap((pod) => specOf(pod).containers.map(({ image = '' }) => image)),
    });
    const { signal } = this.stopping;
    const background = [
      engine.cri.followEvents((id, topic) => this.onEvent(id, topic), {
        signal,
        onGap: () => this.syncAll(),
        log,
      }),
      this.every(
        engineCheckMs,
        'keep containerd running',
        async () => void (await engine.daemon.ensure(signal)),
      ),
      this.every(config.leaseEveryMs, 'renew lease', () => node.renewLease()),
      this.every(config.leaseEveryMs * 3, 'write node status', () => node.writeStatus()),
      this.every(config.relistEveryMs, 'relist', () => this.relist()),
      this.every(syncEveryMs, 'look at all pods', async () => this.syncAll()),
      this.every(config.logs.checkEveryMs, 'keep logs', () => keeper.sweep()),
      this.every(config.images.checkEveryMs, 'collect images', () => garbage.sweep()),
    ];
    this.stack.add(async () => {
      this.stopping.abort();
      await Promise.all(background);
    });
    this.stack.add(() => this.queue.stop());
    this.stack.add(() => this.context.prober.stopAll());
    this.stack.add(() => this.pods.stop());
  }

  stop(): Promise<void> {
    return this.stack.stop();
  }

  private offer(pod: Pod): void {
    const { uid } = identityOf(pod);
    const worker = this.workers.get(uid);
    if (worker) worker.update(pod);
    else {
      this.workers.set(uid, new PodWorker(this.context, pod));
      this.weighTiers();
    }
    this.queue.add(uid);
  }

  /** Gives the Burstable pods together the share of the processors that they ask for. */
  private weighTiers(): void {
    const pods = [...this.workers.values()].map(({ object }) => object);
    const shares = pods
      .filter((pod) => !hasEnded(pod) && qosClassOf(pod) === 'Burstable')
      .reduce((sum, pod) => sum + podCpuSharesOf(pod), minCpuShares);
    weighTiers(this.options.instance, shares).catch((error: unknown) =>
      this.deps.log.warn({ reason: messageOf(error) }, 'cannot weigh the tiers of pods'),
    );
  }

  private drop(pod: Pod): void {
    const { uid } = identityOf(pod);
    this.workers.get(uid)?.remove();
    this.queue.add(uid);
  }

  private async handle(uid: string): Promise<void> {
    const worker = this.workers.get(uid);
    try {
      await worker?.sync();
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'UNAVAILABLE') throw error;
      // The engine or the store is away, which is logged where it is noticed: no word for each pod.
      this.queue.addAfter(uid, engineCheckMs / 2);
    }
    if (!worker?.isDone) return;
    this.workers.delete(uid);
    this.weighTiers();
  }

  private onEvent(id: string, topic: string): void {
    // A lost event costs time only: the relist finds what it would have told.
    this.onContainerEvent(id, topic).catch(() => undefined);
  }

  /** An event names a container or a sandbox: its labels tell the pod. */
  private async onContainerEvent(id: string, topic: string): Promise<void> {
    const { cri } = this.context;
    // containerd tells of an end before CRI shows it.
    for (let attempt = 0; attempt < maxLagChecks && !this.stopping.signal.aborted; attempt += 1) {
      const { containers } = await cri.call('ListContainers', { filter: { id } });
      const { items } = containers[0] ? { items: [] } : await cri.call('ListPodSandbox', { filter: { id } });
      const uid = (containers[0] ?? items[0])?.labels[podLabels.uid];
      if (!uid || !this.workers.has(uid)) return;
      const state = containers[0]?.state ?? items[0]?.state;
      const isLagging =
        topic === '/tasks/exit' && (state === 'CONTAINER_RUNNING' || state === 'SANDBOX_READY');
      if (!isLagging) {
        this.queue.add(uid);
        return;
      }
      await sleep(lagCheckMs);
    }
  }

  private syncAll(): void {
    for (const uid of this.workers.keys()) this.queue.add(uid);
  }

  /** Compares what the runtime has with the last look, and looks at the pods that differ. */
  private async relist(): Promise<void> {
    const [{ items }, { containers }] = await Promise.all([
      this.context.cri.call('ListPodSandbox', {}),
      this.context.cri.call('ListContainers', {}),
    ]);
    const states = new Map<string, string>();
    // The runtime lists in no order.
    const all = [...items, ...containers].sort((left, right) => (left.id < right.id ? -1 : 1));
    for (const { id, state, labels } of all) {
      const uid = labels[podLabels.uid] ?? '';
      states.set(uid, `${states.get(uid) ?? ''} ${id}=${state}`);
    }
    for (const uid of this.workers.keys())
      if (states.get(uid) !== this.lastStates.get(uid)) this.queue.add(uid);
    this.lastStates = states;
    await this.removeOrphans(items);
  }

  private knownUids(): ReadonlySet<string> | undefined {
    return this.pods.hasSynced ? new Set(this.workers.keys()) : undefined;
  }

  /** Ends sandboxes of pods that went away while nobody watched. */
  private async removeOrphans(items: readonly PodSandbox[]): Promise<void> {
    const found = items.filter(({ metadata }) => metadata.uid !== '' && !this.workers.has(metadata.uid));
    const seenTwice = found.filter(({ id }) => this.orphans.has(id));
    this.orphans = new Set(found.map(({ id }) => id));
    for (const { metadata } of seenTwice) {
      const { namespace, name, uid } = metadata;
      if (this.workers.has(uid)) continue;
      this.deps.log.info({ pod: `${namespace}/${name}` }, 'ending a pod that the API no longer knows');
      const worker = new PodWorker(this.context, {
        metadata: { namespace, name, uid },
        spec: { containers: [] },
      });
      worker.remove();
      this.workers.set(uid, worker);
      this.queue.add(uid);
    }
  }

  private async every(periodMs: number, what: string, work: () => Promise<void>): Promise<void> {
    const { signal } = this.stopping;
    for (;;) {
      await sleep(periodMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      await work().catch((error: unknown) => {
        this.deps.log.warn({ reason: messageOf(error) }, `cannot ${what}`);
      });
    }
  }
}

/** The cluster's DNS facts with the host's own servers and search path. */
async function readHostDns(cluster: KubeletDeps['dns']): Promise<DnsFacts> {
  const text = await readFile('/etc/resolv.conf', 'utf8').catch(() => '');
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  return {
    ...cluster,
    hostServers: lines
      .filter(([key, server = '']) => key === 'nameserver' && !server.startsWith('127.') && server !== '::1')
      .map(([, server = '']) => server),
    hostSearches: lines.filter(([key]) => key === 'search').flatMap(([, ...searches]) => searches),
  };
}
