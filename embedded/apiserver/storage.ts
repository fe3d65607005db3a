import type { Compare, EtcdClient, Operation } from '@skyarc/lib/etcd';
import { Entry, storedText } from './entry.ts';
import type { FieldError } from './field-error.ts';
import type { Keys } from './keys.ts';
import type { Claim, Kind } from './kind.ts';
import type { ApiObject } from './object.ts';
import type { WatchCache } from './watch-cache.ts';

/** Why a create did not happen. */
export type CreateRefusal =
  | { readonly why: 'exists' }
  | { readonly why: 'namespace changed' }
  | { readonly why: 'claim taken'; readonly key: string; readonly error: FieldError };

/** Each write is one etcd transaction, and returns when the cache has it: who reads next sees it. */
export class Storage {
  private readonly etcd: EtcdClient;
  private readonly keys: Keys;
  private readonly cache: WatchCache;

  constructor(options: { etcd: EtcdClient; keys: Keys; cache: WatchCache }) {
    this.etcd = options.etcd;
    this.keys = options.keys;
    this.cache = options.cache;
  }

  claimKey(name: string): string {
    return this.keys.claims + name;
  }

  /** Fenced with the namespace's revision, so that nothing is born in a namespace that began to end. */
  async create(
    kind: Kind,
    object: ApiObject,
    fence?: { kind: Kind; entry: Entry },
  ): Promise<Entry | CreateRefusal> {
    const key = this.keyOf(kind, object);
    const claims = kind.claims?.(object) ?? [];
    const conditions: Compare[] = [key, ...claims.map((claim) => this.claimKey(claim.key))].map((each) => ({
      key: each,
      modRevision: 0,
    }));
    if (fence)
      conditions.push({ key: this.keyOf(fence.kind, fence.entry.object), modRevision: fence.entry.revision });
    const puts: Operation[] = [
      { type: 'put', key, value: storedText(object) },
      ...claims.map((claim): Operation => ({ type: 'put', key: this.claimKey(claim.key), value: key })),
    ];
    const reads = conditions.map((condition): Operation => ({ type: 'get', key: condition.key }));
    const result = await this.etcd.txn(conditions, puts, reads);
    if (result.succeeded) return this.seen(object, result.revision);
    if (result.replies[0]?.found) {
      await this.cache.waitFor(result.replies[0].found.modRevision);
      return { why: 'exists' };
    }
    for (const [i, claim] of claims.entries()) {
      if (result.replies[i + 1]?.found) return { why: 'claim taken', key: claim.key, error: claim.taken };
    }
    await this.cache.waitFor(result.replies.at(-1)?.found?.modRevision ?? 0);
    return { why: 'namespace changed' };
  }

  /** Null when the object is not at the old revision any more; the cache has the newer one then. */
  async update(kind: Kind, object: ApiObject, old: Entry): Promise<Entry | null> {
    const key = this.keyOf(kind, object);
    const held = kind.claims?.(old.object) ?? [];
    const wanted = kind.claims?.(object) ?? [];
    const added = wanted.filter((claim) => !isIn(held, claim));
    const freed = held.filter((claim) => !isIn(wanted, claim));
    const result = await this.etcd.txn(
      [
        { key, modRevision: old.revision },
        ...added.map((claim) => ({ key: this.claimKey(claim.key), modRevision: 0 })),
      ],
      [
        { type: 'put', key, value: storedText(object) },
        ...added.map((claim): Operation => ({ type: 'put', key: this.claimKey(claim.key), value: key })),
        ...freed.map((claim): Operation => ({ type: 'delete', key: this.claimKey(claim.key) })),
      ],
    );
    if (result.succeeded) return this.seen(object, result.revision);
    await this.cache.waitFor((await this.etcd.get(key))?.modRevision ?? result.revision);
    return null;
  }

  /** Null when the object is not at the old revision any more; the cache has the newer state then. */
  async delete(kind: Kind, old: Entry): Promise<Entry | null> {
    const key = this.keyOf(kind, old.object);
    const claims = kind.claims?.(old.object) ?? [];
    const result = await this.etcd.txn(
      [{ key, modRevision: old.revision }],
      [
        { type: 'delete', key },
        ...claims.map((claim): Operation => ({ type: 'delete', key: this.claimKey(claim.key) })),
      ],
    );
    if (result.succeeded) {
      await this.cache.waitFor(result.revision);
      return old.deletedAt(result.revision);
    }
    const found = await this.etcd.get(key);
    if (found) await this.cache.waitFor(found.modRevision);
    else await this.cache.repair('an object was deleted by someone else');
    return null;
  }

  private async seen(object: ApiObject, revision: number): Promise<Entry> {
    await this.cache.waitFor(revision);
    return new Entry(
      { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } },
      revision,
    );
  }

  private keyOf(kind: Kind, object: ApiObject): string {
    return this.keys.of(kind, object.metadata.namespace, object.metadata.name);
  }
}

function isIn(list: readonly Claim[], claim: Claim): boolean {
  return list.some((each) => each.key === claim.key);
}
