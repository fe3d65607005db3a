import { AppError, messageOf, toAppError } from '@skyarc/lib/errors';
import type { EtcdClient } from '@skyarc/lib/etcd';
import { createLogger } from '@skyarc/lib/log';
import { backoffMs, sleep } from '@skyarc/lib/retry';
import type { Keys } from './records.ts';
import { TopicView } from './topic-view.ts';

const pageKeys = 1_000;
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
  private waiters: { revision: number; wake: () => void }[] = [];
  private revision = 0;
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
      for (const { wake } of this.waiters.splice(0)) wake();
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

  /** Resolves once everything up to a revision is seen, or after a second: a lost event must not block. */
  async reached(revision: number): Promise<void> {
    if (this.revision >= revision) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 1_000);
      const wake = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.waiters.push({ revision, wake });
    });
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
    this.topics = topics;
    this.revisions = revisions;
    this.advance(first.revision, topics.keys());
  }

  private async keepUp(signal: AbortSignal): Promise<void> {
    const batches = this.etcd.watch(this.keys.root, { fromRevision: this.revision + 1, signal });
    try {
      for await (const batch of batches) {
        const changed = new Set<string>();
        for (const { type, kv } of batch.changes) {
          const topic = this.apply(kv.key, type === 'put' ? kv.value : null, kv.modRevision);
          if (topic) changed.add(topic);
        }
        this.advance(batch.revision, changed);
      }
    } catch (error) {
      if (toAppError(error).details['reason'] !== 'Compacted') throw error;
      log.warn('the history that the watch needs is gone');
    }
  }

  private apply(key: string, value: Buffer | null, modRevision: number): string | null {
    const parsed = this.keys.parse(key);
    if (!parsed || modRevision < (this.revisions.get(key) ?? 0)) return null;
    if (value) this.revisions.set(key, modRevision);
    else this.revisions.delete(key);
    const topic = this.topic(parsed.topic);
    this.topics.set(parsed.topic, topic);
    topic.apply(parsed, value, modRevision);
    return parsed.topic;
  }

  private advance(revision: number, changed: Iterable<string>): void {
    this.revision = Math.max(this.revision, revision);
    const reached = this.waiters.filter((waiter) => waiter.revision <= this.revision);
    if (reached.length > 0) this.waiters = this.waiters.filter((waiter) => waiter.revision > this.revision);
    for (const { wake } of reached) wake();
    for (const topic of changed) for (const listener of this.listeners) listener(topic);
  }
}
