import { AppError, messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { backoffMs, sleep } from '@skyarc/lib/retry';
import type { KindTable, KubeClient, ListOptions, Resource, WatchEvent } from './index.ts';
import { compareResourceVersions, keyOf, Store, type Indexer } from './store.ts';

export interface InformerOptions<T> extends ListOptions {
  readonly log: Logger;
  readonly indexers?: Record<string, Indexer<T>>;
  /** How often the store is compared with a fresh list; etcd 3.4 can lose watch events (etcd #17529). */
  readonly repairEveryMs?: number;
}

/** Called synchronously, in order, one at a time; objects belong to the store and must not be changed. */
export interface InformerHandlers<T> {
  readonly add?: (object: T) => void;
  readonly update?: (object: T, old: T) => void;
  /** The last known state; what it was at the end is unknown when the event was lost. */
  readonly delete?: (object: T) => void;
}

/**
 * A live local copy of one resource: list, then watch; resumes by resource version, lists again when
 * that is expired, and repairs itself by comparing with a fresh list from time to time.
 */
export class Informer<R extends Resource> {
  readonly store: Store<KindTable[R]>;
  private readonly client: KubeClient;
  private readonly resource: R;
  private readonly options: InformerOptions<KindTable[R]>;
  private readonly handlers = new Set<InformerHandlers<KindTable[R]>>();
  private readonly stopping = new AbortController();
  private readonly firstList = Promise.withResolvers<void>();
  private running: Promise<unknown> | undefined;
  private watching: AbortController | undefined;
  /** Revision of the last list: what a watch says of earlier ones is known already. */
  private listedAt: string | undefined;
  private resumeAt: string | undefined;
  private deletedDuringList: Set<string> | undefined;

  constructor(client: KubeClient, resource: R, options: InformerOptions<KindTable[R]>) {
    this.client = client;
    this.resource = resource;
    this.options = options;
    this.store = new Store(options.indexers);
  }

  get hasSynced(): boolean {
    return this.listedAt !== undefined;
  }

  /** Adds handlers, which first see everything that is in the store; returns their removal. */
  on(handlers: InformerHandlers<KindTable[R]>): () => void {
    this.handlers.add(handlers);
    for (const object of this.store.list()) this.call(() => handlers.add?.(object));
    return () => this.handlers.delete(handlers);
  }

  /** Begins to follow; resolves when the first list is in the store. A second call only waits. */
  async start(): Promise<void> {
    this.running ??= Promise.all([this.follow(), this.repairRegularly()]);
    await this.firstList.promise;
  }

  /** Ends the watch; the store stays as it is. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.watching?.abort();
    this.firstList.resolve();
    await this.running;
  }

  private async follow(): Promise<void> {
    const { signal } = this.stopping;
    for (let failures = 0; !signal.aborted;) {
      try {
        if (this.resumeAt === undefined) await this.listAndCompare();
        for await (const event of this.openWatch()) {
          failures = 0;
          this.apply(event);
        }
        failures += 1;
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        if (isExpired(error)) this.resumeAt = undefined;
        else {
          this.options.log.warn(
            { resource: this.resource, reason: messageOf(error) },
            'watch failed, will resume',
          );
        }
      }
      // A watch that ends at once, again and again, must not spin.
      if (failures > 0) await sleep(backoffMs(failures, 20, 5_000), signal).catch(() => undefined);
    }
  }

  private openWatch(): AsyncIterable<WatchEvent<KindTable[R]>> {
    this.watching = new AbortController();
    const { namespace, labelSelector, fieldSelector } = this.options;
    const signal = AbortSignal.any([this.watching.signal, this.stopping.signal]);
    const resourceVersion = this.resumeAt ?? '';
    return this.client.watch(this.resource, {
      namespace,
      labelSelector,
      fieldSelector,
      resourceVersion,
      signal,
    });
  }

  private async repairRegularly(): Promise<void> {
    const { signal } = this.stopping;
    const everyMs = this.options.repairEveryMs ?? 60_000;
    while (!signal.aborted) {
      // Jitter, so that a process's informers do not all list at once.
      await sleep(everyMs * (0.8 + Math.random() * 0.4), signal).catch(() => undefined);
      if (signal.aborted || !this.hasSynced) continue;
      try {
        const watchedTo = this.resumeAt;
        const differences = await this.listAndCompare();
        if (differences === 0) continue;
        // The watch is behind or lost something: begin a new one where the list ends.
        this.options.log.info({ resource: this.resource, differences, watchedTo }, 'store repaired by list');
        this.watching?.abort();
      } catch (error) {
        if (!signal.aborted)
          this.options.log.warn({ resource: this.resource, reason: messageOf(error) }, 'repair failed');
      }
    }
  }

  /** Makes the store equal to a fresh list, except for what the watch has already seen beyond it. */
  private async listAndCompare(): Promise<number> {
    const deleted = (this.deletedDuringList = new Set<string>());
    const { namespace, labelSelector, fieldSelector } = this.options;
    const { items, resourceVersion } = await this.client.list(this.resource, {
      namespace,
      labelSelector,
      fieldSelector,
    });
    this.deletedDuringList = undefined;
    let differences = 0;
    const listed = new Set<string>();
    for (const object of items) {
      const key = keyOf(object);
      listed.add(key);
      if (!deleted.has(key) && this.put(key, object)) differences += 1;
    }
    for (const key of this.store.keys()) {
      const known = this.store.get(key)?.metadata?.resourceVersion;
      if (listed.has(key) || compareResourceVersions(known, resourceVersion) > 0) continue;
      this.remove(key);
      differences += 1;
    }
    if (compareResourceVersions(this.resumeAt, resourceVersion) < 0) this.resumeAt = resourceVersion;
    this.listedAt = resourceVersion;
    this.firstList.resolve();
    return differences;
  }

  private apply(event: WatchEvent<KindTable[R]>): void {
    const version = event.object.metadata?.resourceVersion;
    if (version && compareResourceVersions(version, this.resumeAt) > 0) this.resumeAt = version;
    if (event.type === 'BOOKMARK' || compareResourceVersions(version, this.listedAt) <= 0) return;
    const key = keyOf(event.object);
    if (event.type !== 'DELETED') this.put(key, event.object);
    else {
      this.deletedDuringList?.add(key);
      this.remove(key, event.object);
    }
  }

  /** Stores an object unless it is old; true when something changed. */
  private put(key: string, object: KindTable[R]): boolean {
    const old = this.store.get(key);
    if (!old) {
      this.store.set(key, object);
      for (const each of this.handlers) this.call(() => each.add?.(object));
      return true;
    }
    if (compareResourceVersions(object.metadata?.resourceVersion, old.metadata?.resourceVersion) <= 0)
      return false;
    if (object.metadata?.uid !== old.metadata?.uid) {
      // Deleted and made anew under the same name while we were not looking: two objects, two lives.
      this.remove(key);
      return this.put(key, object);
    }
    this.store.set(key, object);
    for (const each of this.handlers) this.call(() => each.update?.(object, old));
    return true;
  }

  private remove(key: string, last = this.store.get(key)): void {
    if (!last || !this.store.get(key)) return;
    this.store.delete(key);
    for (const each of this.handlers) this.call(() => each.delete?.(last));
  }

  private call(handler: () => void): void {
    try {
      handler();
    } catch (error) {
      this.options.log.error({ resource: this.resource, err: error }, 'informer handler failed');
    }
  }
}

/** True when a watch began at a compacted revision: list again. */
export function isExpired(error: unknown): boolean {
  return error instanceof AppError && error.details['reason'] === 'Expired';
}
