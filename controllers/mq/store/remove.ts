import type { Compare, EtcdClient, Operation } from '@skyarc/lib/etcd';
import type { QueueCache } from './cache.ts';
import type { IdsRecord } from './records.ts';
import { encodeSegment } from './segment.ts';
import type { StoredValue, TopicView } from './topic-view.ts';

/** Small: large deletes make etcd's ranges slow. */
const batchKeys = 40;
const batchBytes = 512 << 10;

interface Removal {
  readonly first: number;
  readonly compare: Compare;
  readonly operations: readonly Operation[];
  readonly written: readonly { readonly key: string; readonly value: StoredValue }[];
  readonly bytes: number;
}

export interface RemoveOptions {
  readonly etcd: EtcdClient;
  readonly cache: QueueCache;
  /** Ids of younger messages are kept when their messages go. */
  readonly duplicateWindowMs: number;
}

/**
 * Removes messages of a topic for all groups: a segment goes as a whole, or is written again without them. What
 * another node changes at the same time stays for the next time. Answers how many messages went.
 */
export async function removeMessages(
  options: RemoveOptions,
  topic: TopicView,
  sequences: readonly number[],
): Promise<number> {
  const { etcd, cache } = options;
  const gone = new Set(sequences);
  const before = topic.messages.size;
  let batch: Removal[] = [];
  const flush = async (): Promise<void> => {
    const done = batch;
    batch = [];
    const result = await etcd.txn(
      done.map(({ compare }) => compare),
      done.flatMap(({ operations }) => operations),
    );
    if (result.succeeded)
      cache.applyWritten(
        result.revision,
        done.flatMap(({ written }) => written),
      );
    else await cache.refresh(done.map(({ first }) => cache.keys.segment(topic.name, first)));
  };
  for (const [first, { last, modRevision }] of topic.segments) {
    let goes = 0;
    let kept = 0;
    for (let sequence = first; sequence <= last; sequence += 1) {
      if (gone.has(sequence)) goes += 1;
      else if (topic.messages.has(sequence)) kept += 1;
    }
    if (goes === 0 && kept > 0) continue;
    const removal = removalOf(options, topic, { first, last, modRevision, gone, isWhole: kept === 0 });
    const size = batch.reduce((sum, { bytes }) => sum + bytes, 0);
    if (batch.length >= batchKeys || (batch.length > 0 && size + removal.bytes > batchBytes)) await flush();
    batch.push(removal);
  }
  if (batch.length > 0) await flush();
  return before - topic.messages.size;
}

function removalOf(
  { cache: { keys }, duplicateWindowMs }: RemoveOptions,
  topic: TopicView,
  segment: { first: number; last: number; modRevision: number; gone: ReadonlySet<number>; isWhole: boolean },
): Removal {
  const { first, last, modRevision, gone, isWhole } = segment;
  const key = keys.segment(topic.name, first);
  const compare = { key, modRevision };
  const messages = Array.from({ length: last - first + 1 }, (_, index) => ({
    sequence: first + index,
    message: topic.messages.get(first + index),
  }));
  if (!isWhole) {
    const rest = messages.map(({ sequence, message }) => (message && !gone.has(sequence) ? message : null));
    const value = encodeSegment(rest);
    const operations: Operation[] = [{ type: 'put', key, value }];
    return { first, compare, operations, written: [{ key, value: { segment: rest } }], bytes: value.length };
  }
  const operations: Operation[] = [{ type: 'delete', key }];
  const publishedMs = Math.max(0, ...messages.map(({ message }) => message?.publishedMs ?? 0));
  const ids = messages.flatMap(({ sequence, message }) =>
    message ? [[message.messageId, sequence] as const] : [],
  );
  const record = JSON.stringify({ publishedMs, ids: Object.fromEntries(ids) } satisfies IdsRecord);
  const isYoung = publishedMs > Date.now() - duplicateWindowMs;
  const written: { key: string; value: StoredValue }[] = [{ key, value: null }];
  if (isYoung) {
    const idsKey = keys.ids(topic.name, first);
    operations.push({ type: 'put', key: idsKey, value: record });
    written.push({ key: idsKey, value: Buffer.from(record) });
  }
  return { first, compare, operations, written, bytes: record.length };
}
