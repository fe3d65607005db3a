import type { Client } from '@connectrpc/connect';
import { QueueService } from '@skyarc/lib/contracts/generated/skyarc/mq/v1/mq_pb.js';
import { AppError, toAppError } from '@skyarc/lib/errors';
import { retry } from '@skyarc/lib/retry';
import { createRpcClient } from '@skyarc/lib/rpc';
import { consume, type ConsumeOptions, type Delivery } from './consumer.ts';
import { PublishStream } from './publish-stream.ts';

export type { ConsumeOptions, Delivery } from './consumer.ts';
export { mqTokenOf, serviceOfMqToken } from './token.ts';

export interface Message {
  readonly topic: string;
  /** Makes publishing idempotent; at most 128 characters. */
  readonly messageId: string;
  /** Messages with equal keys are handled in order, one at a time; '' has no order. At most 256 characters. */
  readonly key: string;
  /** Lanes take turns at being handed out, so that a full one keeps no other waiting; at most 256 characters. */
  readonly lane?: string;
  /** Not handed out before; at most 30 days. Later messages of its key wait for it. */
  readonly delayMs?: number;
  /** Anything JSON; at most 256 KiB as text. */
  readonly body: unknown;
}

export interface MqClient {
  /**
   * Resolves once the message is durable; tries again for 15 s while the queue cannot be reached.
   * Throws INVALID, EXHAUSTED (topic full), UNAVAILABLE (publishing again with the same id is safe).
   */
  publish(message: Message, signal?: AbortSignal): Promise<{ sequence: number; duplicate: boolean }>;
  /**
   * Handles messages until the signal fires, then waits for the running handlers. A handler that resolves
   * settles its message; one that throws gives it back, after `details.retryAfterMs` of an AppError or an
   * exponential delay. Connects again for ever.
   */
  consume(options: ConsumeOptions, handler: (delivery: Delivery) => Promise<void>): Promise<void>;
  /** What operators ask of the queue, in the contract's words; needs a token with the right to operate. */
  readonly operator: MqOperator;
  close(): void;
}

export interface MqClientOptions {
  /** By which the queue knows the service (`mqTokenOf`); none for a queue without rules of access. */
  readonly token?: string;
  /** For https: what to trust and what to show. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

const publishTriesForMs = 15_000;
const answerWithinMs = 10_000;

/** A client of the message queue at e.g. `http://127.0.0.1:6300`, or of several nodes with commas between; calls that come together share requests. */
export function createMqClient(url: string, options: MqClientOptions = {}): MqClient {
  const rpc = createRpcClient(QueueService, { url, tls: options.tls });
  const headers = headersOf(options.token);
  const stream = new PublishStream(rpc.calls, headers, answerWithinMs);
  return {
    async publish({ topic, messageId, key, lane, delayMs = 0, body }, signal) {
      const text = new TextEncoder().encode(JSON.stringify(body));
      const request = { topic, messageId, key, lane, delayMs: BigInt(Math.round(delayMs)), body: text };
      const until = Date.now() + publishTriesForMs;
      try {
        return await retry(() => unless(signal, stream.publish(request)), {
          signal,
          maxMs: 1_000,
          retryable: (error) => !signal?.aborted && isTransient(error) && Date.now() < until,
        });
      } catch (error) {
        throw signal?.aborted
          ? new AppError('CANCELED', `Publishing to "${topic}" was canceled`, { cause: error })
          : error;
      }
    },
    operator: operatorOf(rpc.calls, headers),
    consume: (wanted, handler) => consume(rpc.calls, headers, wanted, handler),
    close() {
      stream.close();
      rpc.close();
    },
  };
}

/** The contract's calls for operators. */
export type MqOperator = Pick<
  Client<typeof QueueService>,
  | 'listTopics'
  | 'configureTopic'
  | 'deleteGroup'
  | 'listDeadLetters'
  | 'replayDeadLetters'
  | 'discardDeadLetters'
>;

function operatorOf(calls: Client<typeof QueueService>, headers: Headers): MqOperator {
  const options = { headers, timeoutMs: answerWithinMs };
  return {
    listTopics: (request) => calls.listTopics(request, options),
    configureTopic: (request) => calls.configureTopic(request, options),
    deleteGroup: (request) => calls.deleteGroup(request, options),
    listDeadLetters: (request) => calls.listDeadLetters(request, options),
    replayDeadLetters: (request) => calls.replayDeadLetters(request, options),
    discardDeadLetters: (request) => calls.discardDeadLetters(request, options),
  };
}

function headersOf(token: string | undefined): Headers {
  return new Headers(token === undefined ? {} : { authorization: `Bearer ${token}` });
}

/** Rejects as soon as the signal fires. */
async function unless<T>(signal: AbortSignal | undefined, promise: Promise<T>): Promise<T> {
  if (!signal) return promise;
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function isTransient(error: unknown): boolean {
  return ['UNAVAILABLE', 'TIMEOUT', 'CANCELED'].includes(toAppError(error).code);
}
