import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Client } from '@connectrpc/connect';
import type {
  PublishRequestSchema,
  PublishStreamRequestSchema,
  PublishStreamResponse,
  QueueService,
} from '@skyarc/lib/contracts/generated/skyarc/mq/v1/mq_pb.js';
import { AppError, type ErrorCode, toAppError } from '@skyarc/lib/errors';

export interface PublishResult {
  readonly sequence: number;
  /** Whether an earlier call stored it. */
  readonly duplicate: boolean;
}

type Request = MessageInitShape<typeof PublishRequestSchema> & {
  readonly topic: string;
  readonly body: Uint8Array;
};

interface Waiting {
  readonly request: Request;
  readonly resolve: (result: PublishResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Below the server's limits of a request. */
const frameMessages = 2_048;
const frameBytes = 512 << 10;
/** Requests on their way; what is published meanwhile shares the next one. */
const framesOnTheWay = 8;

/**
 * Publishes over one stream: messages that are published in the same turn of the event loop, or while many requests are
 * on their way, share a request. When the stream breaks, whatever was not answered fails with UNAVAILABLE; the next
 * message opens another.
 */
export class PublishStream {
  private readonly calls: Client<typeof QueueService>;
  private readonly headers: Headers;
  private readonly answerWithinMs: number;
  private waiting: Waiting[] = [];
  private link: Link | undefined;
  private isScheduled = false;

  constructor(calls: Client<typeof QueueService>, headers: Headers, answerWithinMs: number) {
    this.calls = calls;
    this.headers = headers;
    this.answerWithinMs = answerWithinMs;
  }

  publish(request: Request): Promise<PublishResult> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ request, resolve, reject });
      if (this.isScheduled) return;
      this.isScheduled = true;
      setImmediate(() => {
        this.isScheduled = false;
        this.send();
      });
    });
  }

  close(): void {
    this.link?.fail(new AppError('CANCELED', 'The client of the queue was closed'));
  }

  private send(): void {
    if (this.waiting.length === 0) return;
    this.link ??= this.open();
    while (this.waiting.length > 0 && this.link?.hasRoom) this.link.send(this.takeFrame());
  }

  /** The first messages, as far as they are of one topic. */
  private takeFrame(): Waiting[] {
    const topic = this.waiting[0]?.request.topic;
    let count = 0;
    let bytes = 0;
    for (const { request } of this.waiting) {
      if (request.topic !== topic || count === frameMessages || (count > 0 && bytes > frameBytes)) break;
      bytes += request.body.length + 256;
      count += 1;
    }
    const frame = this.waiting.slice(0, count);
    this.waiting = this.waiting.slice(count);
    return frame;
  }

  private open(): Link {
    const link = new Link(this.answerWithinMs, () => this.send());
    const { headers } = this;
    const answers = this.calls.publishStream(link.requests(), { headers, signal: link.signal });
    void link.read(answers).finally(() => {
      if (this.link === link) this.link = undefined;
      this.send();
    });
    return link;
  }
}

/** One stream from its opening to its end. */
class Link {
  private readonly frames: Waiting[][] = [];
  private readonly onTheWay: { readonly frame: Waiting[]; readonly sentAt: number }[] = [];
  private readonly ending = new AbortController();
  private readonly answerWithinMs: number;
  private readonly onRoom: () => void;
  private wake = Promise.withResolvers<void>();

  constructor(answerWithinMs: number, onRoom: () => void) {
    this.answerWithinMs = answerWithinMs;
    this.onRoom = onRoom;
  }

  get signal(): AbortSignal {
    return this.ending.signal;
  }

  get hasRoom(): boolean {
    return !this.signal.aborted && this.onTheWay.length < framesOnTheWay;
  }

  send(frame: Waiting[]): void {
    this.frames.push(frame);
    this.onTheWay.push({ frame, sentAt: Date.now() });
    this.wake.resolve();
  }

  fail(error: AppError): void {
    for (const { frame } of this.onTheWay.splice(0)) for (const { reject } of frame) reject(error);
    this.ending.abort(error);
    this.wake.resolve();
  }

  async *requests(): AsyncGenerator<MessageInitShape<typeof PublishStreamRequestSchema>> {
    while (!this.signal.aborted) {
      const frame = this.frames.shift();
      if (frame) yield { messages: frame.map(({ request }) => request) };
      else {
        await this.wake.promise;
        this.wake = Promise.withResolvers();
      }
    }
  }

  async read(answers: AsyncIterable<PublishStreamResponse>): Promise<void> {
    const watch = setInterval(() => {
      const oldest = this.onTheWay[0];
      if (oldest && Date.now() - oldest.sentAt > this.answerWithinMs)
        this.fail(new AppError('TIMEOUT', `The queue did not answer within ${this.answerWithinMs} ms`));
    }, 500);
    watch.unref();
    try {
      for await (const answer of answers) {
        settle(this.onTheWay.shift()?.frame ?? [], answer);
        this.onRoom();
      }
      this.fail(new AppError('UNAVAILABLE', 'The queue ended the stream'));
    } catch (error) {
      this.fail(toAppError(error));
    } finally {
      clearInterval(watch);
    }
  }
}

function settle(frame: readonly Waiting[], { sequences, duplicates, failures }: PublishStreamResponse): void {
  for (const { index, code, message } of failures)
    frame[index]?.reject(new AppError(code as ErrorCode, message));
  const known = new Set(duplicates);
  // A second settlement of a promise changes nothing, so those that failed stay failed.
  for (const [index, { resolve }] of frame.entries())
    resolve({ sequence: Number(sequences[index] ?? 0n), duplicate: known.has(index) });
}
