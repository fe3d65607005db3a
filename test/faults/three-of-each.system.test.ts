import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EventlogConfig } from '@skyarc/controllers/eventlog';
import { createEventLogClient } from '@skyarc/lib/eventlog-client';
import { pollUntil, retry, sleep } from '@skyarc/lib/retry';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { check } from '../testkit/checker.ts';
import { Part } from '../testkit/kill.ts';
import { MqLoad } from './mq-load.ts';
import { MqWorld } from './mq-world.ts';

const module = fileURLToPath(import.meta.resolve('@skyarc/controllers/eventlog'));
const logPorts = [21_560, 21_562, 21_564];
const leaseSeconds = 2;
let world: MqWorld;
let logs: Part[];

beforeAll(async () => {
  world = await MqWorld.start({ members: 3, nodes: 3, basePort: 21_540 });
  logs = await Promise.all(
    logPorts.map((port, index) => {
      const config: EventlogConfig = {
        port,
        ingestPort: port + 1,
        statusPort: 0,
        dataDir: join(world.folder, `log-${index}`),
        cluster: { name: `log-${index}`, etcdUrl: world.cluster.url, leaseSeconds, refreshMs: 100 },
      };
      return Part.start({ module, config });
    }),
  );
});
afterAll(async () => {
  for (const part of logs) await part.kill();
  await world.stop();
});

const lineOf = (number: number): string => `line ${number}`;

/** Writes numbered lines, each batch after the one before was acknowledged, to any node that takes it. */
async function writeLines(stream: string, written: Map<string, number>, signal: AbortSignal): Promise<void> {
  const clients = logPorts.map((port) => createEventLogClient(`http://127.0.0.1:${port}`));
  let asked = 0;
  for (let number = 0; !signal.aborted; number += 10) {
    const frames = Array.from({ length: 10 }, (_, index) => ({
      stream,
      line: lineOf(number + index + 1),
      source: 'pod/app',
      level: 'info',
      channel: 'stdout' as const,
      timeMs: Date.now(),
      producer: `p-${stream}`,
      producerSeq: number + index + 1,
    }));
    const append = async () => clients[(asked += 1) % clients.length]?.append(frames);
    await retry(append, { attempts: Number.POSITIVE_INFINITY, maxMs: 200 });
    written.set(stream, number + 10);
    await sleep(5);
  }
  for (const client of clients) client.close();
}

async function linesOf(port: number, stream: string): Promise<string[]> {
  const client = createEventLogClient(`http://127.0.0.1:${port}`);
  const lines: string[] = [];
  for (let more = true, cursor = 0; more;) {
    const page = await client.read({ stream, cursor, limit: 10_000 });
    if (page.missingNodes.length > 0) throw new Error(`${page.missingNodes.join()} is not reached`);
    lines.push(...page.frames.map(({ line }) => line));
    ({ more, cursor } = page);
  }
  client.close();
  return lines;
}

test('one queue, one event log and the leading etcd of three each are killed while work flows: nothing is lost', async () => {
  await world.heal();
  const run = `three-${Date.now()}`;
  const load = new MqLoad({ urls: world.urls, topic: run, random: Math.random, hasSlowConsumer: false });
  const streams = Array.from({ length: 6 }, (_, index) => `app/${run}-${index}`);
  const written = new Map(streams.map((stream) => [stream, 0]));
  const writing = new AbortController();
  const writers = streams.map((stream) => writeLines(stream, written, writing.signal));
  load.start();
  /** Every stream, and the queue, go on. */
  const progress = async (): Promise<void> => {
    const [before, published] = [new Map(written), load.published];
    const isFurther = async () => {
      const areLines = streams.every((stream) => (written.get(stream) ?? 0) > (before.get(stream) ?? 0) + 50);
      return areLines && load.published > published + 20 ? true : undefined;
    };
    await pollUntil(isFurther, { timeoutMs: 60_000, onTimeout: () => new Error('work does not go on') });
  };
  await progress();
  const leader = await world.cluster.leader();
  await Promise.all([world.killNode(1), world.cluster.kill(leader), logs[1]?.kill()]);
  // Longer than its lease, so that the others own its streams.
  await sleep(leaseSeconds * 1_500);
  await progress();
  await world.heal();
  logs[1] = (await logs[1]?.again()) as Part;
  await progress();
  writing.abort();
  await Promise.all(writers);
  expect(await load.drain(60_000)).toBe(true);
  expect(check(load.history.events, { kind: 'queue', groups: ['g'] })).toEqual([]);
  expect(load.published).toBeGreaterThan(60);
  for (const [index, stream] of streams.entries()) {
    const expected = Array.from({ length: written.get(stream) ?? 0 }, (_, at) => lineOf(at + 1));
    const port = logPorts[index % 3] as number;
    const lines = await retry(() => linesOf(port, stream), { attempts: 20, maxMs: 500 });
    // What the killed one had stored without an answer may be there twice (its README), never out of order.
    expect([...new Set(lines)]).toEqual(expected);
  }
});
