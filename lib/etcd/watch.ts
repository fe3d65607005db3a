import { AppError, messageOf } from '@skyarc/lib/errors';
import { backoffMs, sleep } from '@skyarc/lib/retry';
import type { IEvent, IWatchCreateRequest, IWatchRequest, IWatchResponse, WatchClient } from 'etcd3';
import { keyValueOf, type KeyValue } from './key-value.ts';

export interface WatchOptions {
  /** First revision wanted: that of a list plus one. */
  readonly fromRevision: number;
  readonly signal: AbortSignal;
  /** Deliver the value before each change too. */
  readonly withPrevious?: boolean;
  /** Told of each lost connection; the watch goes on by itself. */
  readonly onReconnect?: (error: unknown) => void;
  /** Told each time etcd has taken the watch up. */
  readonly onConnect?: () => void;
}

export interface WatchChange {
  readonly type: 'put' | 'delete';
  /** Of a delete: only key and mod revision. */
  readonly kv: KeyValue;
  readonly previous: KeyValue | null;
}

/** Changes of one or more whole revisions; none for a progress notice. */
export interface WatchBatch {
  /** Everything up to this revision has been delivered. */
  readonly revision: number;
  readonly changes: readonly WatchChange[];
}

/** The member to watch at, which may become another. */
interface WatchSource {
  readonly current: () => WatchClient;
  readonly moves: Set<() => void>;
}

export async function* watch(
  source: WatchSource,
  prefix: string,
  options: WatchOptions,
): AsyncGenerator<WatchBatch> {
  const { signal } = options;
  let next = options.fromRevision;
  for (let attempt = 1; !signal.aborted; attempt += 1) {
    try {
      const request = {
        key: Buffer.from(prefix),
        range_end: prefixEnd(prefix),
        start_revision: next,
        progress_notify: true,
        prev_kv: options.withPrevious ?? false,
        fragment: true,
      };
      for await (const batch of watchOnce(source, request, options)) {
        attempt = 0;
        if (batch.revision < next) continue;
        yield batch;
        next = batch.revision + 1;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof AppError) throw error;
      options.onReconnect?.(error);
      await sleep(backoffMs(Math.max(attempt, 1), 50, 1_000), signal).catch(() => undefined);
    }
  }
}

/** One connection's worth of batches; throws when it breaks. */
async function* watchOnce(
  source: WatchSource,
  request: IWatchCreateRequest,
  { signal, onConnect }: WatchOptions,
): AsyncGenerator<WatchBatch> {
  const stream = await source.current().watch();
  const inbox = new Inbox();
  const close = (): void => inbox.fail(new Error('closed'));
  stream.on('data', (response) => inbox.push(response));
  stream.on('error', (error) => inbox.fail(error));
  stream.on('end', () => inbox.fail(new Error('etcd ended the watch')));
  const move = (): void => inbox.fail(new Error('another member is asked'));
  signal.addEventListener('abort', close);
  source.moves.add(move);
  if (signal.aborted) close();
  let fragments: IEvent[] = [];
  try {
    send(stream, { create_request: request });
    for (;;) {
      for (const response of await inbox.take()) {
        refuseIfGone(response, Number(request.start_revision));
        if (response.created) {
          onConnect?.();
          continue;
        }
        fragments = fragments.concat(response.events);
        if (response.fragment) continue;
        // While a watch catches up, the header is ahead of the events: only the events' own revisions count.
        const last = fragments.at(-1)?.kv.mod_revision ?? response.header.revision;
        yield { revision: Number(last), changes: fragments.map(changeOf) };
        fragments = [];
      }
    }
  } finally {
    signal.removeEventListener('abort', close);
    source.moves.delete(move);
    stream.on('error', () => undefined);
    stream.cancel();
  }
}

/** etcd3's type has the fields of a oneof all present; the wire wants exactly one. */
function send(
  stream: { write(message: Partial<IWatchRequest>): void },
  request: Partial<IWatchRequest>,
): void {
  stream.write(request);
}

function refuseIfGone(response: IWatchResponse, fromRevision: number): void {
  const compacted = Number(response.compact_revision);
  const replaced = response.created && Number(response.header.revision) < fromRevision - 1;
  if (compacted > 0 || replaced) {
    throw new AppError(
      'CONFLICT',
      `Cannot watch etcd from revision ${fromRevision}: it is gone, list again`,
      {
        details: { reason: 'Compacted', compactRevision: compacted },
      },
    );
  }
  if (response.canceled) throw new Error(`etcd canceled the watch: ${response.cancel_reason}`);
}

function changeOf(event: IEvent): WatchChange {
  return {
    // The declared type says `Delete`, the wire `DELETE`.
    type: event.type.toUpperCase() === 'DELETE' ? 'delete' : 'put',
    kv: keyValueOf(event.kv),
    previous: event.prev_kv ? keyValueOf(event.prev_kv) : null,
  };
}

/** First key after all keys with the prefix (etcd's range end). */
export function prefixEnd(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  const last = end.length - 1;
  end[last] = (end[last] ?? 0) + 1;
  return end;
}

/** Collects responses between two turns of the reader, then the failure. */
class Inbox {
  private responses: IWatchResponse[] = [];
  private failure: Error | undefined;
  private wake: (() => void) | undefined;

  push(response: IWatchResponse): void {
    this.responses.push(response);
    this.wake?.();
  }

  fail(error: unknown): void {
    this.failure ??= error instanceof Error ? error : new Error(messageOf(error));
    this.wake?.();
  }

  async take(): Promise<IWatchResponse[]> {
    if (this.responses.length === 0 && !this.failure) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    if (this.responses.length === 0 && this.failure) throw this.failure;
    const taken = this.responses;
    this.responses = [];
    return taken;
  }
}
