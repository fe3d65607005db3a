import type { Client } from '@connectrpc/connect';
import type { QueueService, SubscribeResponse } from '@skyarc/lib/contracts/generated/skyarc/mq/v1/mq_pb.js';
import { AppError, messageOf, toAppError } from '@skyarc/lib/errors';
import { createLogger } from '@skyarc/lib/log';
import { backoffMs, retry, sleep } from '@skyarc/lib/retry';
import { Acks } from './acks.ts';

export interface ConsumeOptions {
  readonly topic: string;
  /** Every group gets every message; the members of one share them. */
  readonly group: string;
  /** Handlers running at once; default 1. */
  readonly concurrency?: number;
  /** A message of a member that died is handed out again after this; default 30 000 ms. */
  readonly ackDeadlineMs?: number;
  /** Hand-outs before a message becomes a dead letter; default 5. */
  readonly maxAttempts?: number;
  readonly signal: AbortSignal;
}

export interface Delivery {
  /** The published JSON value; parse it with the topic's schema. */
  readonly body: unknown;
  readonly messageId: string;
  readonly key: string;
  /** 1 for the first hand-out. */
  readonly attempt: number;
  /** Aborts when the message was given to another member, because its deadline could not be moved in time. */
  readonly signal: AbortSignal;
  /** Moves the deadline; done by itself while the handler runs. Throws CONFLICT when the delivery is lost. */
  extend(): Promise<void>;
}

type Calls = Client<typeof QueueService>;
type Handler = (delivery: Delivery) => Promise<void>;

const log = createLogger('mq-client');

export async function consume(
  calls: Calls,
  headers: Headers,
  options: ConsumeOptions,
  handler: Handler,
): Promise<void> {
  const { topic, group, signal, concurrency = 1, ackDeadlineMs = 30_000, maxAttempts = 5 } = options;
  const slots = new Slots(concurrency);
  const running = new Set<Promise<void>>();
  const acks = new Acks(calls, { topic, group }, headers);
  const request = { topic, group, maxInFlight: concurrency, ackDeadlineMs, maxAttempts };
  for (let attempt = 1; !signal.aborted; attempt += 1) {
    try {
      for await (const message of calls.subscribe(request, { headers, signal })) {
        attempt = 0;
        const claim = new Claim({ calls, headers, acks, topic, group, ackDeadlineMs }, message, signal);
        const task = claim.run(slots, handler).finally(() => running.delete(task));
        running.add(task);
      }
    } catch (error) {
      if (signal.aborted) break;
      const { code } = toAppError(error);
      if (code === 'INVALID' || code === 'FORBIDDEN' || code === 'UNAUTHENTICATED') throw error;
      if (code !== 'UNAVAILABLE') log.warn({ topic, group, reason: messageOf(error) }, 'subscription broke');
    }
    await sleep(backoffMs(Math.max(attempt, 1), 50, 2_000), signal).catch(() => undefined);
  }
  await Promise.all(running);
}

/** Where a hand-out is from, and how it is settled. */
interface Place {
  readonly calls: Calls;
  readonly headers: Headers;
  readonly acks: Acks;
  readonly topic: string;
  readonly group: string;
  readonly ackDeadlineMs: number;
}

/** One hand-out from its arrival to its ack or nack; its deadline is kept moving all the time. */
class Claim {
  private readonly place: Place;
  private readonly message: SubscribeResponse;
  private readonly stopping: AbortSignal;
  private readonly lost = new AbortController();

  constructor(place: Place, message: SubscribeResponse, stopping: AbortSignal) {
    this.stopping = stopping;
    this.place = place;
    this.message = message;
  }

  async run(slots: Slots, handler: Handler): Promise<void> {
    const done = new AbortController();
    const keeping = this.keep(done.signal);
    try {
      await slots.take();
      try {
        if (this.lost.signal.aborted) return;
        if (this.stopping.aborted) await this.nack(0, 'the member stopped');
        else await this.handle(handler);
      } finally {
        slots.give();
      }
    } catch (error) {
      // Not settled: the deadline passes and the message is handed out again.
      log.warn({ messageId: this.message.messageId, reason: messageOf(error) }, 'delivery is lost');
    } finally {
      done.abort();
      await keeping;
    }
  }

  private async handle(handler: Handler): Promise<void> {
    const { messageId, key, attempt, body } = this.message;
    try {
      await handler({
        body: JSON.parse(new TextDecoder().decode(body)) as unknown,
        messageId,
        key,
        attempt,
        signal: this.lost.signal,
        extend: () => this.extend(),
      });
    } catch (error) {
      const wanted = error instanceof AppError ? error.details['retryAfterMs'] : undefined;
      await this.nack(
        typeof wanted === 'number' ? wanted : backoffMs(attempt, 1_000, 60_000),
        messageOf(error),
      );
      return;
    }
    await this.settle(() => this.place.acks.ack(this.message.deliveryId));
  }

  private nack(delayMs: number, reason: string): Promise<unknown> {
    const request = { ...this.id(), delayMs: Math.round(delayMs), reason: reason.slice(0, 1_000) };
    const { calls, headers } = this.place;
    return this.settle(() => calls.nack(request, { headers }));
  }

  private async extend(): Promise<void> {
    const { calls, headers, ackDeadlineMs } = this.place;
    await calls.extend({ ...this.id(), ackDeadlineMs }, { headers, timeoutMs: ackDeadlineMs });
  }

  /** Tries until the queue answers: even past the deadline it accepts what it did not hand out again. */
  private settle(call: () => Promise<unknown>): Promise<unknown> {
    const startedAt = Date.now();
    return retry(call, {
      maxMs: 1_000,
      retryable: (error) => {
        const patienceMs = this.stopping.aborted ? 5_000 : Math.max(this.place.ackDeadlineMs, 60_000);
        const { code } = toAppError(error);
        return code !== 'CONFLICT' && code !== 'INVALID' && Date.now() - startedAt < patienceMs;
      },
    });
  }

  private async keep(done: AbortSignal): Promise<void> {
    const everyMs = this.place.ackDeadlineMs / 3;
    let deadline = Date.now() + this.place.ackDeadlineMs;
    for (let waitMs = everyMs; ;) {
      await sleep(waitMs, done).catch(() => undefined);
      if (done.aborted) return;
      const askedAt = Date.now();
      try {
        await this.extend();
        deadline = askedAt + this.place.ackDeadlineMs;
        waitMs = everyMs;
      } catch (error) {
        if (done.aborted) return;
        if (toAppError(error).code === 'CONFLICT' || Date.now() > deadline) {
          this.lost.abort(
            new AppError('CONFLICT', 'The delivery was lost to its deadline', { cause: error }),
          );
          return;
        }
        waitMs = Math.min(everyMs, 250);
      }
    }
  }

  private id(): { topic: string; group: string; deliveryId: string } {
    return { topic: this.place.topic, group: this.place.group, deliveryId: this.message.deliveryId };
  }
}

/** Counting semaphore, first come first served. */
class Slots {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  constructor(count: number) {
    this.free = count;
  }

  async take(): Promise<void> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  give(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.free += 1;
  }
}
