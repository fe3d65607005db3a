import { AppError } from '@skyarc/lib/errors';
import type { Compare, EtcdClient, Operation } from '@skyarc/lib/etcd';
import type { QueueCache } from './store/cache.ts';
import type { HeadRecord, MessageIdRecord, MessageRecord } from './store/records.ts';

export interface PublishResult {
  readonly sequence: number;
  readonly duplicate: boolean;
}

export type NewMessage = Omit<MessageRecord, 'publishedMs'>;

export interface PublisherLimits {
  readonly maxTopicMessages: number;
  readonly maxTopicBytes: number;
}

interface Waiting {
  readonly message: NewMessage;
  readonly resolve: (result: PublishResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Two writes each and one of the head stay below etcd's 128 operations a transaction. */
const groupMessages = 60;
/** Below etcd's 1.5 MiB a request. */
const groupBytes = 1 << 20;

/** Writes the messages of one topic; those that arrive while a transaction is under way share the next one. */
export class Publisher {
  private readonly etcd: EtcdClient;
  private readonly cache: QueueCache;
  private readonly topic: string;
  private readonly limits: PublisherLimits;
  private waiting: Waiting[] = [];
  private head: { last: number; modRevision: number } | undefined;
  private running = false;

  constructor(etcd: EtcdClient, cache: QueueCache, topic: string, limits: PublisherLimits) {
    this.etcd = etcd;
    this.cache = cache;
    this.topic = topic;
    this.limits = limits;
  }

  /** Resolves once the message is durable. Throws EXHAUSTED, and UNAVAILABLE when that is not known. */
  publish(message: NewMessage): Promise<PublishResult> {
    const { messages, bytes } = this.cache.topic(this.topic);
    const { maxTopicMessages, maxTopicBytes } = this.limits;
    if (messages.size + this.waiting.length >= maxTopicMessages || bytes >= maxTopicBytes) {
      const why = `${messages.size} messages wait in it`;
      const details = { retryAfterMs: 1_000 };
      return Promise.reject(
        new AppError('EXHAUSTED', `Cannot publish to "${this.topic}": ${why}`, { details }),
      );
    }
    return new Promise((resolve, reject) => {
      this.waiting.push({ message, resolve, reject });
      if (!this.running) void this.run();
    });
  }

  private async run(): Promise<void> {
    this.running = true;
    while (this.waiting.length > 0) {
      const group = this.takeGroup();
      try {
        await this.commit(group);
      } catch (error) {
        this.head = undefined;
        for (const { reject } of group.values()) reject(error);
      }
    }
    this.running = false;
  }

  /** Messages by id; a second one with the id of another waits for the next group. */
  private takeGroup(): Map<string, Waiting> {
    const group = new Map<string, Waiting>();
    let bytes = 0;
    for (const each of this.waiting) {
      if (group.size === groupMessages || bytes > groupBytes || group.has(each.message.messageId)) break;
      bytes += each.message.body.length + 600;
      if (bytes > groupBytes && group.size > 0) break;
      group.set(each.message.messageId, each);
    }
    this.waiting.splice(0, group.size);
    return group;
  }

  private async commit(group: Map<string, Waiting>): Promise<void> {
    while (group.size > 0) {
      const head = (this.head ??= { ...this.cache.topic(this.topic).head });
      const { keys } = this.cache;
      const ids = [...group.keys()];
      const idKeys = ids.map((id) => keys.id(this.topic, id));
      const headKey = keys.head(this.topic);
      const compare: Compare[] = [headKey, ...idKeys].map((key) => ({
        key,
        modRevision: key === headKey ? head.modRevision : 0,
      }));
      const result = await this.etcd.txn(
        compare,
        this.writes(head.last, [...group.values()]),
        [headKey, ...idKeys].map((key) => ({ type: 'get', key })),
      );
      if (result.succeeded) {
        this.head = { last: head.last + group.size, modRevision: result.revision };
        [...group.values()].forEach(({ resolve }, index) =>
          resolve({ sequence: head.last + index + 1, duplicate: false }),
        );
        return;
      }
      const [found, ...foundIds] = result.replies.map((reply) => reply.found);
      this.head = {
        last: found ? (JSON.parse(found.value.toString()) as HeadRecord).last : 0,
        modRevision: found?.modRevision ?? 0,
      };
      for (const [index, id] of ids.entries()) {
        const known = foundIds[index];
        if (!known) continue;
        const { sequence } = JSON.parse(known.value.toString()) as MessageIdRecord;
        group.get(id)?.resolve({ sequence, duplicate: true });
        group.delete(id);
      }
    }
  }

  private writes(last: number, group: readonly Waiting[]): Operation[] {
    const { keys } = this.cache;
    const publishedMs = Date.now();
    const writes = group.flatMap(({ message }, index): Operation[] => {
      const sequence = last + index + 1;
      const id: MessageIdRecord = { sequence, publishedMs };
      const record: MessageRecord = { ...message, publishedMs };
      return [
        { type: 'put', key: keys.message(this.topic, sequence), value: JSON.stringify(record) },
        { type: 'put', key: keys.id(this.topic, message.messageId), value: JSON.stringify(id) },
      ];
    });
    const head: HeadRecord = { last: last + group.length };
    return [...writes, { type: 'put', key: keys.head(this.topic), value: JSON.stringify(head) }];
  }
}
