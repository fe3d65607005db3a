import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MqConfig } from '@skyarc/controllers/mq';
import { EtcdClient, type EtcdConfig, type RunningEtcd, startEtcd } from '@skyarc/lib/etcd';
import { retry } from '@skyarc/lib/retry';
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
  readonly members: RunningEtcd[] = [];
  readonly etcd: EtcdClient;
  private readonly configs: readonly EtcdConfig[];
  private readonly turns = new Map<string, Promise<void>>();

  private constructor(folder: string, configs: readonly EtcdConfig[]) {
    this.folder = folder;
    this.configs = configs;
    this.etcd = new EtcdClient({ url: this.etcdUrl });
  }

  static async start({ members, nodes = 2, basePort }: MqWorldOptions): Promise<MqWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'skyarc-mq-faults-'));
    const names = Array.from({ length: members }, (_, index) => `faults-${basePort}-${index}`);
    const initialCluster = names
      .map((name, index) => `${name}=http://127.0.0.1:${basePort + 10 + index}`)
      .join(',');
    const configs = names.map((name, index) => ({
      name,
      dataDir: join(folder, name),
      runDir: folder,
      clientPort: basePort + index,
      peerPort: basePort + 10 + index,
      initialCluster,
      quotaBytes,
    }));
    const world = new MqWorld(folder, configs);
    try {
      world.members.push(...(await Promise.all(configs.map((config) => startEtcd(config)))));
      for (let node = 0; node < nodes; node += 1)
        world.nodes.push(await world.startNode(basePort + 4 + 2 * node));
    } catch (error) {
      await world.stop();
      throw error;
    }
    return world;
  }

  /** Of all members, as clients of etcd want them. */
  get etcdUrl(): string {
    return this.configs.map(clientUrlOf).join(',');
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

  async killMember(index: number): Promise<void> {
    await this.members[index]?.daemon.signal('SIGKILL');
  }

  restartMember(index: number): Promise<void> {
    return this.inTurn(`member ${index}`, async () => {
      const config = this.configs[index];
      // The ports of one that was just killed may be taken for a moment.
      if (config) this.members[index] = await retry(() => startEtcd(config), { attempts: 8 });
    });
  }

  /** The member that leads, by what each says of itself; 0 when none does. */
  async leader(): Promise<number> {
    const states = await Promise.all(
      this.configs
        .map(async (config) => {
          const answer = await fetch(`${clientUrlOf(config)}/metrics`, { signal: AbortSignal.timeout(500) });
          return /^etcd_server_is_leader 1$/m.test(await answer.text());
        })
        .map((state) => state.catch(() => false)),
    );
    return Math.max(0, states.indexOf(true));
  }

  /** Ends all faults and starts whatever is down. */
  async heal(): Promise<void> {
    for (const { front, backs } of this.nodes) for (const proxy of [front, ...backs]) proxy.heal();
    for (const { daemon } of this.members) await daemon.signal('SIGCONT');
    await Promise.all(this.members.map((_, index) => this.restartMember(index)));
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
    for (const { daemon } of this.members) {
      await daemon.signal('SIGKILL');
      await daemon.stop();
    }
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
    const backs = await Promise.all(
      this.configs.map(({ clientPort }) => FaultProxy.start({ targetPort: clientPort })),
    );
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

function clientUrlOf({ clientPort }: EtcdConfig): string {
  return `http://127.0.0.1:${clientPort}`;
}
