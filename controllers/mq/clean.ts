import type { EtcdClient, Operation } from '@skyarc/lib/etcd';
import type { ResolvedMqConfig } from './config.ts';
import { beyondRetention } from './limits.ts';
import type { QueueCache } from './store/cache.ts';
import type { IdsRecord } from './store/records.ts';
import { removeMessages } from './store/remove.ts';
import type { TopicView } from './store/topic-view.ts';

interface CleanDeps {
  readonly etcd: EtcdClient;
  readonly cache: QueueCache;
  readonly config: ResolvedMqConfig;
}

/** Small: large deletes make etcd's ranges slow. */
const batchKeys = 50;

/**
 * Removes messages that every group has settled, and those beyond their topic's retention. Settling is final, so any
 * node may do it with what it knows. Answers how many messages went.
 */
export async function clean({ etcd, cache, config }: CleanDeps): Promise<number> {
  const { duplicateWindowMs } = config;
  let removed = 0;
  for (const topic of cache.all()) {
    const gone = [...settledMessages(topic), ...beyondRetention(topic, config, Date.now())];
    if (gone.length === 0) continue;
    removed += await removeMessages({ etcd, cache, duplicateWindowMs }, topic, gone);
  }
  return removed;
}

/** Forgets message ids beyond their window. */
export async function forgetIds({ etcd, cache, config }: CleanDeps): Promise<void> {
  const oldMs = Date.now() - config.duplicateWindowMs;
  for (const topic of cache.all()) {
    topic.forgetIds(oldMs, config.maxTopicIds);
    const { items } = await etcd.list(cache.keys.ids(topic.name), { limit: batchKeys });
    const old = items.filter(({ value }) => (JSON.parse(value.toString()) as IdsRecord).publishedMs < oldMs);
    const operations = old.map(({ key }): Operation => ({ type: 'delete', key }));
    if (operations.length > 0) await etcd.txn([], operations);
  }
}

/** Whole segments only: half of one would be written again and again. */
function* settledMessages(topic: TopicView): Generator<number> {
  const settled = [...topic.groups.values()].map(({ settledTo }) => settledTo);
  const settledTo = settled.length > 0 ? Math.min(...settled) : 0;
  for (const [first, { last }] of topic.segments) {
    if (last > settledTo) continue;
    for (let sequence = first; sequence <= last; sequence += 1) yield sequence;
  }
}
