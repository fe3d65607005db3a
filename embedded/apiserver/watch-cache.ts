import { AppError, messageOf } from '@skyarc/lib/errors';
import type { EtcdClient, KeyValue, WatchBatch } from '@skyarc/lib/etcd';
import type { Logger } from '@skyarc/lib/log';
import { backoffMs, sleep } from '@skyarc/lib/retry';
import { Entry } from './entry.ts';
import type { Keys } from './keys.ts';
import type { Kind } from './kind.ts';
import { KindCache } from './kind-cache.ts';

const pageSize = 500;
const suspectLossAfterMs = 1_000;
const giveUpAfterMs = 10_000;
const auditEveryMs = 5 * 60_000;

interface Waiter {
  readonly revision: number;
  readonly wake: () => void;
}

/**
 * Everything in etcd under the objects' prefix, kept current by one watch, so that reads never wait for
 * etcd. Exact for this server's clients: a write returns only when the cache has seen its revision.
 * A lost event (etcd #17529) shows as a revision that does not come, and in the audit from time to time;
 * both end in a comparison with etcd's list.
 */
export class WatchCache {
  private readonly kinds = new Map<string, KindCache>();
  private readonly waiters = new Set<Waiter>();
  private readonly etcd: EtcdClient;
  private readonly keys: Keys;
  private readonly log: Logger;
  private readonly stopping = new AbortController();
  private running: Promise<unknown> = Promise.resolve();
  private repairing: Promise<void> | undefined;
  private seen = 0;
  private broken: string | undefined;

  constructor(options: { etcd: EtcdClient; keys: Keys; kinds: readonly Kind[]; log: Logger }) {
    this.etcd = options.etcd;
    this.keys = options.keys;
    this.log = options.log;
    for (const kind of options.kinds) this.kinds.set(options.keys.prefixOf(kind), new KindCache());
  }

  /** Revision up to which the cache is complete. */
  get revision(): number {
    return this.seen;
  }

  /** Why the cache may be behind etcd; undefined when it follows. */
  get problem(): string | undefined {
    return this.broken;
  }

  of(kind: Kind): KindCache {
    const found = this.kinds.get(this.keys.prefixOf(kind));
    if (!found) throw new AppError('INTERNAL', `No cache of ${kind.plural}`);
    return found;
  }

  /** Loads everything and goes on watching until stop. */
  async start(): Promise<void> {
    const { items, revision } = await this.listAll();
    const byKind = Map.groupBy(items, (item) => this.placeOf(item.key)?.prefix);
    for (const [prefix, cache] of this.kinds) {
      const entries = (byKind.get(prefix) ?? []).map((item): [string, Entry] => [
        item.key.slice(prefix.length),
        Entry.parse(item.value, item.modRevision),
      ]);
      cache.load(entries, revision);
    }
    this.seen = revision;
    this.running = Promise.all([this.follow(), this.audit()]);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** Resolves when the cache has the revision; UNAVAILABLE when that takes too long. */
  async waitFor(revision: number): Promise<void> {
    if (this.seen >= revision) return;
    const timers: NodeJS.Timeout[] = [];
    try {
      await new Promise<void>((resolve, reject) => {
        const waiter: Waiter = { revision, wake: resolve };
        this.waiters.add(waiter);
        timers.push(
          setTimeout(
            () => void this.repair('a written revision does not come').catch(() => undefined),
            suspectLossAfterMs,
          ),
          setTimeout(() => {
            this.waiters.delete(waiter);
            reject(new AppError('UNAVAILABLE', `The watch of etcd does not reach revision ${revision}`));
          }, giveUpAfterMs),
        );
      });
    } finally {
      timers.forEach((timer) => clearTimeout(timer));
    }
  }

  /** Compares with etcd's list and makes up for what is missing; one at a time. */
  repair(why: string): Promise<void> {
    this.repairing ??= this.compareWithList(why).finally(() => {
      this.repairing = undefined;
    });
    return this.repairing;
  }

  private async follow(): Promise<void> {
    const { signal } = this.stopping;
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        const options = {
          fromRevision: this.seen + 1,
          signal,
          onReconnect: (error: unknown) => {
            if (!this.broken) this.log.warn({ reason: messageOf(error) }, 'watch of etcd broke, resuming');
            this.broken = `etcd cannot be watched: ${messageOf(error)}`;
          },
          onConnect: () => {
            this.broken = undefined;
          },
        };
        for await (const batch of this.etcd.watch(this.keys.objects, options)) {
          attempt = 0;
          this.apply(batch);
        }
      } catch (error) {
        this.log.warn({ reason: messageOf(error) }, 'watch of etcd cannot resume, listing again');
        await this.repair('the watch cannot resume').catch(() => undefined);
        await sleep(backoffMs(Math.max(attempt, 1), 50, 1_000), signal).catch(() => undefined);
      }
    }
  }

  private async audit(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      await sleep(auditEveryMs, this.stopping.signal).catch(() => undefined);
      if (!this.stopping.signal.aborted) await this.repair('audit').catch(() => undefined);
    }
  }

  private apply(batch: WatchBatch): void {
    for (const change of batch.changes) {
      const place = this.placeOf(change.kv.key);
      if (!place) continue;
      if (change.type === 'delete') place.cache.delete(place.path, change.kv.modRevision);
      else place.cache.put(place.path, Entry.parse(change.kv.value, change.kv.modRevision));
    }
    this.advance(batch.revision);
  }

  private advance(revision: number): void {
    this.seen = Math.max(this.seen, revision);
    for (const waiter of this.waiters) {
      if (waiter.revision > this.seen) continue;
      this.waiters.delete(waiter);
      waiter.wake();
    }
  }

  /**
   * The list is newer than the cache or equal. Revisions seen in the meantime by the watch are newer than
   * the list and win. When something was missing, nobody may resume from before: a client could stand
   * after the lost revision without having it. The marker makes a revision that is surely later.
   */
  private async compareWithList(why: string): Promise<void> {
    const { revisions, revision } = await this.etcd.listRevisions(this.keys.objects);
    const missing: string[] = [];
    const gone: string[] = [];
    for (const [key, modRevision] of revisions) {
      const place = this.placeOf(key);
      if (place && (place.cache.get(place.path)?.revision ?? 0) < modRevision) missing.push(key);
    }
    for (const [prefix, cache] of this.kinds) {
      for (const [path, entry] of cache.list()) {
        if (entry.revision <= revision && !revisions.has(prefix + path)) gone.push(prefix + path);
      }
    }
    if (this.seen >= revision && missing.length + gone.length === 0) return;
    await sleep(0);
    for (const key of missing) {
      const found = await this.etcd.get(key);
      const place = this.placeOf(key);
      if (found) place?.cache.put(place.path, Entry.parse(found.value, found.modRevision));
    }
    for (const key of gone) {
      const place = this.placeOf(key);
      const entry = place?.cache.get(place.path);
      if (entry && entry.revision <= revision) place?.cache.delete(place.path, revision);
    }
    if (missing.length + gone.length > 0) {
      this.log.warn({ why, missing: missing.length, gone: gone.length }, 'cache repaired from etcd');
      const later = await this.etcd.put(this.keys.marker, String(Date.now()));
      for (const cache of this.kinds.values()) cache.forget(later ?? revision);
      this.advance(later ?? revision);
    }
    this.advance(revision);
  }

  private async listAll(): Promise<{ items: KeyValue[]; revision: number }> {
    const first = await this.etcd.list(this.keys.objects, { limit: pageSize });
    const items = [...first.items];
    for (let { more } = first; more;) {
      const page = await this.etcd.list(this.keys.objects, {
        limit: pageSize,
        revision: first.revision,
        after: items.at(-1)?.key,
      });
      items.push(...page.items);
      ({ more } = page);
    }
    return { items, revision: first.revision };
  }

  private placeOf(key: string): { prefix: string; path: string; cache: KindCache } | undefined {
    const inside = key.slice(this.keys.objects.length);
    const end = inside.indexOf('/', inside.indexOf('/') + 1) + 1;
    const prefix = this.keys.objects + inside.slice(0, end);
    const cache = this.kinds.get(prefix);
    return cache ? { prefix, path: inside.slice(end), cache } : undefined;
  }
}
