import type { Client } from '@connectrpc/connect';
import type { QueueService } from '@skyarc/lib/contracts/generated/skyarc/mq/v1/mq_pb.js';
import { AppError, type ErrorCode } from '@skyarc/lib/errors';

interface Waiting {
  readonly deliveryId: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const atOnce = 500;

/** Acknowledges for one group: what is acknowledged while a call is under way shares the next one. */
export class Acks {
  private readonly calls: Client<typeof QueueService>;
  private readonly place: { readonly topic: string; readonly group: string };
  private readonly headers: Headers;
  private waiting: Waiting[] = [];
  private running = false;

  constructor(calls: Client<typeof QueueService>, place: { topic: string; group: string }, headers: Headers) {
    this.calls = calls;
    this.place = place;
    this.headers = headers;
  }

  ack(deliveryId: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ deliveryId, resolve, reject });
      if (!this.running) void this.run();
    });
  }

  private async run(): Promise<void> {
    this.running = true;
    await Promise.resolve();
    while (this.waiting.length > 0) {
      const some = this.waiting.slice(0, atOnce);
      this.waiting = this.waiting.slice(atOnce);
      try {
        const deliveryIds = some.map(({ deliveryId }) => deliveryId);
        const request = { ...this.place, deliveryIds };
        const { failures } = await this.calls.ackMany(request, { headers: this.headers, timeoutMs: 10_000 });
        for (const { index, code, message } of failures)
          some[index]?.reject(new AppError(code as ErrorCode, message));
        // A promise that was rejected stays so.
        for (const { resolve } of some) resolve();
      } catch (error) {
        for (const { reject } of some) reject(error);
      }
    }
    this.running = false;
  }
}
