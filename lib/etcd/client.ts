import { AppError, messageOf, toAppError } from '@skyarc/lib/errors';
import etcd3, { type Etcd3, type IRequestOp, type IResponseOp } from 'etcd3';
import { keyValueOf, type KeyValue } from './key-value.ts';
import { grantLease, type EtcdLease } from './lease.ts';
import { prefixEnd, watch, type WatchBatch, type WatchOptions } from './watch.ts';

/** One condition of a transaction; a mod revision of 0 means that the key does not exist. */
export type Compare =
  | { readonly key: string; readonly modRevision: number }
  | { readonly key: string; readonly value: string | Buffer };

export type Operation =
  | { readonly type: 'put'; readonly key: string; readonly value: string | Buffer; readonly leaseId?: string }
  | { readonly type: 'delete'; readonly key: string }
  | { readonly type: 'get'; readonly key: string };

/** What a `get` found, or how many keys a `delete` removed. */
export interface OperationReply {
  readonly found: KeyValue | null;
  readonly deleted: number;
}

export interface TxnResult {
  readonly succeeded: boolean;
  /** Revision of the store after the transaction: that of its writes when it made any. */
  readonly revision: number;
  /** One reply per operation of the branch that ran. */
  readonly replies: readonly OperationReply[];
}

export interface ListOptions {
  readonly limit?: number;
  /** Only keys after this one, for the next page. */
  readonly after?: string;
  /** The state at this revision; the newest when absent. */
  readonly revision?: number;
}

export interface ListResult {
  readonly items: readonly KeyValue[];
  readonly more: boolean;
  /** All keys under the prefix after `after`, those beyond the limit too. */
  readonly count: number;
  readonly revision: number;
}

const callTimeoutMs = 10_000;

/**
 * A client of etcd's v3 API. Every call fails with UNAVAILABLE when etcd cannot be reached (a write may
 * then have happened: read before repeating it) and with CONFLICT, `details.reason = 'Compacted'`, for a
 * revision that is gone. Nothing is retried here but the reconnecting of watches.
 */
export class EtcdClient {
  /** One for each member; the one in use changes when it does not answer. */
  private readonly clients: readonly Etcd3[];
  private current = 0;
  private readonly onMove = new Set<() => void>();

  /** `url`: of one member, or of several with commas between them. */
  constructor(options: { readonly url: string }) {
    this.clients = options.url.split(',').map(connect);
  }

  private get client(): Etcd3 {
    return this.clients[this.current] as Etcd3;
  }

  async get(key: string): Promise<KeyValue | null> {
    const response = await this.call(() => this.client.kv.range({ key: Buffer.from(key) }));
    return response.kvs[0] ? keyValueOf(response.kvs[0]) : null;
  }

  /** Keys under a prefix in byte order. Ask for the following pages at the first one's revision. */
  async list(prefix: string, options: ListOptions = {}): Promise<ListResult> {
    return this.range(prefix, options, false);
  }

  /** Mod revision by key of everything under a prefix, without the values: to compare a cache with. */
  async listRevisions(prefix: string): Promise<{ revisions: ReadonlyMap<string, number>; revision: number }> {
    const page = await this.range(prefix, {}, true);
    return {
      revisions: new Map(page.items.map((item) => [item.key, item.modRevision])),
      revision: page.revision,
    };
  }

  private async range(prefix: string, options: ListOptions, keysOnly: boolean): Promise<ListResult> {
    const response = await this.call(() =>
      this.client.kv.range({
        key: options.after === undefined ? Buffer.from(prefix) : Buffer.from(`${options.after}\0`),
        range_end: prefixEnd(prefix),
        limit: options.limit ?? 0,
        revision: options.revision ?? 0,
        keys_only: keysOnly,
      }),
    );
    return {
      items: response.kvs.map(keyValueOf),
      more: response.more,
      count: Number(response.count),
      revision: Number(response.header.revision),
    };
  }

  /** Writes when the key's mod revision is the expected one (0: absent); without one, always. Answers the new revision or null. */
  async put(key: string, value: string | Buffer, expectedRevision?: number): Promise<number | null> {
    const compare = expectedRevision === undefined ? [] : [{ key, modRevision: expectedRevision }];
    const result = await this.txn(compare, [{ type: 'put', key, value }]);
    return result.succeeded ? result.revision : null;
  }

  async delete(key: string, expectedRevision?: number): Promise<boolean> {
    const compare = expectedRevision === undefined ? [] : [{ key, modRevision: expectedRevision }];
    const result = await this.txn(compare, [{ type: 'delete', key }]);
    return result.succeeded && (result.replies[0]?.deleted ?? 0) > 0;
  }

  /** Removes everything under a prefix; answers how many keys there were. */
  async deleteAll(prefix: string): Promise<number> {
    const range = { key: Buffer.from(prefix), range_end: prefixEnd(prefix) };
    const response = await this.call(() => this.client.kv.deleteRange(range));
    return Number(response.deleted);
  }

  /** All of `then` when every comparison holds, else all of `otherwise`; at most 128 operations each. */
  async txn(
    compare: readonly Compare[],
    then: readonly Operation[],
    otherwise: readonly Operation[] = [],
  ): Promise<TxnResult> {
    const response = await this.call(() =>
      this.client.kv.txn({
        compare: compare.map((condition) =>
          'value' in condition
            ? {
                key: Buffer.from(condition.key),
                target: 'Value',
                result: 'Equal',
                value: Buffer.from(condition.value),
              }
            : {
                key: Buffer.from(condition.key),
                target: 'Mod',
                result: 'Equal',
                mod_revision: condition.modRevision,
              },
        ),
        success: then.map(requestOf),
        failure: otherwise.map(requestOf),
      }),
    );
    return {
      succeeded: response.succeeded,
      revision: Number(response.header.revision),
      replies: response.responses.map(replyOf),
    };
  }

  /** The store's newest revision. */
  async revision(): Promise<number> {
    const response = await this.call(() =>
      this.client.kv.range({ key: Buffer.from('\0'), count_only: true }),
    );
    return Number(response.header.revision);
  }

  /** A lease that is kept alive until it is revoked or lost; its keys vanish with it. */
  lease(ttlSeconds: number): Promise<EtcdLease> {
    return this.call(() => grantLease(this.client, ttlSeconds));
  }

  /**
   * Changes under a prefix from a revision on, whole revisions in order; reconnects and resumes by itself.
   * Ends without error when the signal aborts. Throws CONFLICT with `details.reason = 'Compacted'` when the
   * revision is gone (or etcd was replaced by an older one): list again and watch from there.
   */
  watch(prefix: string, options: WatchOptions): AsyncGenerator<WatchBatch> {
    return watch({ current: () => this.client.watchClient, moves: this.onMove }, prefix, options);
  }

  /** Forgets the history before a revision. */
  async compact(revision: number): Promise<void> {
    await this.call(() => this.client.kv.compact({ revision, physical: true }));
  }

  /** Whether etcd refuses writes because it has used up its space. */
  async isFull(): Promise<boolean> {
    const { alarms } = await this.call(() => this.client.maintenance.alarm({ action: 'Get' }));
    return alarms.length > 0;
  }

  /**
   * Gives back what history and deletes have left in etcd's files, and lets it be written to again, if that is enough:
   * for a store that refuses writes with EXHAUSTED. Every member stands still for a moment.
   */
  async reclaimSpace(): Promise<void> {
    await this.compact(await this.revision()).catch((error: unknown) => {
      if (toAppError(error).details['reason'] !== 'Compacted') throw error;
    });
    await this.call(async () => {
      for (const { maintenance } of this.clients) await maintenance.defragment();
      const { alarms } = await this.client.maintenance.alarm({ action: 'Get' });
      for (const { alarm, memberID } of alarms)
        await this.client.maintenance.alarm({ action: 'Deactivate', alarm, memberID });
    });
  }

  close(): void {
    for (const client of this.clients) client.close();
  }

  private async call<T>(run: () => Promise<T>): Promise<T> {
    const { current } = this;
    try {
      return await run();
    } catch (error) {
      const translated = translate(error);
      if (translated.code === 'UNAVAILABLE' && current === this.current) this.move();
      throw translated;
    }
  }

  /** To the next member; watches follow, as one that is cut off from the others sends nothing and says nothing. */
  private move(): void {
    if (this.clients.length === 1) return;
    this.current = (this.current + 1) % this.clients.length;
    for (const moved of this.onMove) moved();
  }
}

function connect(url: string): Etcd3 {
  return new etcd3.Etcd3({
    hosts: url,
    defaultCallOptions: (context) => (context.isStream ? {} : { deadline: Date.now() + callTimeoutMs }),
    grpcOptions: {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 5_000,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1_000,
    },
    faultHandling: { host: () => callOnce, global: callOnce },
  });
}

/** In place of etcd3's retries and circuit breaker, which would repeat writes and delay recovery. */
const callOnce = {
  execute: async (run: (context: { signal: AbortSignal }) => unknown) =>
    run({ signal: new AbortController().signal }),
} as never;

function translate(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const message = messageOf(error);
  if (/compacted|future revision/.test(message)) {
    return new AppError('CONFLICT', `Cannot read etcd at this revision: ${message}`, {
      details: { reason: 'Compacted' },
      cause: error,
    });
  }
  if (/space exceeded|too large|larger than max/.test(message)) {
    return new AppError('EXHAUSTED', `etcd refuses the write: ${message}`, { cause: error });
  }
  return new AppError('UNAVAILABLE', `etcd does not answer: ${message}`, { cause: error });
}

function requestOf(operation: Operation): IRequestOp {
  const key = Buffer.from(operation.key);
  switch (operation.type) {
    case 'put':
      return { request_put: { key, value: Buffer.from(operation.value), lease: operation.leaseId ?? 0 } };
    case 'delete':
      return { request_delete_range: { key } };
    case 'get':
      return { request_range: { key } };
  }
}

function replyOf(response: IResponseOp): OperationReply {
  const found = response.response_range?.kvs[0];
  return {
    found: found ? keyValueOf(found) : null,
    deleted: Number(response.response_delete_range?.deleted ?? 0),
  };
}
