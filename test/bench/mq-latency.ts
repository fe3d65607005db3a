import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { EtcdClient } from '@skyarc/lib/etcd';
import { createMqClient } from '@skyarc/lib/mq-client';

const perSecond = 1_000;

/**
 * Sends at a constant rate whatever the answers do; milliseconds from the intended time to the arrival, sorted. The
 * hundredth part of a round is its first few milliseconds, so that connections are opened before it.
 */
async function openLoop(
  ms: number,
  send: (number: number) => void,
  seen: Map<number, number>,
): Promise<number[]> {
  send(-1);
  while (!seen.delete(-1)) await sleep(10);
  const began = performance.now();
  const total = (ms / 1_000) * perSecond;
  for (let number = 0; number < total;) {
    const due = Math.min(total, ((performance.now() - began) / 1_000) * perSecond);
    for (; number < due; number += 1) send(number);
    await sleep(1);
  }
  const until = performance.now() + 10_000;
  while (seen.size < total && performance.now() < until) await sleep(10);
  if (seen.size < total) throw new Error(`Only ${seen.size} of ${total} messages arrived`);
  return [...seen].map(([number, at]) => at - (began + (number / perSecond) * 1_000)).sort((a, b) => a - b);
}

let rounds = 0;

/** From publishing to the handler of a subscriber that acknowledges. */
export async function queueLatencies(mqUrl: string, ms: number): Promise<number[]> {
  const [publisher, subscriber] = [createMqClient(mqUrl), createMqClient(mqUrl)];
  const topic = `latency-${process.pid}-${(rounds += 1)}`;
  const seen = new Map<number, number>();
  const stopping = new AbortController();
  const consuming = subscriber.consume(
    { topic, group: 'g', concurrency: 500, signal: stopping.signal },
    async ({ body }) => void seen.set((body as { number: number }).number, performance.now()),
  );
  await sleep(500);
  const filling = 'x'.repeat(230);
  const latencies = await openLoop(
    ms,
    (number) => {
      void publisher.publish({ topic, messageId: `${number}`, key: '', body: { number, filling } });
    },
    seen,
  );
  stopping.abort();
  await consuming;
  publisher.close();
  subscriber.close();
  return latencies;
}

/** From a put to a watch of the same Node client. */
export async function watchLatencies(etcdUrl: string, ms: number): Promise<number[]> {
  const [writer, reader] = [new EtcdClient({ url: etcdUrl }), new EtcdClient({ url: etcdUrl })];
  const prefix = `/latency/${process.pid}-${(rounds += 1)}/`;
  const seen = new Map<number, number>();
  const stopping = new AbortController();
  const fromRevision = (await reader.revision()) + 1;
  const watching = (async () => {
    for await (const { changes } of reader.watch(prefix, { fromRevision, signal: stopping.signal }))
      for (const { kv } of changes) seen.set(Number(kv.key.slice(prefix.length)), performance.now());
  })();
  await sleep(500);
  const value = Buffer.alloc(256, 'x');
  const latencies = await openLoop(ms, (number) => void writer.put(`${prefix}${number}`, value), seen);
  stopping.abort();
  await watching;
  writer.close();
  reader.close();
  return latencies;
}
