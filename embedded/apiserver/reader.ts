import { AppError } from '@skyarc/lib/errors';
import type { EtcdClient } from '@skyarc/lib/etcd';
import { apiError, badRequest, expired, notFound } from './errors.ts';
import { Entry } from './entry.ts';
import { pathOf, type Keys } from './keys.ts';
import type { Kind } from './kind.ts';
import type { CacheEvent } from './kind-cache.ts';
import { matcherOf, parseRevision, type Matcher, type Selection } from './query.ts';
import type { WatchCache } from './watch-cache.ts';

export interface ListQuery extends Selection {
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: string;
}

export interface ListPage {
  readonly entries: readonly Entry[];
  readonly revision: number;
  readonly continue?: string;
  readonly remaining?: number;
}

export interface WatchQuery extends Selection {
  readonly resourceVersion?: string;
}

export type WatchSink = (type: 'ADDED' | 'MODIFIED' | 'DELETED', entry: Entry) => void;

const chunk = 500;

/** get, list and watch: from the cache; older states and the pages of a list that changed since, from etcd. */
export class Reader {
  private readonly etcd: EtcdClient;
  private readonly keys: Keys;
  private readonly cache: WatchCache;

  constructor(options: { etcd: EtcdClient; keys: Keys; cache: WatchCache }) {
    this.etcd = options.etcd;
    this.keys = options.keys;
    this.cache = options.cache;
  }

  get revision(): number {
    return this.cache.revision;
  }

  find(kind: Kind, namespace: string | undefined, name: string): Entry | undefined {
    return this.cache.of(kind).get(pathOf(namespace, name));
  }

  /** Every object of a kind, or of a kind in a namespace. */
  entries(kind: Kind, namespace?: string): Entry[] {
    return Array.from(this.cache.of(kind).list(namespace), ([, entry]) => entry);
  }

  get(kind: Kind, namespace: string | undefined, name: string): Entry {
    const found = this.find(kind, namespace, name);
    if (!found) throw notFound(kind, name);
    return found;
  }

  async list(kind: Kind, query: ListQuery): Promise<ListPage> {
    const matches = matcherOf(kind, query);
    if (query.continue) return this.nextPage(kind, query, matches, parseToken(query.continue));
    const revision = parseRevision(query.resourceVersion);
    if (
      revision !== undefined &&
      query.resourceVersionMatch === 'Exact' &&
      revision !== this.cache.revision
    ) {
      return this.pageAt(kind, query, matches, { revision, after: '' });
    }
    if (revision !== undefined && revision > this.cache.revision) await this.reach(revision);
    return this.pageOfCache(kind, query, matches, '');
  }

  /**
   * Tells the sink of every change after the resource version (without one: first of everything there is),
   * until the returned function is called. Throws 410 when the version is too old.
   */
  watch(kind: Kind, query: WatchQuery, sink: WatchSink): () => void {
    const matches = matcherOf(kind, query);
    const cache = this.cache.of(kind);
    const from = parseRevision(query.resourceVersion);
    const tell = (event: CacheEvent): void => {
      const isIn = event.type !== 'DELETED' && matches(event.entry);
      const wasIn = event.previous !== undefined && matches(event.previous);
      if (isIn) sink(wasIn ? 'MODIFIED' : 'ADDED', event.entry);
      else if (wasIn) {
        sink('DELETED', event.type === 'DELETED' ? event.entry : event.previous.deletedAt(event.revision));
      }
    };
    if (from === undefined) {
      for (const [, entry] of cache.list(query.namespace)) if (matches(entry)) sink('ADDED', entry);
    } else {
      const missed = cache.since(from);
      if (!missed) throw expired(`too old resource version: ${from} (${this.cache.revision})`);
      for (const event of missed) tell(event);
    }
    return cache.listen((event) => {
      if (event.revision > (from ?? 0)) tell(event);
    });
  }

  /** A version that this server has not seen yet: wait a little, as it may be on its way. */
  private async reach(revision: number): Promise<void> {
    if ((await this.etcd.revision()) < revision) {
      throw apiError(
        504,
        'Timeout',
        `Too large resource version: ${revision}, current: ${this.cache.revision}`,
        {
          causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
          retryAfterSeconds: 1,
        },
      );
    }
    // The newest revision of etcd may lie outside our prefix; the cache is then as new as it can be.
    if (this.cache.revision < revision) await this.cache.repair('a client knows a newer revision');
  }

  private nextPage(
    kind: Kind,
    query: ListQuery,
    matches: Matcher,
    token: PageToken,
  ): Promise<ListPage> | ListPage {
    const isUnchanged = this.cache.of(kind).since(token.revision)?.length === 0;
    return isUnchanged
      ? { ...this.pageOfCache(kind, query, matches, token.after, token.revision) }
      : this.pageAt(kind, query, matches, token);
  }

  private pageOfCache(
    kind: Kind,
    query: ListQuery,
    matches: Matcher,
    after: string,
    revision = this.cache.revision,
  ): ListPage {
    const entries: Entry[] = [];
    const { limit = 0 } = query;
    let last = '';
    let remaining = 0;
    const isFiltered = Boolean(query.labelSelector ?? query.fieldSelector);
    for (const [path, entry] of this.cache.of(kind).list(query.namespace, after)) {
      if (!matches(entry)) continue;
      if (limit > 0 && entries.length === limit) {
        remaining += 1;
        if (isFiltered) break;
        continue;
      }
      entries.push(entry);
      last = path;
    }
    return page(entries, revision, { last, remaining, isFiltered });
  }

  private async pageAt(kind: Kind, query: ListQuery, matches: Matcher, token: PageToken): Promise<ListPage> {
    const kindPrefix = this.keys.prefixOf(kind);
    const prefix = kindPrefix + (query.namespace ? `${query.namespace}/` : '');
    const { limit = 0 } = query;
    const isFiltered = Boolean(query.labelSelector ?? query.fieldSelector);
    const entries: Entry[] = [];
    let after = token.after ? kindPrefix + token.after : undefined;
    for (;;) {
      const wanted = limit > 0 && !isFiltered ? Math.min(limit - entries.length, chunk) : chunk;
      const found = await this.etcd
        .list(prefix, { after, limit: wanted, revision: token.revision })
        .catch((error: unknown) => {
          throw isCompacted(error) ? expired(continueTooOld) : error;
        });
      for (const [i, item] of found.items.entries()) {
        const entry = Entry.parse(item.value, item.modRevision);
        after = item.key;
        if (matches(entry)) entries.push(entry);
        if (limit > 0 && entries.length === limit) {
          const remaining = found.count - i - 1;
          return page(entries, token.revision, {
            last: after.slice(kindPrefix.length),
            remaining,
            isFiltered,
          });
        }
      }
      if (!found.more) return page(entries, token.revision, { last: '', remaining: 0, isFiltered });
    }
  }
}

const continueTooOld =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.';

function isCompacted(error: unknown): boolean {
  return error instanceof AppError && error.details['reason'] === 'Compacted';
}

interface PageToken {
  readonly revision: number;
  readonly after: string;
}

function page(
  entries: readonly Entry[],
  revision: number,
  rest: { last: string; remaining: number; isFiltered: boolean },
): ListPage {
  if (rest.remaining === 0) return { entries, revision };
  const token = Buffer.from(JSON.stringify({ revision, after: rest.last })).toString('base64url');
  return { entries, revision, continue: token, remaining: rest.isFiltered ? undefined : rest.remaining };
}

function parseToken(text: string): PageToken {
  try {
    const token = JSON.parse(Buffer.from(text, 'base64url').toString()) as PageToken;
    if (Number.isSafeInteger(token.revision) && token.revision > 0 && typeof token.after === 'string')
      return token;
  } catch {
    // Falls through to the same answer as a token of the wrong shape.
  }
  throw badRequest('continue key is not valid: encoded string is malformed');
}
