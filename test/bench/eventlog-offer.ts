/**
 * Collectors that offer lines at a rate, whatever is taken: started by `eventlog-overload.ts` with JSON. What is
 * not taken waits with them; after the time they stop and wait for the answers to what they sent.
 */
import { once } from 'node:events';
import net from 'node:net';
import { sleep } from '@skyarc/lib/retry';
import { BlockBuilder, encodeBatch } from '@skyarc/lib/log-block';
import { lineOf } from './eventlog-lines.ts';

export interface OfferOptions {
  readonly port: number;
  readonly connections: number;
  /** Of all connections together; as many as are taken when it is 0. */
  readonly linesPerSecond: number;
  readonly seconds: number;
  readonly run: string;
}

/** Lines: offered, and answered as stored. */
export interface OfferResult {
  readonly offered: number;
  readonly stored: number;
}

const linesPerBatch = 1_000;
const maxUnanswered = 32;

const options = JSON.parse(process.argv[2] ?? '') as OfferOptions;
const from = performance.now();
const isOver = (): boolean => performance.now() - from > options.seconds * 1_000;
const dueBatches = (): number =>
  options.linesPerSecond === 0
    ? Number.POSITIVE_INFINITY
    : ((performance.now() - from) / 1_000) * (options.linesPerSecond / options.connections / linesPerBatch);

function batchOf(connection: number): Buffer {
  const builder = new BlockBuilder(linesPerBatch * 200);
  // Without a producer lines are not checked for repeats, so that one batch may be sent again and again.
  const origin = { producer: '', source: 'pod/app', level: 'info', channel: 'stdout' };
  for (let n = 0; n < linesPerBatch; n += 1)
    builder.add({ origin, timeMs: 1_767_225_600_000 + n, producerSeq: 0 }, lineOf(connection * 10_000 + n));
  return encodeBatch([{ stream: `app/${options.run}-${connection}`, block: builder.build() }]);
}

/** Batches sent and answered by one connection. */
async function offer(connection: number): Promise<{ sent: number; stored: number }> {
  const batch = batchOf(connection);
  const socket = net.connect(options.port, '127.0.0.1');
  await once(socket, 'connect');
  const seen = { sent: 0, answered: 0, stored: 0 };
  let answers = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    answers = Buffer.concat([answers, chunk]);
    while (answers.length >= 4 && answers.length >= 4 + answers.readUInt32BE(0)) {
      const end = 4 + answers.readUInt32BE(0);
      const answer = JSON.parse(answers.toString('utf8', 4, end)) as { stored?: number };
      seen.stored += answer.stored ?? 0;
      seen.answered += 1;
      answers = answers.subarray(end);
    }
  });
  while (!isOver()) {
    if (seen.sent >= dueBatches() || seen.sent - seen.answered >= maxUnanswered) await sleep(2);
    else {
      seen.sent += 1;
      if (!socket.write(batch)) await Promise.race([once(socket, 'drain'), sleep(1_000)]);
    }
  }
  while (seen.answered < seen.sent) await sleep(10);
  socket.destroy();
  return seen;
}

const results = await Promise.all(
  Array.from({ length: options.connections }, (_, connection) => offer(connection)),
);
const sum = (key: 'sent' | 'stored'): number => results.reduce((total, result) => total + result[key], 0);
const offered =
  options.linesPerSecond === 0 ? sum('sent') * linesPerBatch : options.linesPerSecond * options.seconds;
process.send?.({ offered, stored: sum('stored') } satisfies OfferResult);
process.disconnect?.();
