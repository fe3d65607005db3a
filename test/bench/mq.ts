/**
 * What the queue costs beside its rivals, in one run: `node test/bench/mq.ts [stream|publish|bull|latency ...]`. Messages
 * have 256 bytes; what is counted was acknowledged as durable. Prints a Markdown table for docs/benchmarks.md.
 */
import { cpus, loadavg } from 'node:os';
import { setLogLevel } from '@skyarc/lib/log';
import { type AbResult, compareInPairs, compareInRounds } from '../testkit/ab-rounds.ts';
import { queueLatencies, watchLatencies } from './mq-latency.ts';
import { bullRate, goPutRate, nodePutRate, publishRate, streamRate, unaryRate } from './mq-rates.ts';
import { type MqBench, startMqBench } from './mq-world.ts';
import { median } from './rounds.ts';
import { atLeast, atMost, percentile, printRows, type Row } from './row.ts';

setLogLevel('error');
const wanted = process.argv.slice(2);
const isWanted = (name: string) => wanted.length === 0 || wanted.includes(name);
const rounds = 5;
const roundMs = 1_000;
/** Tails are of many short rounds. */
const latencyRounds = 12;
const latencyRoundMs = 2_000;
const rows: Row[] = [];
const bench = await startMqBench();
try {
  if (isWanted('stream')) await measureStream(bench);
  if (isWanted('publish')) await measurePublish(bench);
  if (isWanted('bull')) await measureBull(bench);
  if (isWanted('latency')) await measureLatency(bench);
} finally {
  await bench.stop();
}
console.log(`Processors: ${cpus().length}; load at the end: ${loadavg()[0]?.toFixed(1)}`);
printRows(rows);

function saying(what: string, { a, b, interval, control, isValid }: AbResult): string {
  const [low, high] = interval.map((one) => one.toFixed(2));
  const sure = `95 %: ${low} to ${high}; control ${control.toFixed(2)}${isValid ? '' : ', void'}`;
  return `${what} (${Math.round(a)}/s to ${Math.round(b)}/s, ${sure})`;
}

async function measureStream({ goProgram, etcdUrl, mqUrl }: MqBench): Promise<void> {
  if (typeof goProgram !== 'string') {
    console.log(`Skipped: streaming beside Go's puts: ${goProgram.missing}`);
    return;
  }
  const tried = new Map<number, number>();
  for (const clients of [32, 64, 128, 256])
    tried.set(clients, await goPutRate(goProgram, etcdUrl, clients, 1));
  const [best = 64] = [...tried].toSorted((left, right) => right[1] - left[1])[0] ?? [];
  const result = await compareInRounds({
    rounds,
    a: () => streamRate(mqUrl, roundMs),
    b: () => goPutRate(goProgram, etcdUrl, best, roundMs / 1_000),
  });
  rows.push(
    atLeast(
      saying(`published by stream, to single puts of ${best} Go clients`, result),
      result.ratio,
      5,
      'x',
    ),
  );
}

async function measurePublish({ etcdUrl, mqUrl }: MqBench): Promise<void> {
  const b = () => nodePutRate(etcdUrl, roundMs);
  const shared = await compareInRounds({ rounds, a: () => publishRate(mqUrl, roundMs), b });
  rows.push(
    atLeast(
      saying("one message a call by our client, to the Node client's puts", shared),
      shared.ratio,
      1,
      'x',
    ),
  );
  const unary = await compareInRounds({ rounds, a: () => unaryRate(mqUrl, roundMs), b });
  rows.push(
    atLeast(saying("unary calls that share nothing, to the Node client's puts", unary), unary.ratio, 1, 'x'),
  );
}

async function measureBull({ redis, mqUrl }: MqBench): Promise<void> {
  if ('missing' in redis) {
    console.log(`Skipped: BullMQ: ${redis.missing}`);
    return;
  }
  const result = await compareInRounds({
    rounds,
    a: () => publishRate(mqUrl, roundMs),
    b: () => bullRate(redis.port, roundMs),
  });
  rows.push(
    atLeast(saying('one message a call, to BullMQ with appendfsync always', result), result.ratio, 1, 'x'),
  );
}

async function measureLatency({ etcdUrl, mqUrl }: MqBench): Promise<void> {
  const middle = { queue: [] as number[], watch: [] as number[] };
  const { ratio, a, b, interval, control, isValid } = await compareInPairs({
    rounds: latencyRounds,
    a: async () => tailOf(await queueLatencies(mqUrl, latencyRoundMs), middle.queue),
    b: async () => tailOf(await watchLatencies(etcdUrl, latencyRoundMs), middle.watch),
  });
  const halves = `p50 ${median(middle.queue).toFixed(1)} to ${median(middle.watch).toFixed(1)}`;
  const sure = `95 %: ${interval.map((one) => one.toFixed(2)).join(' to ')}; control ${control.toFixed(2)}`;
  const shown = `p99 ${a.toFixed(1)} ms to ${b.toFixed(1)} ms, ${halves}, ${sure}${isValid ? '' : ', void'}`;
  rows.push(atMost(`publish to subscriber at 1,000/s, p99, to put and watch (${shown})`, ratio, 1.5, 'x'));
}

/** Its p99; its median is noted. */
function tailOf(latencies: readonly number[], medians: number[]): number {
  medians.push(percentile(latencies, 0.5));
  return percentile(latencies, 0.99);
}
