import { type AppError, toAppError } from '@skyarc/lib/errors';
import type { EtcdClient, Operation } from '@skyarc/lib/etcd';
import type { Claimable } from './plan.ts';
import type { QueueCache } from './store/cache.ts';
import type { HeadRecord, MessageRecord } from './store/records.ts';
import { encodeSegment } from './store/segment.ts';
import type { TopicView } from './store/topic-view.ts';

export interface PublishResult {
  readonly sequence: number;
  readonly duplicate: boolean;
}

export type NewMessage = Omit<MessageRecord, 'publishedMs'>;

/** Hand-outs that are written together with the messages, so that they need no commit of their own. */
export interface EarlyClaims {
  readonly records: readonly { readonly key: string; readonly value: string }[];
  /** They are written. */
  confirm(): void;
  /** They are not. */
  drop(): void;
  /** Nobody knows: they are ours if the watch says so. */
  doubt(): void;
}

export interface PublisherOptions {
  readonly etcd: EtcdClient;
  readonly cache: QueueCache;
  readonly topic: string;
  /** Why the topic takes no more of so many messages and bytes; null when it does. */
  readonly refusal: (topic: TopicView, messages: number, bytes: number) => AppError | null;
  /** Asks for the messages only when somebody could have one. */
  readonly claimEarly: (messages: () => readonly Claimable[]) => readonly EarlyClaims[];
}

/** Called once: the message is durable, or not, or nobody knows (UNAVAILABLE). */
export type Published = (outcome: PublishResult | AppError) => void;

interface Waiting {
  readonly message: NewMessage;
  readonly done: Published;
}

/** Below etcd's 1.5 MiB a request. */
const groupBytes = 1 << 20;
const groupMessages = 4_096;

/** Writes the messages of one topic; those that arrive while a commit is under way share the next one. */
export class Publisher {
  private readonly options: PublisherOptions;
  private waiting: Waiting[] = [];
  private waitingBytes = 0;
  private isUnsure = false;
  private running = false;

  constructor(options: PublisherOptions) {
    this.options = options;
  }

  publish(message: NewMessage, done: Published): void {
    const { cache, topic, refusal } = this.options;
    const refused = refusal(cache.topic(topic), this.waiting.length, this.waitingBytes);
    if (refused) {
      done(refused);
      return;
    }
    this.waiting.push({ message, done });
    this.waitingBytes += message.body.length;
    if (!this.running) void this.run();
  }

  private async run(): Promise<void> {
    this.running = true;
    // What arrives in the same turn of the event loop shares the first commit too.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.waiting.length > 0) {
      const group = this.takeGroup();
      try {
        await this.commit(group);
      } catch (error) {
        this.isUnsure = true;
        for (const { done } of group.values()) done(toAppError(error));
      }
    }
    this.running = false;
  }

  /** Messages by id; a second one with the id of another waits for the next group. */
  private takeGroup(): Map<string, Waiting> {
    const group = new Map<string, Waiting>();
    let bytes = 0;
    for (const each of this.waiting) {
      const { messageId, key, body } = each.message;
      const size = body.length + 3 * (messageId.length + key.length) + 256;
      const isFull = group.size === groupMessages || (group.size > 0 && bytes + size > groupBytes);
      if (isFull || group.has(messageId)) break;
      bytes += size;
      this.waitingBytes -= body.length;
      group.set(messageId, each);
    }
    this.waiting = this.waiting.slice(group.size);
    return group;
  }

  private async commit(group: Map<string, Waiting>): Promise<void> {
    const { cache, etcd, topic: name } = this.options;
    for (;;) {
      let topic = cache.topic(name);
      // Ids are compared in memory, which is right only when all is known up to the head that is compared.
      if (this.isUnsure || !topic.isComplete) topic = await cache.catchUp(name);
      this.isUnsure = false;
      for (const [id, { done }] of group) {
        const known = topic.ids.get(id);
        if (!known) continue;
        done({ sequence: known.sequence, duplicate: true });
        group.delete(id);
      }
      if (group.size === 0) return;
      const { last, modRevision } = topic.head;
      const publishedMs = Date.now();
      const segment = [...group.values()].map(({ message }): MessageRecord => ({ ...message, publishedMs }));
      const early = this.options.claimEarly(() =>
        segment.map((message, index) => ({
          sequence: last + index + 1,
          message,
          attempt: 1,
          modRevision: 0,
        })),
      );
      const head = JSON.stringify({ last: last + segment.length } satisfies HeadRecord);
      const claims = early.flatMap(({ records }) => records);
      const segmentKey = cache.keys.segment(name, last + 1);
      const headKey = cache.keys.head(name);
      const writes: Operation[] = [
        { type: 'put', key: segmentKey, value: encodeSegment(segment) },
        ...claims.map((record): Operation => ({ type: 'put', ...record })),
        { type: 'put', key: headKey, value: head },
      ];
      const result = await etcd
        .txn([{ key: headKey, modRevision }, ...claims.map(({ key }) => ({ key, modRevision: 0 }))], writes)
        .catch((error: unknown) => {
          for (const claimed of early) claimed.doubt();
          throw error;
        });
      if (!result.succeeded) {
        for (const claimed of early) claimed.drop();
        await cache.catchUp(name);
        continue;
      }
      cache.applyWritten(result.revision, [
        { key: segmentKey, value: { segment } },
        ...claims.map(({ key, value }) => ({ key, value: Buffer.from(value) })),
        { key: headKey, value: Buffer.from(head) },
      ]);
      for (const claimed of early) claimed.confirm();
      [...group.values()].forEach(({ done }, index) =>
        done({ sequence: last + index + 1, duplicate: false }),
      );
      return;
    }
  }
}
