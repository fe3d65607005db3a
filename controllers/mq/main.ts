import { parseConfig } from '@skyarc/lib/config';
import { messageOf } from '@skyarc/lib/errors';
import { EtcdClient } from '@skyarc/lib/etcd';
import { type RunningService, Stack } from '@skyarc/lib/lifecycle';
import { createLogger } from '@skyarc/lib/log';
import { sleep } from '@skyarc/lib/retry';
import { startRpcServer } from '@skyarc/lib/rpc';
import { createRegistry, startStatusServer } from '@skyarc/lib/status';
import { Access } from './access.ts';
import { clean, forgetIds } from './clean.ts';
import { type MqConfig, mqConfigSchema } from './config.ts';
import { DeadLetters } from './dead-letters.ts';
import { createCounters, createGauges } from './metrics.ts';
import { Presence } from './presence.ts';
import { Queue } from './queue.ts';
import { directCallsOf, routesOf } from './service.ts';
import { QueueCache } from './store/cache.ts';
import { Keys } from './store/records.ts';

export { type MqConfig, mqConfigSchema } from './config.ts';

export interface RunningMq extends RunningService {
  readonly statusUrl: string;
}

const tellEveryMs = 500;

/** A node of the message queue; any number of them may share one etcd. Serves once its records are read. */
export async function start(input: MqConfig): Promise<RunningMq> {
  const config = parseConfig('mq', mqConfigSchema, input);
  const log = createLogger('mq');
  const stack = new Stack();
  const stopping = new AbortController();
  const registry = createRegistry('mq');
  try {
    const etcd = stack.use(new EtcdClient({ url: config.etcdUrl }), (client) => client.close());
    const cache = new QueueCache(etcd, new Keys(config.prefix));
    const reading = cache.run(stopping.signal);
    stack.add(async () => {
      stopping.abort();
      await reading.done;
    });
    const { host } = config;
    const health = async (): Promise<string | undefined> => {
      await etcd.revision();
      return cache.problem;
    };
    const status = stack.use(
      await startStatusServer({ host, port: config.statusPort, registry, health }),
      (server) => server.stop(),
    );
    await reading.ready;
    const counters = createCounters(registry);
    const queue = stack.use(new Queue({ etcd, cache, config, counters }), (running) => running.stop());
    createGauges(registry, cache, queue);
    const presence = stack.use(
      new Presence({ etcd, prefix: `${config.prefix}.nodes/`, counts: () => queue.consumers() }),
      (told) => told.stop(),
    );
    const repeating = [
      repeat(tellEveryMs, 'telling of consumers', () => presence.tell()),
      repeat(config.cleanEveryMs, 'clean-up', () => clean({ etcd, cache, config })),
      repeat(config.reclaimEveryMs, 'making room in etcd', () => reclaimIfFull(etcd)),
      repeat(config.repairEveryMs, 'repair', () => cache.repair(stopping.signal)),
      repeat(config.repairEveryMs, 'clean-up of ids', () => forgetIds({ etcd, cache, config })),
    ];
    stack.add(async () => {
      stopping.abort();
      await Promise.all(repeating);
    });
    const deadLetters = new DeadLetters({
      etcd,
      cache,
      duplicateWindowMs: config.duplicateWindowMs,
      publish: (topic, message) => queue.publish(topic, message),
    });
    const access = new Access(config.access);
    const routes = routesOf({ queue, access, cache, etcd, config, deadLetters, presence });
    const direct = directCallsOf({ queue, access });
    const rpc = stack.use(
      await startRpcServer({ host, port: config.port, routes, direct, tls: config.tls }),
      (server) => server.stop(),
    );
    return { url: rpc.url, statusUrl: status.url, stop: () => stack.stop() };
  } catch (error) {
    await stack.stop();
    throw error;
  }

  async function repeat(everyMs: number, what: string, run: () => Promise<unknown>): Promise<void> {
    for (;;) {
      await sleep(everyMs, stopping.signal).catch(() => undefined);
      if (stopping.signal.aborted) return;
      await run().catch((error: unknown) => {
        if (!stopping.signal.aborted) log.warn({ reason: messageOf(error) }, `${what} failed`);
      });
    }
  }
}

/** A store that refused one write for want of space refuses all of them until somebody sees to it. */
async function reclaimIfFull(etcd: EtcdClient): Promise<void> {
  if (await etcd.isFull()) await etcd.reclaimSpace();
}
