import { setTimeout as sleep } from 'node:timers/promises';
import { QueueService, type SubscribeResponse } from '@skyarc/lib/contracts/generated/skyarc/mq/v1/mq_pb.js';
import { toAppError } from '@skyarc/lib/errors';
import { createMqClient } from '@skyarc/lib/mq-client';
import { createRpcClient } from '@skyarc/lib/rpc';
import { HistoryRecorder } from '../testkit/history.ts';

export interface LoadOptions {
  readonly urls: readonly string[];
  readonly topic: string;
  readonly random: () => number;
  /** Some hand-outs are held past their deadline. */
  readonly hasSlowConsumer: boolean;
}

const group = 'g';
const ackDeadlineMs = 700;
const keys = 6;

/** Producers and consumers of one topic at all nodes, and the history of what they saw. */
export class MqLoad {
  readonly history = new HistoryRecorder();
  private readonly options: LoadOptions;
  private readonly publishing = new AbortController();
  private readonly consuming = new AbortController();
  private readonly open = new Set<string>();
  private readonly done = new Set<string>();
  private readonly running: Promise<void>[] = [];
  private producers: Promise<void>[] = [];

  constructor(options: LoadOptions) {
    this.options = options;
  }

  start(): void {
    const { urls } = this.options;
    this.producers = Array.from({ length: keys }, (_, key) =>
      this.produce(urls[key % urls.length] ?? '', key),
    );
    for (const url of [...urls, urls[0] ?? '']) this.running.push(this.consume(url));
  }

  /** How many messages were acknowledged to their producers. */
  get published(): number {
    return this.open.size;
  }

  /** Ends the producers, then waits until all that they were promised has been handled; false when that takes too long. */
  async drain(timeoutMs: number): Promise<boolean> {
    this.publishing.abort();
    await Promise.all(this.producers);
    const until = Date.now() + timeoutMs;
    const isDone = () => [...this.open].every((id) => this.done.has(id));
    while (!isDone() && Date.now() < until) await sleep(20);
    this.consuming.abort();
    await Promise.all(this.running);
    return isDone();
  }

  /** One key's messages, each after the one before was acknowledged. */
  private async produce(url: string, key: number): Promise<void> {
    const client = createMqClient(url);
    const { topic, random } = this.options;
    for (let number = 0; !this.publishing.signal.aborted; number += 1) {
      const id = `${key}-${number}`;
      this.history.add({ type: 'publish-invoked', id, key: `k${key}`, content: JSON.stringify(id) });
      let isKnown = false;
      // A message that nobody promised still comes before the next one of its key, or never: publish it again.
      while (!isKnown && !this.consuming.signal.aborted) {
        try {
          const { sequence } = await client.publish({ topic, messageId: id, key: `k${key}`, body: id });
          this.history.add({ type: 'publish-acked', id, sequence });
          this.open.add(id);
          isKnown = true;
        } catch {
          await sleep(50);
        }
      }
      await sleep(random() * 30);
    }
    client.close();
  }

  private async consume(url: string): Promise<void> {
    const { topic } = this.options;
    const { signal } = this.consuming;
    const handling = new Set<Promise<void>>();
    while (!signal.aborted) {
      const rpc = createRpcClient(QueueService, { url });
      const request = { topic, group, maxInFlight: 4, ackDeadlineMs, maxAttempts: 1_000 };
      try {
        // A connection that is half open would be noticed by its pings after seconds only.
        const turn = AbortSignal.any([signal, AbortSignal.timeout(2_500)]);
        for await (const delivery of rpc.calls.subscribe(request, { signal: turn })) {
          const { messageId: id, deliveryId, body } = delivery;
          const deadlineMs = Number(delivery.deadlineUnixMs);
          const content = Buffer.from(body).toString();
          const sequence = Number(delivery.sequence);
          this.history.add({ type: 'delivered', id, group, deliveryId, deadlineMs, content, sequence });
          const task = this.handle(url, delivery).finally(() => handling.delete(task));
          handling.add(task);
        }
      } catch {
        await sleep(30);
      } finally {
        rpc.close();
      }
    }
    await Promise.all(handling);
  }

  private async handle(url: string, { deliveryId, messageId: id }: SubscribeResponse): Promise<void> {
    const { topic, random, hasSlowConsumer } = this.options;
    const isSlow = hasSlowConsumer && random() < 0.1;
    await sleep(isSlow ? ackDeadlineMs * (0.8 + random()) : random() * 15);
    const isNacked = random() < 0.05;
    this.history.add({ type: isNacked ? 'nack-invoked' : 'ack-invoked', deliveryId });
    const rpc = createRpcClient(QueueService, { url });
    try {
      // An ack whose answer was lost is asked for again until somebody answers.
      while (!this.consuming.signal.aborted) {
        try {
          const place = { topic, group, deliveryId };
          if (isNacked) await rpc.calls.nack({ ...place, delayMs: 20 }, { timeoutMs: 1_000 });
          else {
            await rpc.calls.ack(place, { timeoutMs: 1_000 });
            this.history.add({ type: 'acked', deliveryId });
            this.done.add(id);
          }
          return;
        } catch (error) {
          if (toAppError(error).code === 'CONFLICT') return;
          await sleep(50);
        }
      }
    } finally {
      rpc.close();
    }
  }
}
