import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MqConfig } from '@skyarc/controllers/mq';
import { EtcdClient } from '@skyarc/lib/etcd';
import { EtcdCluster } from '../testkit/etcd-cluster.ts';
import { FaultProxy } from '../testkit/fault-proxy.ts';
import { Part } from '../testkit/kill.ts';
import { assertOwnsPort } from '../testkit/ports.ts';

export interface MqWorldOptions {
  readonly members: 1 | 3;
  /** Of the queue; 2 when absent. At most 3. */
  readonly nodes?: number;
  /** First of 20 ports. */
  readonly basePort: number;
}

const queueModule = fileURLToPath(import.meta.resolve('@skyarc/controllers/mq'));
const quotaBytes = 64 << 20;

/** One node of the queue, with proxies before it and between it and etcd. */
export interface QueueNode {
  part: Part;
  readonly front: FaultProxy;
  /** One for each member of etcd. */
  readonly backs: readonly FaultProxy[];
}

/** Nodes of the queue on an etcd of one or three members; everything can be broken apart. */
export class MqWorld {
  readonly folder: string;
  readonly nodes: QueueNode[] = [];
  readonly cluster: EtcdCluster;
  readonly etcd: EtcdClient;
  private readonly turns = new Map<string, Promise<void>>();

  private constructor(folder: string, cluster: EtcdCluster) {
    this.folder = folder;
    this.cluster = cluster;
    this.etcd = new EtcdClient({ url: cluster.url });
  }

  static async start({ members, nodes = 2, basePort }: MqWorldOptions): Promise<MqWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'skyarc-mq-faults-'));
    const world = new MqWorld(folder, await EtcdCluster.start({ folder, members, basePort, quotaBytes }));
    try {
      for (let node = 0; node < nodes; node += 1)
        world.nodes.push(await world.startNode(basePort + 4 + 2 * node));
    } catch (error) {
      await world.stop();
      throw error;
    }
    return world;
  }

  /** Where clients reach the nodes. */
  get urls(): string[] {
    return this.nodes.map(({ front }) => front.url);
  }

  async killNode(index: number): Promise<void> {
    await this.node(index).part.kill();
  }

  /** Two faults at once may both want it. */
  restartNode(index: number): Promise<void> {
    return this.inTurn(`node ${index}`, async () => {
      const node = this.node(index);
      if (!node.part.isAlive) node.part = await node.part.again();
    });
  }

  restartMember(index: number): Promise<void> {
    return this.inTurn(`member ${index}`, () => this.cluster.restart(index));
  }

  /** Ends all faults and starts whatever is down. */
  async heal(): Promise<void> {
    for (const { front, backs } of this.nodes) for (const proxy of [front, ...backs]) proxy.heal();
    for (const { daemon } of this.cluster.members) await daemon.signal('SIGCONT');
    await Promise.all(this.cluster.members.map((_, index) => this.restartMember(index)));
    for (const [index, { part }] of this.nodes.entries()) {
      if (part.isAlive) part.resume();
      else await this.restartNode(index);
    }
  }

  async stop(): Promise<void> {
    for (const { part, front, backs } of this.nodes) {
      await part.kill();
      await Promise.all([front, ...backs].map((proxy) => proxy.stop()));
    }
    this.etcd.close();
    await this.cluster.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** A node starts only once etcd answers, so each has turns of its own. */
  private inTurn(what: string, act: () => Promise<void>): Promise<void> {
    const turn = (this.turns.get(what) ?? Promise.resolve()).then(act);
    this.turns.set(
      what,
      turn.catch(() => undefined),
    );
    return turn;
  }

  private node(index: number): QueueNode {
    const node = this.nodes[index];
    if (!node) throw new Error(`There is no node ${index}`);
    return node;
  }

  private async startNode(port: number): Promise<QueueNode> {
    const backs = await Promise.all(this.cluster.ports.map((targetPort) => FaultProxy.start({ targetPort })));
    const config: MqConfig = {
      port,
      statusPort: 0,
      etcdUrl: backs.map(({ url }) => url).join(','),
      cleanEveryMs: 200,
      repairEveryMs: 1_000,
      reclaimEveryMs: 500,
    };
    const part = await Part.start({ module: queueModule, config });
    await assertOwnsPort(part.pid, port);
    return { part, front: await FaultProxy.start({ targetPort: port }), backs };
  }
}
