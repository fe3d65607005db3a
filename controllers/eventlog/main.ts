import { parseConfig } from '@skyarc/lib/config';
import { messageOf } from '@skyarc/lib/errors';
import { type RunningService, Stack } from '@skyarc/lib/lifecycle';
import { createLogger } from '@skyarc/lib/log';
import { sleep } from '@skyarc/lib/retry';
import { startRpcServer } from '@skyarc/lib/rpc';
import type { SecretBox } from '@skyarc/lib/secretbox';
import { startStatusServer } from '@skyarc/lib/status';
import type { DataCenterDatabase } from '@skyarc/prisma/datacenter';
import { Cluster } from './cluster/cluster.ts';
import { Members } from './cluster/members.ts';
import { type EventlogConfig, eventlogConfigSchema } from './config.ts';
import type { EventLog } from './event-log.ts';
import { Followers } from './followers.ts';
import { startIngest } from './ingest.ts';
import { LocalLog } from './local-log.ts';
import { createMetrics } from './metrics.ts';
import { Forwarder } from './outputs/forwarder.ts';
import { routesOf } from './service.ts';
import { startSockets } from './sockets.ts';
import { LogStore } from './store/log-store.ts';
import { enforceRetention } from './store/retention.ts';

export { type EventlogConfig, eventlogConfigSchema } from './config.ts';

type Config = ReturnType<typeof eventlogConfigSchema.parse>;

/** What outputs are kept in; without it no lines are sent on. */
export interface EventlogDeps {
  readonly db: DataCenterDatabase;
  readonly secretBox: SecretBox;
}

export interface RunningEventlog extends RunningService {
  /** `tcp://host:port` for collectors. */
  readonly ingestUrl: string;
  /** `ws://host:port` for followers with a grant; null when not served. */
  readonly socketUrl: string | null;
  readonly statusUrl: string;
}

/** The event log of a data centre, or one of its nodes: stores lines of streams, answers reads and followers. */
export async function start(input: EventlogConfig, deps?: EventlogDeps): Promise<RunningEventlog> {
  const config = parseConfig('eventlog', eventlogConfigSchema, input);
  const stack = new Stack();
  try {
    return await startIn(stack, config, deps);
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

async function startIn(stack: Stack, config: Config, deps?: EventlogDeps): Promise<RunningEventlog> {
  const { host } = config;
  const metrics = createMetrics();
  const followers = new Followers(config.followerBytes, (count) => metrics.followers.set(count));
  const retention = new Retention(config, metrics);
  const store = stack.use(
    await LogStore.open({
      ...config,
      onStored: (stream, blocks) => {
        for (const block of blocks) metrics.linesTotal.inc(block.count);
        followers.publish(stream, blocks);
      },
      onPending: (bytes) => metrics.pendingBytes.set(bytes),
      makeRoom: () => retention.makeRoom(),
    }),
    (opened) => opened.close(),
  );
  retention.begin(store);
  stack.add(() => retention.stop());
  const local = new LocalLog(store, followers);
  const members = config.cluster ? await openMembers(stack, config.cluster, () => cluster) : null;
  // Until it has joined, a node of a cluster takes nothing.
  const cluster: Cluster | null =
    members && config.cluster
      ? stack.use(new Cluster(config.cluster.name, local, members), (open) => open.close())
      : null;
  const eventLog: EventLog = cluster ?? local;
  const health = (): string | undefined => store.problem ?? retention.problem;
  const { registry } = metrics;
  const status = stack.use(
    await startStatusServer({ host, port: config.statusPort, registry, health }),
    (server) => server.stop(),
  );
  const rpc = stack.use(
    await startRpcServer({
      host,
      port: config.port,
      routes: routesOf({ log: eventLog, local, cluster }),
      readMaxBytes: 8 << 20,
    }),
    (server) => server.stop(),
  );
  if (members && cluster) {
    await members.start(config.cluster?.url ?? rpc.url);
    stack.add(() => members.stop());
    await cluster.catchUp();
  }
  const ingest = stack.use(await startIngest(host, config.ingestPort, eventLog), (server) => server.stop());
  const sockets = config.grantKey
    ? stack.use(
        await startSockets({ host, port: config.socketPort, grantKey: config.grantKey, log: eventLog }),
        (server) => server.stop(),
      )
    : null;
  if (deps) {
    // The database's client takes 20 MB; without outputs there is none.
    const { OutputSource } = await import('./outputs/source.ts');
    const source = new OutputSource(deps.db, deps.secretBox);
    const owns = (stream: string): boolean => cluster?.owns(stream) ?? true;
    const forwarder = new Forwarder({ source, log: eventLog, owns, everyMs: config.outputsEveryMs });
    stack.use(forwarder, (running) => running.stop()).start();
  }
  return {
    url: rpc.url,
    ingestUrl: ingest.url,
    socketUrl: sockets?.url ?? null,
    statusUrl: status.url,
    stop: () => stack.stop(),
  };
}

async function openMembers(
  stack: Stack,
  config: NonNullable<Config['cluster']>,
  cluster: () => Cluster | null,
): Promise<Members> {
  // 20 MB of memory that an event log alone does not need.
  const { EtcdClient } = await import('@skyarc/lib/etcd');
  const etcd = stack.use(new EtcdClient({ url: config.etcdUrl }), (client) => client.close());
  const [onFenced, onView] = [() => cluster()?.fence(), () => cluster()?.endMoved()];
  return new Members({ ...config, etcd, onFenced, onView });
}

const log = createLogger('eventlog');

/** Drops what is too old or too much, once a minute and whenever the disk is full. */
class Retention {
  private readonly config: Config;
  private readonly metrics: ReturnType<typeof createMetrics>;
  private readonly stopping = new AbortController();
  private store: LogStore | undefined;
  private running: Promise<void> | undefined;
  private enforcing: Promise<boolean> | undefined;
  /** Set while lines had to go before their time. */
  problem: string | undefined;

  constructor(config: Config, metrics: ReturnType<typeof createMetrics>) {
    this.config = config;
    this.metrics = metrics;
  }

  begin(store: LogStore): void {
    this.store = store;
    this.running = this.keep(store);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
    await this.enforcing;
  }

  /** Frees a part of a full disk; false when nothing could be dropped. */
  makeRoom(): Promise<boolean> {
    // At least this much, also where the setting asks for nothing: else every batch would come back here.
    const minFreeBytes = Math.max(this.config.retention.minFreeBytes, 2 * this.config.journalBytes);
    return (this.enforcing ??= this.enforce(minFreeBytes).finally(() => (this.enforcing = undefined)));
  }

  private async keep(store: LogStore): Promise<void> {
    const { retention } = this.config;
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await (this.enforcing ??= this.enforce(retention.minFreeBytes).finally(
        () => (this.enforcing = undefined),
      ));
      await store.checkpointWhenDue().catch(() => undefined);
      await sleep(retention.everyMs, signal).catch(() => undefined);
    }
  }

  private async enforce(minFreeBytes: number): Promise<boolean> {
    if (!this.store) return false;
    try {
      const limits = { ...this.config.retention, minFreeBytes };
      const { bytes, shortenedBytes } = await enforceRetention(this.store, this.config.dataDir, limits);
      this.metrics.storedBytes.set(bytes);
      this.metrics.shortenedBytesTotal.inc(shortenedBytes);
      this.problem =
        shortenedBytes > 0 ? 'the disk is full: the oldest lines were dropped before their time' : undefined;
      if (shortenedBytes > 0)
        log.warn({ bytes: shortenedBytes }, 'the disk is full; dropped the oldest lines');
      return shortenedBytes > 0;
    } catch (error) {
      log.error({ reason: messageOf(error) }, 'retention failed');
      return false;
    }
  }
}
