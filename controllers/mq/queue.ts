import type { EtcdClient } from '@skyarc/lib/etcd';
import type { ResolvedMqConfig } from './config.ts';
import { Dispatcher } from './dispatcher.ts';
import type { HandOut } from './member.ts';
import { type NewMessage, Publisher, type PublishResult } from './publisher.ts';
import type { QueueCache } from './store/cache.ts';
import type { CursorRecord, HeadRecord } from './store/records.ts';

export const deadSuffix = '.dead';

export interface GroupState {
  readonly group: string;
  readonly waiting: number;
  readonly inFlight: number;
  readonly oldestAgeMs: number;
}

/** All topics and groups that this node has to do with. */
export class Queue {
  private readonly etcd: EtcdClient;
  private readonly cache: QueueCache;
  private readonly config: ResolvedMqConfig;
  private readonly publishers = new Map<string, Publisher>();
  private readonly dispatchers = new Map<string, Map<string, Dispatcher>>();

  constructor(etcd: EtcdClient, cache: QueueCache, config: ResolvedMqConfig) {
    this.etcd = etcd;
    this.cache = cache;
    this.config = config;
    cache.onChange((topic) => {
      for (const dispatcher of this.dispatchers.get(topic)?.values() ?? []) dispatcher.kick();
    });
  }

  publish(topic: string, message: NewMessage): Promise<PublishResult> {
    let publisher = this.publishers.get(topic);
    if (!publisher) {
      publisher = new Publisher(this.etcd, this.cache, topic, this.config);
      this.publishers.set(topic, publisher);
    }
    return publisher.publish(message);
  }

  /** The group's dispatcher, for its members and settlements. */
  dispatcher(topic: string, group: string): Dispatcher {
    const groups = this.dispatchers.get(topic) ?? new Map<string, Dispatcher>();
    this.dispatchers.set(topic, groups);
    let dispatcher = groups.get(group);
    if (!dispatcher) {
      const bury = (handOut: HandOut, from: string, reason: string): Promise<void> =>
        this.bury(topic, handOut, from, reason);
      dispatcher = new Dispatcher({ etcd: this.etcd, cache: this.cache, topic, group, bury });
      groups.set(group, dispatcher);
    }
    return dispatcher;
  }

  /** Registers a group; a new one begins with the oldest message that is kept. */
  async ensureGroup(topic: string, group: string): Promise<void> {
    if (this.cache.topic(topic).groups.get(group)?.cursorRevision) return;
    const { keys } = this.cache;
    // In this order: a message published in between is found by the list.
    const head = await this.etcd.get(keys.head(topic));
    const [oldest] = (await this.etcd.list(keys.messages(topic), { limit: 1 })).items;
    const first = oldest ? keys.parse(oldest.key) : null;
    const { last } = head ? (JSON.parse(head.value.toString()) as HeadRecord) : { last: 0 };
    const cursor: CursorRecord = { settledTo: first?.kind === 'message' ? first.sequence - 1 : last };
    await this.etcd.put(keys.cursor(topic, group), JSON.stringify(cursor), 0);
    await this.cache.refresh([keys.cursor(topic, group)]);
  }

  inspect(name: string): { retained: number; dead: number; groups: GroupState[] } {
    const topic = this.cache.topic(name);
    const now = Date.now();
    const groups = [...topic.groups].map(([group, { settledTo, deliveries }]) => {
      let waiting = 0;
      let inFlight = 0;
      let oldestMs = now;
      for (const [sequence, { publishedMs }] of topic.messages) {
        const record = deliveries.get(sequence);
        if (sequence <= settledTo || record?.state === 'settled') continue;
        if (record?.state === 'out' && record.untilMs > now) inFlight += 1;
        else waiting += 1;
        oldestMs = Math.min(oldestMs, publishedMs);
      }
      return { group, waiting, inFlight, oldestAgeMs: now - oldestMs };
    });
    return { retained: topic.messages.size, dead: this.cache.topic(name + deadSuffix).messages.size, groups };
  }

  stop(): void {
    for (const groups of this.dispatchers.values())
      for (const dispatcher of groups.values()) dispatcher.stop();
  }

  private async bury(topic: string, handOut: HandOut, group: string, reason: string): Promise<void> {
    const { key, body } = handOut.message;
    const dead = { group, attempts: handOut.attempt, reason };
    await this.publish(topic + deadSuffix, { messageId: `${group}/${handOut.sequence}`, key, body, dead });
  }
}
