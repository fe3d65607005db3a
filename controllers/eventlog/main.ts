import { parseConfig } from '@skyarc/lib/config';
import { type RunningService, Stack } from '@skyarc/lib/lifecycle';
import { createLogger } from '@skyarc/lib/log';
import { messageOf } from '@skyarc/lib/errors';
import { sleep } from '@skyarc/lib/retry';
import { startRpcServer } from '@skyarc/lib/rpc';
import { createRegistry, startStatusServer } from '@skyarc/lib/status';
import { Counter, Gauge } from 'prom-client';
import { type EventlogConfig, eventlogConfigSchema } from './config.ts';
import { Followers } from './followers.ts';
import { startIngest } from './ingest.ts';
import { routesOf } from './service.ts';
import { LogStore } from './store/log-store.ts';
import { enforceRetention } from './store/retention.ts';

export { type EventlogConfig, eventlogConfigSchema } from './config.ts';

export interface RunningEventlog extends RunningService {
  /** `tcp://host:port` for collectors. */
  readonly ingestUrl: string;
  readonly statusUrl: string;
}

/** The event log of a data centre: stores lines of streams, answers reads and followers. */
export async function start(input: EventlogConfig): Promise<RunningEventlog> {
  const config = parseConfig('eventlog', eventlogConfigSchema, input);
  const log = createLogger('eventlog');
  const stack = new Stack();
  const registry = createRegistry('eventlog');
  const registers = [registry];
  const framesTotal = new Counter({
    name: 'skyarc_eventlog_frames_total',
    help: 'Frames stored.',
    registers,
  });
  const storedBytes = new Gauge({
    name: 'skyarc_eventlog_bytes',
    help: 'Bytes on disk at the last check.',
    registers,
  });
  const pendingBytes = new Gauge({
    name: 'skyarc_eventlog_pending_bytes',
    help: 'Memory of frames that wait for the disk.',
    registers,
  });
  const followersNow = new Gauge({ name: 'skyarc_eventlog_followers', help: 'Live readers.', registers });
  const followers = new Followers(config.followerBytes, (count) => followersNow.set(count));
  try {
    const store = stack.use(
      await LogStore.open({
        ...config,
        onStored: (stream, frames) => {
          framesTotal.inc(frames.length);
          followers.publish(stream, frames);
        },
        onPending: (bytes) => pendingBytes.set(bytes),
      }),
      (opened) => opened.close(),
    );
    const stopping = new AbortController();
    const retaining = retainForever();
    stack.add(async () => {
      stopping.abort();
      await retaining;
    });
    const { host } = config;
    const status = stack.use(
      await startStatusServer({ host, port: config.statusPort, registry, health: () => store.problem }),
      (server) => server.stop(),
    );
    const ingest = stack.use(await startIngest(host, config.ingestPort, store), (server) => server.stop());
    const routes = routesOf(store, followers);
    const rpc = stack.use(await startRpcServer({ host, port: config.port, routes }), (server) =>
      server.stop(),
    );
    return { url: rpc.url, ingestUrl: ingest.url, statusUrl: status.url, stop: () => stack.stop() };

    async function retainForever(): Promise<void> {
      while (!stopping.signal.aborted) {
        try {
          storedBytes.set(await enforceRetention(store, config.dataDir, config.retention));
        } catch (error) {
          log.error({ reason: messageOf(error) }, 'retention failed');
        }
        await sleep(config.retention.everyMs, stopping.signal).catch(() => undefined);
      }
    }
  } catch (error) {
    await stack.stop();
    throw error;
  }
}
