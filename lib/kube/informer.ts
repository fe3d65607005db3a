import { AppError, messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { backoffMs, sleep } from '@skyarc/lib/retry';
import type { KubeClient, ListOptions, WatchEvent } from './client.ts';
import { keyOf, type KindTable, type Resource } from './kinds.ts';

export interface InformerOptions extends ListOptions {
  readonly log: Logger;
  /** How often the copy is compared with a fresh list; watches can lose events (etcd #17529). */
  readonly resyncEveryMs?: number;
}

/** What changed: the new object, the one before; one of them is undefined for an addition or a removal. */
export type ChangeHandler<T> = (now: T | undefined, before: T | undefined) => void;

/**
 * A live local copy of one resource: lists, watches, resumes by resource version after any end of the
 * watch, lists again when that is expired, and repairs itself by comparing with a fresh list regularly.
 */
export class Informer<R extends Resource> {
  private readonly kube: KubeClient;
  private readonly resource: R;
  private readonly options: InformerOptions;
  private readonly objects = new Map<string, KindTable[R]>();
  private readonly handlers = new Set<ChangeHandler<KindTable[R]>>();
  private readonly stopping = new AbortController();
  private readonly synced = Promise.withResolvers<void>();
  private watching = new AbortController();
  private running: Promise<unknown> | undefined;
  private resumeAt: string | undefined;
  private lastHeardAt = 0;
  /** Keys that the watch told of while a list was on its way: what it says is newer than the list. */
  private touchedDuringList: Set<string> | undefined;

  constructor(kube: KubeClient, resource: R, options: InformerOptions) {
    this.kube = kube;
    this.resource = resource;
    this.options = options;
  }

  /** Objects that belong to the copy: never change them. */
  list(): KindTable[R][] {
    return [...this.objects.values()];
  }

  get(name: string, namespace?: string): KindTable[R] | undefined {
    return this.objects.get(namespace ? `${namespace}/${name}` : name);
  }

  /** Milliseconds since the API server last answered this informer; Infinity before it ever did. */
  get silenceMs(): number {
    return this.lastHeardAt === 0 ? Infinity : Date.now() - this.lastHeardAt;
  }

  /** Called synchronously for each later change; returns its removal. */
  onChange(handler: ChangeHandler<KindTable[R]>): () => void {
    this.handlers.add(handler);
    return () => this.handlers.delete(handler);
  }

  /** Begins to follow; resolves when the first list is in the copy, however long the API server takes. */
  async start(): Promise<void> {
    this.running ??= Promise.all([this.follow(), this.resyncRegularly()]);
    await this.synced.promise;
  }

  /** Ends the watch; a waiting `start` resolves. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.watching.abort();
    this.synced.resolve();
    await this.running;
  }

  private async follow(): Promise<void> {
    const { signal } = this.stopping;
    for (let failures = 0; !signal.aborted;) {
      const startedAt = Date.now();
      try {
        if (this.resumeAt === undefined) await this.listAndCompare();
        for await (const event of this.openWatch()) this.apply(event);
        failures = Date.now() - startedAt > 1_000 ? 0 : failures + 1;
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        if (isExpired(error)) this.resumeAt = undefined;
        else if (failures === 1 || failures % 10 === 0) {
          this.options.log.warn(
            { resource: this.resource, reason: messageOf(error) },
            'watch failed, will resume',
          );
        }
      }
      // A watch that ends at once, again and again, must not spin.
      if (failures > 0) await sleep(backoffMs(failures, 50, 5_000), signal).catch(() => undefined);
    }
  }

  private openWatch(): AsyncIterable<WatchEvent<KindTable[R]>> {
    this.watching = new AbortController();
    const { namespace, labelSelector, fieldSelector } = this.options;
    return this.kube.watch(this.resource, {
      namespace,
      labelSelector,
      fieldSelector,
      resourceVersion: this.resumeAt ?? '',
      signal: AbortSignal.any([this.watching.signal, this.stopping.signal]),
    });
  }

  private async resyncRegularly(): Promise<void> {
    const { signal } = this.stopping;
    const everyMs = this.options.resyncEveryMs ?? 60_000;
    while (!signal.aborted) {
      // Jitter, so that a process's informers do not all list at once.
      await sleep(everyMs * (0.8 + Math.random() * 0.4), signal).catch(() => undefined);
      if (signal.aborted || this.resumeAt === undefined) continue;
      try {
        const differences = await this.listAndCompare();
        if (differences === 0) continue;
        this.options.log.info({ resource: this.resource, differences }, 'copy repaired by list');
        this.watching.abort();
      } catch (error) {
        if (!signal.aborted)
          this.options.log.warn({ resource: this.resource, reason: messageOf(error) }, 'resync failed');
      }
    }
  }

  /** Makes the copy equal to a fresh list, except for what the watch said meanwhile; answers the number of differences. */
  private async listAndCompare(): Promise<number> {
    const touched = (this.touchedDuringList = new Set<string>());
    const { namespace, labelSelector, fieldSelector } = this.options;
    const { items, resourceVersion } = await this.kube.list(this.resource, {
      namespace,
      labelSelector,
      fieldSelector,
      signal: this.stopping.signal,
    });
    this.touchedDuringList = undefined;
    this.lastHeardAt = Date.now();
    const listed = new Map(items.map((object) => [keyOf(object), object]));
    let differences = 0;
    for (const [key, object] of listed) {
      if (!touched.has(key) && this.put(key, object)) differences += 1;
    }
    for (const key of this.objects.keys()) {
      if (listed.has(key) || touched.has(key)) continue;
      this.remove(key);
      differences += 1;
    }
    if (this.resumeAt === undefined || differences > 0) this.resumeAt = resourceVersion;
    this.synced.resolve();
    return differences;
  }

  private apply(event: WatchEvent<KindTable[R]>): void {
    this.lastHeardAt = Date.now();
    this.resumeAt = event.object.metadata?.resourceVersion ?? this.resumeAt;
    if (event.type === 'BOOKMARK') return;
    const key = keyOf(event.object);
    this.touchedDuringList?.add(key);
    if (event.type === 'DELETED') this.remove(key);
    else this.put(key, event.object);
  }

  /** True when it changed something. */
  private put(key: string, object: KindTable[R]): boolean {
    const before = this.objects.get(key);
    const version = object.metadata?.resourceVersion;
    if (before && before.metadata?.resourceVersion === version) return false;
    this.objects.set(key, object);
    this.tell(object, before);
    return true;
  }

  private remove(key: string): void {
    const before = this.objects.get(key);
    if (this.objects.delete(key)) this.tell(undefined, before);
  }

  private tell(now: KindTable[R] | undefined, before: KindTable[R] | undefined): void {
    for (const handler of this.handlers) {
      try {
        handler(now, before);
      } catch (error) {
        this.options.log.error({ resource: this.resource, err: error }, 'informer handler failed');
      }
    }
  }
}

function isExpired(error: unknown): boolean {
  return error instanceof AppError && error.details['reason'] === 'Expired';
}
