import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChaosConfig, purge } from '@skyarc/controllers/chaos';
import { start as startEventLog } from '@skyarc/controllers/eventlog';
import { start as startMq } from '@skyarc/controllers/mq';
import { type BuiltSource, newId, streamOf } from '@skyarc/lib/contracts';
import { startEtcd } from '@skyarc/lib/etcd';
import { createEventLogClient, type EventLogClient } from '@skyarc/lib/eventlog-client';
import { Stack } from '@skyarc/lib/lifecycle';
import { createMqClient, type MqClient } from '@skyarc/lib/mq-client';
import { startTestRegistry } from '@skyarc/lib/oci/testing';
import type { Daemon } from '@skyarc/lib/process';
import { pollUntil } from '@skyarc/lib/retry';
import {
  type AppRecord,
  createOperation,
  type DataCenterDatabase,
  type OperationRecord,
  openDataCenterDatabase,
  relayOutbox,
} from '@skyarc/prisma/datacenter';

export interface NodeOptions {
  readonly config: ChaosConfig;
  readonly databaseFile: string;
  readonly mqUrl: string;
  readonly eventLogUrl: string;
}

/** One builder's process. */
export interface BuildNode {
  readonly name: string;
  readonly config: ChaosConfig;
  /** As a power cut would. */
  kill(): Promise<void>;
  /** As an upgrade would. */
  stop(): Promise<void>;
}

type AppChange = Partial<Omit<AppRecord, 'id' | 'teamName' | 'source'>>;

/** Queue, event log, registry and database of a data centre, and builders as processes that may be killed. */
export class BuildNodes {
  readonly folder: string;
  readonly instance: string;
  registryUrl!: string;
  registry!: Daemon;
  db!: DataCenterDatabase;
  mq!: MqClient;
  eventLog!: EventLogClient;
  private urls!: { readonly mqUrl: string; readonly eventLogUrl: string };
  private readonly stack = new Stack();
  private readonly nodes = new Map<string, BuildNode>();

  private constructor(folder: string, instance: string) {
    this.folder = folder;
    this.instance = instance;
  }

  /** `instance` names what is made on the host; the port and the two after it are used. */
  static async open(instance: string, port: number): Promise<BuildNodes> {
    const world = new BuildNodes(await mkdtemp(join(tmpdir(), 'skyarc-nodes-')), instance);
    try {
      await world.begin(port);
      return world;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  /** Ends all builders first, by force, and removes what they left on the host. */
  async close(): Promise<void> {
    for (const node of this.nodes.values()) {
      await node.kill();
      await purge(node.config);
    }
    await this.stack.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Starts a builder, or one of that name again, with what it keeps on its disk. */
  async start(name: string, change: Partial<ChaosConfig> = {}): Promise<BuildNode> {
    const config: ChaosConfig = {
      instance: this.instance,
      node: name,
      dataDir: join(this.folder, name),
      layersDir: '/var/tmp/skyarc-test/layers',
      registryUrl: this.registryUrl,
      statusPort: 0,
      ...change,
    };
    const options: NodeOptions = { config, databaseFile: this.databaseFile, ...this.urls };
    const child = fork(join(import.meta.dirname, 'build-node-process.ts'), [JSON.stringify(options)]);
    const url = await addressOf(child);
    const node: BuildNode = { name, config, kill: () => end(child, 'SIGKILL'), stop: () => end(child) };
    this.nodes.set(name, node);
    await pollUntil(async () => (await fetch(`${url}/healthz`)).ok || undefined, {
      timeoutMs: 120_000,
      onTimeout: () => new Error(`Builder ${name} does not get ready`),
    });
    return node;
  }

  /** The one of that name that was started last. */
  node(name: string): BuildNode {
    return this.nodes.get(name) as BuildNode;
  }

  async newApp(source: BuiltSource, team = 'blue', change: AppChange = {}): Promise<AppRecord> {
    const keys = { sshPublicKey: '', sshPrivateKey: '' };
    const create = { name: team, namespace: `skyarc-${team}`, ...keys };
    await this.db.team.upsert({ where: { name: team }, create, update: {} });
    const id = newId('local', 'app');
    const name = `app-${id.slice(-8)}`;
    const data = {
      id,
      name,
      displayName: name,
      teamName: team,
      groupId: 'g',
      source: JSON.stringify(source),
    };
    return this.db.app.create({ data: { ...data, ...change } });
  }

  /** Begins a deploy, as the API does. */
  async deploy(app: Pick<AppRecord, 'id'>, options: { noCache?: boolean } = {}): Promise<OperationRecord> {
    const wanted = { app, kind: 'DEPLOY', actor: 'test', arguments: options } as const;
    const operation = await createOperation(this.db, wanted);
    await this.relay();
    return operation;
  }

  async relay(): Promise<void> {
    while ((await relayOutbox(this.db, (task) => this.mq.publish(task))) > 0);
  }

  /** The build when it is final. */
  async ended({ buildId }: OperationRecord) {
    return pollUntil(
      async () => {
        const build = await this.buildOf(buildId);
        return ['QUEUED', 'RUNNING'].includes(build.status) ? undefined : build;
      },
      { timeoutMs: 120_000, onTimeout: () => new Error(`Build ${buildId} does not end`) },
    );
  }

  buildOf(id: string | null) {
    return this.db.build.findUniqueOrThrow({ where: { id: id ?? '' }, include: { version: true } });
  }

  async logOf({ buildId }: OperationRecord): Promise<string> {
    const { frames } = await this.eventLog.read({ stream: streamOf.build(buildId ?? ''), limit: 5_000 });
    return frames.map(({ line }) => line).join('\n');
  }

  /** Waits until the build's log has it. */
  async says(operation: OperationRecord, text: string | RegExp): Promise<void> {
    await pollUntil(
      async () => {
        const log = await this.logOf(operation);
        return (typeof text === 'string' ? log.includes(text) : text.test(log)) || undefined;
      },
      { timeoutMs: 120_000, onTimeout: () => new Error(`The build does not say ${String(text)}`) },
    );
  }

  private get databaseFile(): string {
    return join(this.folder, 'datacenter.db');
  }

  private async begin(port: number): Promise<void> {
    const { folder, stack } = this;
    const etcd = await startEtcd({
      name: this.instance,
      dataDir: join(folder, 'etcd'),
      runDir: folder,
      clientPort: port,
      peerPort: port + 1,
    });
    stack.add(() => etcd.stop());
    this.registryUrl = `http://127.0.0.1:${port + 2}`;
    const [queue, events, db, registry] = await Promise.all([
      startMq({ port: 0, statusPort: 0, etcdUrl: etcd.url }),
      startEventLog({ port: 0, ingestPort: 0, statusPort: 0, dataDir: join(folder, 'eventlog') }),
      openDataCenterDatabase({ file: this.databaseFile }),
      startTestRegistry({ folder: join(folder, 'registry'), port: port + 2 }),
    ]);
    for (const service of [queue, events]) stack.add(() => service.stop());
    stack.add(() => db.$disconnect());
    stack.add(() => registry.stop());
    this.registry = registry;
    this.db = db;
    this.urls = { mqUrl: queue.url, eventLogUrl: events.url };
    this.mq = stack.use(createMqClient(queue.url), (one) => one.close());
    this.eventLog = stack.use(createEventLogClient(events.url), (one) => one.close());
    // Git servers of tests are on loopback.
    await db.setting.create({ data: { name: 'allowPrivateSources', value: 'true' } });
  }
}

/** Of its status server, once it serves. */
function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('message', (url) => resolve(url as string));
    child.once('exit', (code) => reject(new Error(`The builder ended with ${code} at its start`)));
  });
}

async function end(child: ChildProcess, signal?: 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  if (signal) child.kill(signal);
  else child.send('stop');
  await ended;
}
