import { QueueService } from '@skyarc/lib/contracts/generated/skyarc/mq/v1/mq_pb.js';
import { AppError, toAppError } from '@skyarc/lib/errors';
import { retry } from '@skyarc/lib/retry';
import { createRpcClient } from '@skyarc/lib/rpc';
import { consume, type ConsumeOptions, type Delivery } from './consumer.ts';

export type { ConsumeOptions, Delivery } from './consumer.ts';

export interface Message {
  readonly topic: string;
  /** Makes publishing idempotent; at most 128 characters. */
  readonly messageId: string;
  /** Messages with equal keys are handled in order, one at a time; '' has no order. At most 256 characters. */
  readonly key: string;
  /** Lanes take turns at being handed out, so that a full one keeps no other waiting; at most 256 characters. */
  readonly lane?: string;
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
  close(): void;
}

const publishTriesForMs = 15_000;

/** A client of the message queue at e.g. `http://127.0.0.1:6300`. */
export function createMqClient(url: string): MqClient {
  const rpc = createRpcClient(QueueService, { url });
  return {
    async publish({ topic, messageId, key, lane, body }, signal) {
      const request = { topic, messageId, key, lane, body: new TextEncoder().encode(JSON.stringify(body)) };
      const until = Date.now() + publishTriesForMs;
      const response = await retry(() => rpc.calls.publish(request, { signal, timeoutMs: 10_000 }), {
        signal,
        maxMs: 1_000,
        retryable: (error) => isTransient(error) && Date.now() < until,
      }).catch((error: unknown) => {
        throw signal?.aborted
          ? new AppError('CANCELED', `Publishing to "${topic}" was canceled`, { cause: error })
          : error;
      });
      return { sequence: Number(response.sequence), duplicate: response.duplicate };
    },
    consume: (options, handler) => consume(rpc.calls, options, handler),
    close: () => rpc.close(),
  };
}

function isTransient(error: unknown): boolean {
  return ['UNAVAILABLE', 'TIMEOUT', 'CANCELED'].includes(toAppError(error).code);
}
