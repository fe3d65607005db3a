/**
 * Kills the event log at random while lines are written and followed:
 * `node test/faults/eventlog.ts [--kills 200] [--seed 1]`. Ends with 1 when a line was lost after its
 * acknowledgement, or a reader that went on at its cursor saw a gap or a repeat.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createEventLogClient, createIngestClient } from '@skyarc/lib/eventlog-client';
import { pollUntil, retry, sleep } from '@skyarc/lib/retry';
import { GrantSigner, makeGrantKeys } from '@skyarc/lib/signed-grant';
import { WebSocket } from 'ws';
import { check } from '../testkit/checker.ts';
import { HistoryRecorder } from '../testkit/history.ts';
import { Part } from '../testkit/kill.ts';
import { assertOwnsPort } from '../testkit/ports.ts';
import { randomOf } from '../testkit/random.ts';

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
});
const kills = Number(values.kills);
const random = randomOf(Number(values.seed));
const ports = { rpc: 21_670, ingest: 21_671, socket: 21_672 };
const keys = makeGrantKeys();
const folder = await mkdtemp(join(tmpdir(), 'skyarc-faults-eventlog-'));
const history = new HistoryRecorder();
const stopping = new AbortController();
const { signal } = stopping;
const streams = Array.from({ length: 6 }, (_, number) => `app/s${number}`);
const idOf = (stream: string, number: number): string => `${stream}#${number}`;

/** A collector: the next batch only when this one is acknowledged. */
async function write(stream: string): Promise<void> {
  const client = createIngestClient(`tcp://127.0.0.1:${ports.ingest}`);
  for (let number = 0; !signal.aborted;) {
    const batch = Array.from({ length: 1 + Math.floor(random() * 20) }, () => (number += 1));
    for (const one of batch) history.add({ type: 'publish-invoked', id: idOf(stream, one), key: stream });
    const frames = batch.map((one) => ({
      stream,
      line: idOf(stream, one),
      source: 'pod/app',
      level: 'info',
      channel: 'stdout' as const,
      timeMs: Date.now(),
      producer: `p-${stream}`,
      producerSeq: one,
    }));
    await retry(() => client.append(frames), { attempts: Number.POSITIVE_INFINITY, maxMs: 200 });
    for (const one of batch) history.add({ type: 'publish-acked', id: idOf(stream, one) });
    await sleep(2 + random() * 10);
  }
  client.close();
}

const streamNumber = (id: string): number => streams.indexOf(id.split('#')[0] ?? '');
let deliveries = 0;
/** The checker knows one line of sequences, so each stream gets its own part of it. */
function deliver(group: string, id: string, sequence: number): void {
  history.add({
    type: 'delivered',
    id,
    group,
    deliveryId: String((deliveries += 1)),
    sequence: streamNumber(id) * 1e9 + sequence,
  });
}

async function followByRpc(stream: string): Promise<void> {
  const client = createEventLogClient(`http://127.0.0.1:${ports.rpc}`);
  for await (const { frames, gap } of client.follow({ stream, cursor: 0, signal: readers.signal })) {
    if (gap) throw new Error(`a gap in ${stream}`);
    for (const { line, sequence } of frames) deliver('rpc', line, sequence);
  }
  client.close();
}

async function followBySocket(stream: string): Promise<void> {
  const claims = { use: 'log-stream', stream, expiresAt: Date.now() + 86_400_000 } as const;
  const grant = new GrantSigner(keys.privateKey).sign(claims);
  for (let cursor = 0; !readers.signal.aborted;) {
    const socket = new WebSocket(`ws://127.0.0.1:${ports.socket}/follow?grant=${grant}&cursor=${cursor}`);
    const end = (): void => socket.terminate();
    readers.signal.addEventListener('abort', end);
    socket
      .on('error', () => undefined)
      .on('message', (data: Buffer) => {
        const message = JSON.parse(data.toString()) as {
          cursor: number;
          frames?: { line: string; sequence: number }[];
        };
        for (const { line, sequence } of message.frames ?? []) deliver('socket', line, sequence);
        ({ cursor } = message);
      });
    await new Promise<void>((resolve) => socket.once('close', () => resolve()));
    readers.signal.removeEventListener('abort', end);
    await sleep(20);
  }
}

const readers = new AbortController();
const config = {
  port: ports.rpc,
  ingestPort: ports.ingest,
  socketPort: ports.socket,
  statusPort: 0,
  grantKey: keys.publicKey,
  dataDir: join(folder, 'data'),
  segmentBytes: 50_000,
  journalBytes: 100_000,
};
const module = fileURLToPath(import.meta.resolve('@skyarc/controllers/eventlog'));
let part = await Part.start({ module, config });
await assertOwnsPort(part.pid, ports.rpc);
try {
  const writing = streams.map(write);
  const reading = streams.flatMap((stream) => [followByRpc(stream), followBySocket(stream)]);
  for (let kill = 1; kill <= kills; kill += 1) {
    await sleep(20 + random() * 400);
    await part.kill();
    part = await part.again();
    if (kill % 20 === 0) console.log(`${kill} kills, ${deliveries} lines delivered`);
  }
  stopping.abort();
  await Promise.all(writing);
  const acked = history.events.filter(({ type }) => type === 'publish-acked').length;
  const allDelivered = async () => (deliveries >= 2 * acked ? true : undefined);
  await pollUntil(allDelivered, { timeoutMs: 60_000, onTimeout: () => new Error('readers miss lines') });
  readers.abort();
  await Promise.all(reading);
  const client = createEventLogClient(`http://127.0.0.1:${ports.rpc}`);
  for (const stream of streams) {
    for (let more = true, cursor = 0; more;) {
      const page = await client.read({ stream, cursor, limit: 10_000 });
      for (const { line, sequence } of page.frames) deliver('history', line, sequence);
      ({ cursor, more } = page);
    }
  }
  client.close();
  const violations = check(history.events, { kind: 'log', groups: ['rpc', 'socket', 'history'] });
  for (const { rule, text } of violations.slice(0, 20)) console.log(`${rule}: ${text}`);
  console.log(
    `${kills} kills, ${acked} lines acknowledged, ${deliveries} delivered to three readers of each stream, ${violations.length} violations`,
  );
  process.exitCode = violations.length > 0 ? 1 : 0;
} finally {
  await part.kill();
  await rm(folder, { recursive: true, force: true });
}
