import type { EtcdClient, Operation } from '@skyarc/lib/etcd';
import type { ResolvedMqConfig } from './config.ts';
import { deadSuffix } from './queue.ts';
import type { QueueCache } from './store/cache.ts';
import type { TopicView } from './store/topic-view.ts';

/** Small: large deletes make etcd's ranges slow. */
const batchKeys = 50;

/**
 * Removes messages that every group has settled and old dead letters. Settling is final, so any node may do
 * it with what it knows. Answers how many keys went.
 */
export function clean(etcd: EtcdClient, cache: QueueCache, config: ResolvedMqConfig): Promise<number> {
  return removeAll(etcd, cache, (topic) => settledMessages(topic, cache, config));
}

/** Forgets message ids beyond their window whose message is gone. Answers how many keys went. */
export function forgetIds(etcd: EtcdClient, cache: QueueCache, config: ResolvedMqConfig): Promise<number> {
  return removeAll(etcd, cache, (topic) => oldIds(topic, cache, config));
}

async function removeAll(
  etcd: EtcdClient,
  cache: QueueCache,
  keysOf: (topic: TopicView) => Iterable<string>,
): Promise<number> {
  let removed = 0;
  for (const topic of cache.all()) {
    const keys = [...keysOf(topic)];
    for (let done = 0; done < keys.length; done += batchKeys) {
      const operations = keys
        .slice(done, done + batchKeys)
        .map((key): Operation => ({ type: 'delete', key }));
      removed += (await etcd.txn([], operations)).replies.length;
    }
  }
  return removed;
}

function* settledMessages(topic: TopicView, cache: QueueCache, config: ResolvedMqConfig): Generator<string> {
  const oldMs = topic.name.endsWith(deadSuffix) ? Date.now() - config.deadLetterMs : 0;
  const settled = [...topic.groups.values()].map(({ settledTo }) => settledTo);
  const settledTo = settled.length > 0 ? Math.min(...settled) : 0;
  for (const [sequence, { publishedMs }] of topic.messages) {
    if (sequence > settledTo && publishedMs >= oldMs) break;
    yield cache.keys.message(topic.name, sequence);
  }
}

function* oldIds(topic: TopicView, cache: QueueCache, config: ResolvedMqConfig): Generator<string> {
  const oldMs = Date.now() - config.duplicateWindowMs;
  for (const [messageId, { sequence, publishedMs }] of topic.ids) {
    if (publishedMs < oldMs && !topic.messages.has(sequence)) yield cache.keys.id(topic.name, messageId);
  }
}
