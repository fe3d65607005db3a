import { AppError } from '@skyarc/lib/errors';
import type { EtcdClient } from '@skyarc/lib/etcd';
import type { ResolvedMqConfig } from './config.ts';
import { deadSuffix } from './dead-letters.ts';
import { Dispatcher } from './dispatcher.ts';
import { refusalOf } from './limits.ts';
import type { HandOut } from './member.ts';
import type { Counters } from './metrics.ts';
import type { ConsumerCounts } from './presence.ts';
import { maxOperations } from './plan.ts';
import { type EarlyClaims, type NewMessage, Publisher, type PublishResult } from './publisher.ts';
import type { QueueCache } from './store/cache.ts';
import type { CursorRecord, HeadRecord } from './store/records.ts';
import type { GroupView, TopicView } from './store/topic-view.ts';

export interface GroupState {
  readonly group: string;
  readonly waiting: number;
  readonly inFlight: number;
  readonly oldestAgeMs: number;
  /** At this node. */
  readonly consumers: number;
  /** Of the unsettled message that was handed out most often. */
  readonly mostAttempts: number;
}

export interface QueueDeps {
  readonly etcd: EtcdClient;
  readonly cache: QueueCache;
  readonly config: ResolvedMqConfig;
  readonly counters: Counters;
}

/** All topics and groups that this node has to do with. */
export class Queue {
  private readonly deps: QueueDeps;
  private readonly publishers = new Map<string, Publisher>();
  private readonly dispatchers = new Map<string, Map<string, Dispatcher>>();

  constructor(deps: QueueDeps) {
    this.deps = deps;
    deps.cache.onChange((topic) => {
      for (const dispatcher of this.dispatchersOf(topic)) dispatcher.kick();
    });
  }

  /** Resolves once the message is durable. Throws EXHAUSTED, and UNAVAILABLE when that is not known. */
  async publish(topic: string, message: NewMessage): Promise<PublishResult> {
    const [outcome] = await this.publishAll(topic, [message]);
    if (!outcome || outcome instanceof AppError) throw outcome ?? new AppError('INTERNAL', 'No outcome');
    return outcome;
  }

  /** The outcome of each message, in their order. */
  publishAll(topic: string, messages: readonly NewMessage[]): Promise<(PublishResult | AppError)[]> {
    const publisher = this.publisher(topic);
    const outcomes: (PublishResult | AppError)[] = [];
    let open = messages.length;
    return new Promise((resolve) => {
      if (open === 0) resolve([]);
      for (const [index, message] of messages.entries()) {
        publisher.publish(message, (outcome) => {
          outcomes[index] = outcome;
          open -= 1;
          if (open > 0) return;
          const stored = outcomes.filter((one) => !(one instanceof AppError) && !one.duplicate).length;
          this.deps.counters.published(topic, stored);
          resolve(outcomes);
        });
      }
    });
  }

  /** The group's dispatcher, for its members and settlements. */
  dispatcher(topic: string, group: string): Dispatcher {
    const groups = this.dispatchers.get(topic) ?? new Map<string, Dispatcher>();
    this.dispatchers.set(topic, groups);
    let dispatcher = groups.get(group);
    if (!dispatcher) {
      const { etcd, cache, counters } = this.deps;
      dispatcher = new Dispatcher({
        etcd,
        cache,
        topic,
        group,
        bury: (handOut, from, reason) => this.bury(topic, handOut, from, reason),
        count: (what, many) => counters.group(what, topic, group, many),
      });
      groups.set(group, dispatcher);
    }
    return dispatcher;
  }

  /** Registers a group; a new one begins with the oldest message that is kept. */
  async ensureGroup(topic: string, group: string): Promise<void> {
    const { cache, etcd } = this.deps;
    if (cache.topic(topic).groups.get(group)?.cursorRevision) return;
    const { keys } = cache;
    // In this order: a message published in between is found by the list.
    const head = await etcd.get(keys.head(topic));
    const [oldest] = (await etcd.list(keys.segment(topic), { limit: 1 })).items;
    const parsed = oldest ? keys.parse(oldest.key) : null;
    const { last } = head ? (JSON.parse(head.value.toString()) as HeadRecord) : { last: 0 };
    const cursor: CursorRecord = { settledTo: parsed?.kind === 'segment' ? parsed.first - 1 : last };
    await etcd.put(keys.cursor(topic, group), JSON.stringify(cursor), 0);
    await cache.refresh([keys.cursor(topic, group)]);
  }

  /** Of all topics and groups that have some here. */
  consumers(): ConsumerCounts {
    const counts = [...this.dispatchers].flatMap(([topic, groups]) =>
      [...groups].map(([group, { consumers }]) => [`${topic}/${group}`, consumers] as const),
    );
    return Object.fromEntries(counts.filter(([, consumers]) => consumers > 0));
  }

  groupsOf(topic: TopicView): GroupState[] {
    const dispatchers = this.dispatchers.get(topic.name);
    return [...topic.groups]
      .filter(([, { cursorRevision }]) => cursorRevision > 0)
      .map(([group, view]) => {
        const consumers = dispatchers?.get(group)?.consumers ?? 0;
        return { group, consumers, ...depthOf(topic, view) };
      });
  }

  stop(): void {
    for (const topic of this.dispatchers.keys())
      for (const dispatcher of this.dispatchersOf(topic)) dispatcher.stop();
  }

  private publisher(topic: string): Publisher {
    let publisher = this.publishers.get(topic);
    if (!publisher) {
      const { etcd, cache, config } = this.deps;
      publisher = new Publisher({
        etcd,
        cache,
        topic,
        refusal: (view, messages, bytes) => refusalOf(view, { messages, bytes }, config),
        claimEarly: (messages) => {
          const early: EarlyClaims[] = [];
          let room = maxOperations;
          for (const dispatcher of this.dispatchersOf(topic)) {
            const claims = dispatcher.claimEarly(messages, room);
            if (!claims) continue;
            early.push(claims);
            room -= claims.records.length;
          }
          return early;
        },
      });
      this.publishers.set(topic, publisher);
    }
    return publisher;
  }

  private dispatchersOf(topic: string): Iterable<Dispatcher> {
    return this.dispatchers.get(topic)?.values() ?? [];
  }

  private async bury(topic: string, handOut: HandOut, group: string, reason: string): Promise<void> {
    const { key, lane, body, messageId, publishedMs } = handOut.message;
    const dead = { messageId, group, attempts: handOut.attempt, reason, publishedMs };
    const id = `${group}/${handOut.sequence}`;
    await this.publish(topic + deadSuffix, { messageId: id, key, lane, body, dead });
    this.deps.counters.group('dead', topic, group, 1);
  }
}

function depthOf(
  topic: TopicView,
  { settledTo, deliveries }: GroupView,
): Pick<GroupState, 'waiting' | 'inFlight' | 'oldestAgeMs' | 'mostAttempts'> {
  const now = Date.now();
  const depth = { waiting: 0, inFlight: 0, mostAttempts: 0 };
  let oldestMs = now;
  for (const [sequence, { publishedMs }] of topic.messages) {
    const record = deliveries.get(sequence);
    if (sequence <= settledTo || record?.state === 'settled') continue;
    if (record?.state === 'out' && record.untilMs > now) depth.inFlight += 1;
    else depth.waiting += 1;
    depth.mostAttempts = Math.max(depth.mostAttempts, record?.attempt ?? 0);
    oldestMs = Math.min(oldestMs, publishedMs);
  }
  return { ...depth, oldestAgeMs: now - oldestMs };
}
