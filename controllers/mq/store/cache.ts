import { AppError, messageOf, toAppError } from '@skyarc/lib/errors';
import type { EtcdClient } from '@skyarc/lib/etcd';
import { createLogger } from '@skyarc/lib/log';
import { backoffMs, sleep } from '@skyarc/lib/retry';
import type { HeadRecord, Keys } from './records.ts';
import { type StoredValue, TopicView } from './topic-view.ts';

/** Segments may have a MiB each. */
const pageKeys = 200;
const log = createLogger('mq');

/**
 * A copy of all records in memory, fed by a watch. It may be behind, never wrong for long: writers compare
 * revisions in their transactions, and `repair` finds what the watch lost (etcd #17529).
 */
export class QueueCache {
  readonly keys: Keys;
  private readonly etcd: EtcdClient;
  private topics = new Map<string, TopicView>();
  private revisions = new Map<string, number>();
  private readonly listeners = new Set<(topic: string) => void>();
  private revision = 0;
  /** Of this node's own transactions that the watch has still to tell of. */
  private readonly ownRevisions = new Set<number>();
  /** Why records cannot be read at the moment, if so. */
  problem: string | undefined = 'records are not read yet';

  constructor(etcd: EtcdClient, keys: Keys) {
    this.etcd = etcd;
    this.keys = keys;
  }

  /** Reads everything and keeps up until the signal fires; resolves `ready` after the first reading. */
  run(signal: AbortSignal): { ready: Promise<void>; done: Promise<void> } {
    const ready = Promise.withResolvers<void>();
    const done = (async () => {
      for (let attempt = 1; !signal.aborted; attempt += 1) {
        try {
          await this.readAll();
          ready.resolve();
          this.problem = undefined;
          attempt = 0;
          await this.keepUp(signal);
        } catch (error) {
          if (signal.aborted) break;
          this.problem = messageOf(error);
          log.warn({ reason: this.problem }, 'reading records again');
          await sleep(backoffMs(Math.max(attempt, 1), 50, 1_000), signal).catch(() => undefined);
        }
      }
      ready.reject(new AppError('CANCELED', 'The queue is stopping'));
    })();
    ready.promise.catch(() => undefined);
    return { ready: ready.promise, done };
  }

  /** The topic's copy, empty for one that has no records. */
  topic(name: string): TopicView {
    return this.topics.get(name) ?? new TopicView(name);
  }

  all(): Iterable<TopicView> {
    return this.topics.values();
  }

  /** Calls back after each change of a topic; returns how to stop that. */
  onChange(listener: (topic: string) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Takes over all that this node itself has written in one transaction, ahead of the watch. */
  applyWritten(revision: number, written: readonly { key: string; value: StoredValue }[]): void {
    if (revision > this.revision) this.ownRevisions.add(revision);
    const changed = new Set<string>();
    for (const { key, value } of written) {
      const topic = this.apply(key, value, revision);
      if (topic) changed.add(topic);
    }
    this.tell(changed);
  }

  /** Reads what the topic lacks up to its newest commit; the watch may be behind, or may have lost it. */
  async catchUp(name: string): Promise<TopicView> {
    const { etcd, keys } = this;
    const topic = this.known(name);
    const head = await etcd.get(keys.head(name));
    if (!head) return topic;
    // In this order: what is removed in between has left its ids.
    for (const prefix of [keys.segment(name), keys.ids(name)]) {
      let after = prefix + keys.segment(name, topic.completeTo).slice(-16);
      for (let more = true; more;) {
        const page = await etcd.list(prefix, { limit: pageKeys, after });
        for (const { key, value, modRevision } of page.items) this.apply(key, value, modRevision);
        after = page.items.at(-1)?.key ?? after;
        more = page.more;
      }
    }
    this.apply(head.key, head.value, head.modRevision);
    const { last } = JSON.parse(head.value.toString()) as HeadRecord;
    topic.completeTo = Math.max(topic.completeTo, last);
    this.tell([name]);
    return topic;
  }

  /** Reads some keys from etcd itself; false when the copy got newer than the answer, which then says nothing. */
  async refresh(keys: readonly string[]): Promise<boolean> {
    const result = await this.etcd.txn(
      [],
      keys.map((key) => ({ type: 'get', key })),
    );
    if (result.revision < this.revision) return false;
    for (const [index, key] of keys.entries()) {
      const found = result.replies[index]?.found;
      this.apply(key, found?.value ?? null, found?.modRevision ?? result.revision);
    }
    return true;
  }

  /** Compares with etcd and reads again what differs for longer than a moment; answers how many keys did. */
  async repair(signal: AbortSignal): Promise<number> {
    const { revisions, revision } = await this.etcd.listRevisions(this.keys.root);
    const suspects = new Map<string, number>();
    for (const [key, modRevision] of revisions) {
      const known = this.revisions.get(key) ?? 0;
      if (known < modRevision) suspects.set(key, known);
    }
    for (const [key, known] of this.revisions) {
      if (!revisions.has(key) && known <= revision) suspects.set(key, known);
    }
    if (suspects.size === 0) return 0;
    await sleep(1_000, signal);
    const lost = [...suspects].filter(([key, known]) => (this.revisions.get(key) ?? 0) === known);
    for (let done = 0; done < lost.length; done += 100) {
      await this.refresh(lost.slice(done, done + 100).map(([key]) => key));
    }
    if (lost.length > 0) log.warn({ keys: lost.length }, 'repaired what the watch had lost');
    return lost.length;
  }

  private async readAll(): Promise<void> {
    const topics = new Map<string, TopicView>();
    const revisions = new Map<string, number>();
    const first = await this.etcd.list(this.keys.root, { limit: pageKeys });
    for (let page = first; ;) {
      for (const { key, value, modRevision } of page.items) {
        const parsed = this.keys.parse(key);
        if (!parsed) continue;
        const topic = topics.get(parsed.topic) ?? new TopicView(parsed.topic);
        topics.set(parsed.topic, topic);
        topic.apply(parsed, value, modRevision);
        revisions.set(key, modRevision);
      }
      const after = page.items.at(-1)?.key;
      if (!page.more || after === undefined) break;
      page = await this.etcd.list(this.keys.root, { limit: pageKeys, after, revision: first.revision });
    }
    for (const topic of topics.values()) topic.completeTo = topic.head.last;
    this.topics = topics;
    this.revisions = revisions;
    this.revision = Math.max(this.revision, first.revision);
    this.tell(topics.keys());
  }

  private async keepUp(signal: AbortSignal): Promise<void> {
    const batches = this.etcd.watch(this.keys.root, { fromRevision: this.revision + 1, signal });
    try {
      for await (const batch of batches) {
        const changed = new Set<string>();
        for (const { type, kv } of batch.changes) {
          if (this.ownRevisions.has(kv.modRevision)) continue;
          const topic = this.apply(kv.key, type === 'put' ? kv.value : null, kv.modRevision);
          if (topic) changed.add(topic);
        }
        this.revision = Math.max(this.revision, batch.revision);
        for (const revision of this.ownRevisions)
          if (revision <= batch.revision) this.ownRevisions.delete(revision);
        this.tell(changed);
      }
    } catch (error) {
      if (toAppError(error).details['reason'] !== 'Compacted') throw error;
      log.warn('the history that the watch needs is gone');
    }
  }

  private apply(key: string, value: StoredValue, modRevision: number): string | null {
    const parsed = this.keys.parse(key);
    if (!parsed || modRevision <= (this.revisions.get(key) ?? 0)) return null;
    if (value) this.revisions.set(key, modRevision);
    else this.revisions.delete(key);
    this.known(parsed.topic).apply(parsed, value, modRevision);
    return parsed.topic;
  }

  private known(name: string): TopicView {
    const topic = this.topic(name);
    this.topics.set(name, topic);
    return topic;
  }

  private tell(changed: Iterable<string>): void {
    for (const topic of changed) for (const listener of this.listeners) listener(topic);
  }
}
