import { mkdir } from 'node:fs/promises';
import { messageOf } from '@skyarc/lib/errors';
import { Stack } from '@skyarc/lib/lifecycle';
import { sleep } from '@skyarc/lib/retry';
import { Informer } from '../client/informer.ts';
import { createNodeContext, type NodeContext } from './context.ts';
import { Evictor, type Pressure } from './eviction/index.ts';
import { ImageGarbage } from './garbage.ts';
import { readHostDns } from './host-dns.ts';
import { LogKeeper } from './logs/keeper.ts';
import { NodeKeeper } from './node.ts';
import type { KubeletDeps, KubeletOptions } from './options.ts';
import { specOf, type Pod } from './pod.ts';
import { PodSet } from './pod-set.ts';
import type { DnsFacts } from './render/sandbox.ts';
import { RuntimeWatch } from './runtime-watch.ts';
import { DiskMeter } from './usage/disk.ts';

/** How soon a container engine that has died is started again. */
const engineCheckMs = 3_000;
/** Every pod is looked at this often, whether something is known to have changed or not. */
const syncEveryMs = 60_000;

/** Wires the parts of a kubelet and keeps them going. */
export class NodeAgent {
  private readonly deps: KubeletDeps;
  private readonly home: string;
  private readonly context: NodeContext;
  private readonly pods: PodSet;
  private readonly informer: Informer<'pods'>;
  private readonly node: NodeKeeper;
  private readonly evictor: Evictor;
  private readonly garbage: ImageGarbage;
  private readonly stack = new Stack();
  private readonly stopping = new AbortController();

  static async create(options: KubeletOptions, deps: KubeletDeps): Promise<NodeAgent> {
    return new NodeAgent(options, deps, await readHostDns(deps.dns));
  }

  private constructor(options: KubeletOptions, deps: KubeletDeps, dns: DnsFacts) {
    const { config, podCidr } = options;
    const { client, engine, log } = deps;
    const { cri, root: imageRoot } = engine;
    this.deps = deps;
    this.home = options.home;
    this.context = createNodeContext(options, deps, dns, this.stopping.signal);
    const { node: facts } = this.context;
    this.pods = new PodSet(this.context, (pod) => this.evictor.refusalOf(pod));
    this.informer = new Informer(client, 'pods', { log, fieldSelector: `spec.nodeName=${facts.name}` });
    const namedImages = () => this.pods.objects.flatMap(imagesOf);
    this.garbage = new ImageGarbage({ log, cri, config: config.images, imageRoot, namedImages });
    this.evictor = this.createEvictor(options);
    const hasPressure = (pressure: Pressure) => this.evictor.has(pressure);
    this.node = new NodeKeeper({ client, config, podCidr, facts, cri, imageRoot, hasPressure });
  }

  get nodeName(): string {
    return this.context.node.name;
  }

  async start(): Promise<void> {
    await mkdir(this.home, { recursive: true });
    await this.node.register();
    this.informer.on({
      add: (pod) => this.pods.offer(pod),
      update: (pod) => this.pods.offer(pod),
      delete: (pod) => this.pods.drop(pod),
    });
    await this.informer.start();
    this.pods.start();
    const background = this.keepGoing();
    this.stack.add(async () => {
      this.stopping.abort();
      await Promise.all(background);
    });
    this.stack.add(() => this.pods.stop());
    this.stack.add(() => this.context.prober.stopAll());
    this.stack.add(() => this.informer.stop());
  }

  stop(): Promise<void> {
    return this.stack.stop();
  }

  private createEvictor({ config, home }: KubeletOptions): Evictor {
    const { client, engine, log, meter } = this.deps;
    const pods = () => this.pods.objects;
    const disk = new DiskMeter({
      log,
      client,
      pods,
      cri: engine.cri,
      podLogRoot: config.podLogRoot,
      everyMs: config.usage.diskEveryMs,
      podFolder: (pod) => this.context.podFolder(pod),
    });
    meter.readDiskFrom(() => disk.usages);
    return new Evictor({
      disk,
      log,
      pods,
      usage: meter,
      config: config.eviction,
      folders: [engine.root, home],
      evict: (pod, message) => this.pods.evict(pod, message),
      freeDisk: () => this.garbage.sweep(),
      onPressureChange: () => this.node.writeStatus(),
    });
  }

  /** Everything that is done again and again until the agent stops. */
  private keepGoing(): Promise<void>[] {
    const { config, log, signal } = this.context;
    const { daemon, cri } = this.deps.engine;
    const watch = new RuntimeWatch({
      cri,
      signal,
      podUids: () => this.pods.uids,
      isKnown: (uid) => this.pods.has(uid),
      onChange: (uid) => this.pods.look(uid),
      onOrphan: (pod) => this.pods.bury(pod),
    });
    const podUids = () => (this.informer.hasSynced ? new Set(this.pods.uids) : undefined);
    const keeper = new LogKeeper({ config, cri, log, podUids });
    const onGap = () => this.pods.lookAtAll();
    return [
      cri.followEvents((id, topic) => watch.onEvent(id, topic), { signal, onGap, log }),
      this.every(engineCheckMs, 'keep containerd running', async () => void (await daemon.ensure(signal))),
      this.every(config.leaseEveryMs, 'renew lease', () => this.node.renewLease()),
      this.every(config.leaseEveryMs * 3, 'write node status', () => this.node.writeStatus()),
      this.every(config.relistEveryMs, 'relist', () => watch.relist()),
      this.every(syncEveryMs, 'look at all pods', async () => this.pods.lookAtAll()),
      this.every(config.logs.checkEveryMs, 'keep logs', () => keeper.sweep()),
      this.every(config.images.checkEveryMs, 'collect images', () => this.garbage.sweep()),
      this.every(config.usage.diskEveryMs, 'measure the disk', () => this.evictor.checkLimits()),
      this.every(config.eviction.checkEveryMs, 'look at the node', () => this.evictor.checkNode()),
    ];
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

function imagesOf(pod: Pod): string[] {
  const { containers, initContainers = [], ephemeralContainers = [] } = specOf(pod);
  return [...initContainers, ...containers, ...ephemeralContainers].map(({ image = '' }) => image);
}
