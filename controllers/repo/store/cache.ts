import type { Readable } from 'node:stream';
import { text as readText } from 'node:stream/consumers';
import { AppError, messageOf, toAppError } from '@skyarc/lib/errors';
import { createLogger } from '@skyarc/lib/log';
import type { BlobStore } from './blobs.ts';
import type { Catalogue, FileRecord } from './catalogue.ts';
import type { Digests } from './digests.ts';
import { Download } from './download.ts';
import type { RepoMetrics } from '../metrics.ts';
import type { Upstream, UpstreamAnswer, UpstreamClient } from './upstream.ts';

/** A file of an upstream that somebody asks for. */
export interface Wanted {
  readonly format: string;
  /** Name of the package that it belongs to; empty for indexes. */
  readonly name: string;
  /** Unique path within the format. */
  readonly path: string;
  readonly upstream: Upstream;
  /** Where it is; relative to the upstream or absolute. */
  readonly url: string;
  readonly accept?: string;
  /** After how long the upstream is asked again, in milliseconds; null: it never changes. */
  readonly maxAgeMs: number | null;
  /** What it must be. */
  readonly digests?: Digests;
  /** Looks at a new file before it is kept; answers what is wrong with it. */
  readonly inspect?: (file: string) => Promise<string | undefined>;
  readonly limitBytes: number;
}

/** A file to send: whole on disk, or still arriving. */
export interface Served {
  /** Null while a download goes on whose length the upstream did not tell. */
  readonly size: number | null;
  readonly type: string;
  /** SHA-256 in hex; null while it arrives. */
  readonly digest: string | null;
  /** Validator that the format's clients know; the digest when absent. */
  readonly etag?: string;
  /** True when the upstream is away and this is the newest that is kept. */
  readonly isStale: boolean;
  readonly stream: (range?: { readonly start: number; readonly end: number }) => Promise<Readable>;
}

const log = createLogger('repo');

interface Flight {
  readonly served: Promise<Served>;
  readonly landed: Promise<FileRecord>;
}

/**
 * Files of upstreams, kept. One that is asked for by many at once is fetched once and sent to all while it
 * arrives; what breaks off or is not what its index promised is never kept.
 */
export class FileCache {
  private readonly blobs: BlobStore;
  private readonly catalogue: Catalogue;
  private readonly client: UpstreamClient;
  private readonly metrics: RepoMetrics;
  private readonly limitBytes: number;
  private readonly flights = new Map<string, Flight>();
  /** Keeping a file and dropping others must not cross: equal contents share one place on disk. */
  private tail: Promise<unknown> = Promise.resolve();
  private isTrimming = false;
  /** What cached files take, at most: equal contents are counted once only when it is looked at closely. */
  private bytes: number;

  constructor(parts: {
    readonly blobs: BlobStore;
    readonly catalogue: Catalogue;
    readonly client: UpstreamClient;
    readonly metrics: RepoMetrics;
    readonly limitBytes: number;
  }) {
    this.blobs = parts.blobs;
    this.catalogue = parts.catalogue;
    this.client = parts.client;
    this.metrics = parts.metrics;
    this.limitBytes = parts.limitBytes;
    this.bytes = parts.catalogue.cachedBytes();
  }

  /** The file; throws NOT_FOUND when the upstream has none, UNAVAILABLE when it cannot be had and none is kept. */
  async open(wanted: Wanted): Promise<Served> {
    const key = keyOf(wanted);
    const kept = await this.findKept(key);
    if (kept && (wanted.maxAgeMs === null || Date.now() - kept.checkedAt < wanted.maxAgeMs)) {
      this.metrics.count(wanted.format, 'hit');
      return this.serve(kept, false);
    }
    const { served } = this.fly(key, wanted, kept);
    try {
      return await served;
    } catch (error) {
      const reason = toAppError(error);
      if (reason.code === 'NOT_FOUND' || reason.details['isTampered']) throw error;
      // A client that tries several files goes on as it did when the upstream could say so.
      if (!kept && reason.code === 'UNAVAILABLE' && this.catalogue.wasAbsent(key)) throw absent(wanted);
      if (!kept) throw error;
      this.metrics.count(wanted.format, 'stale');
      log.info({ path: wanted.path, reason: reason.message }, 'served what is kept: the upstream is away');
      return this.serve(kept, true);
    }
  }

  /** A small file as text; like `open`. */
  async text(
    wanted: Wanted,
  ): Promise<{ readonly text: string; readonly digest: string; readonly type: string }> {
    const served = await this.open(wanted);
    const text = await readText(await served.stream());
    const record = this.catalogue.find(keyOf(wanted));
    return { text, digest: record?.digest ?? '', type: served.type };
  }

  /** The file when it is whole on disk; like `open`. */
  async file(wanted: Wanted): Promise<FileRecord> {
    const key = keyOf(wanted);
    const served = await this.open(wanted);
    if (served.digest === null) await this.flights.get(key)?.landed;
    const record = this.catalogue.find(key);
    if (!record) throw new AppError('UNAVAILABLE', `${wanted.path} is gone again`);
    return record;
  }

  find(format: string, path: string): FileRecord | null {
    return this.catalogue.find(keyOf({ format, path }));
  }

  /** Does something while no file is dropped. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.tail.then(work);
    this.tail = mine.catch(() => undefined);
    return mine;
  }

  /** Drops the half of what is cached that was not used for the longest time; answers how many bytes that gave back. */
  async halve(): Promise<number> {
    const before = this.catalogue.cachedBytes();
    await this.trim(before / 2);
    return before - this.catalogue.cachedBytes();
  }

  /** Drops files that were not used for the longest time until the rest fits, and contents that nothing names. */
  async trim(limitBytes = this.limitBytes): Promise<void> {
    if (this.isTrimming) return;
    this.isTrimming = true;
    try {
      for (;;) {
        this.bytes = this.catalogue.cachedBytes();
        const idle = this.bytes > limitBytes ? this.catalogue.listIdle(50) : [];
        if (idle.length === 0) return;
        for (const record of idle) {
          if (this.bytes <= limitBytes) break;
          await this.exclusively(() => this.drop(record));
          this.bytes -= record.size;
        }
      }
    } finally {
      this.isTrimming = false;
    }
  }

  /** Removes contents that a crash left between disk and catalogue. */
  async sweep(): Promise<void> {
    for await (const digest of this.blobs.list()) {
      await this.exclusively(async () => {
        if (!this.catalogue.hasDigest(digest)) await this.blobs.remove(digest);
      });
    }
  }

  serve(record: FileRecord, isStale: boolean): Served {
    this.catalogue.touch(record.key);
    const { size, type, digest } = record;
    return { size, type, digest, isStale, stream: async (range) => this.blobs.read(digest, range) };
  }

  private async findKept(key: string): Promise<FileRecord | null> {
    const record = this.catalogue.find(key);
    if (!record || (await this.blobs.has(record.digest))) return record;
    this.catalogue.forget(key);
    return null;
  }

  private async drop(record: FileRecord): Promise<void> {
    this.catalogue.forget(record.key);
    if (!this.catalogue.hasDigest(record.digest)) await this.blobs.remove(record.digest);
    this.metrics.count(record.format, 'evicted');
  }

  private fly(key: string, wanted: Wanted, kept: FileRecord | null): Flight {
    const flying = this.flights.get(key);
    if (flying) {
      this.metrics.count(wanted.format, 'joined');
      return flying;
    }
    const start = Promise.withResolvers<Served>();
    const landed = this.fetch(key, wanted, { kept, onStart: start.resolve }).finally(() =>
      this.flights.delete(key),
    );
    landed.then((record) => start.resolve(this.serve(record, false)), start.reject);
    start.promise.catch(() => undefined);
    const flight = { served: start.promise, landed };
    this.flights.set(key, flight);
    return flight;
  }

  private async fetch(
    key: string,
    wanted: Wanted,
    { kept, onStart }: { kept: FileRecord | null; onStart: (served: Served) => void },
  ): Promise<FileRecord> {
    const headers = {
      ...(wanted.accept ? { accept: wanted.accept } : {}),
      ...(kept?.etag && !wanted.digests ? { 'if-none-match': kept.etag } : {}),
    };
    try {
      const answer = await this.client.get(wanted.upstream, wanted.url, headers);
      if (answer.status === 304 && kept) {
        await answer.body.dump();
        const record = { ...kept, checkedAt: Date.now() };
        this.catalogue.put(record);
        this.metrics.count(wanted.format, 'unchanged');
        return record;
      }
      if (answer.status !== 200) {
        await answer.body.dump();
        this.catalogue.noteAbsent(key);
        throw absent(wanted);
      }
      const record = await this.store(key, wanted, answer, onStart);
      this.metrics.count(wanted.format, 'fetched');
      this.bytes += record.size;
      if (this.bytes > this.limitBytes)
        this.trim().catch((error: unknown) =>
          log.warn({ reason: messageOf(error) }, 'cannot trim the cache'),
        );
      return record;
    } catch (error) {
      const known = toAppError(error);
      if (known.code === 'NOT_FOUND') throw known;
      this.metrics.count(wanted.format, 'failed');
      if (known.details['isTampered'])
        log.error({ path: wanted.path, reason: known.message }, 'refused a file of an upstream');
      throw new AppError(known.code, `Cannot get ${wanted.path} from ${hostOf(wanted)}: ${known.message}`, {
        details: known.details,
        cause: error,
      });
    }
  }

  private async store(
    key: string,
    wanted: Wanted,
    { headers, body }: UpstreamAnswer,
    onStart: (served: Served) => void,
  ): Promise<FileRecord> {
    const partial = await this.blobs.begin(wanted.digests);
    const download = new Download(partial);
    const length = headers['content-length'];
    if (typeof length === 'string' && !headers['content-encoding']) download.size = Number(length);
    const type = headers['content-type'];
    if (typeof type === 'string') download.type = type;
    void download.started().then(
      () => {
        if (!download.isDone)
          onStart({
            size: download.size,
            type: download.type,
            digest: null,
            isStale: false,
            stream: () => download.stream(),
          });
      },
      () => undefined,
    );
    return download.take(body, wanted, (digest) =>
      this.exclusively(async () => {
        await partial.place(digest);
        const etag = headers['etag'];
        const { format, name, path } = wanted;
        const { size } = partial;
        const record = { key, format, team: '', name, path, digest, size, type: download.type };
        const whole = { ...record, etag: typeof etag === 'string' ? etag : '', checkedAt: Date.now() };
        this.catalogue.put(whole);
        return whole;
      }),
    );
  }
}

function absent(wanted: Wanted): AppError {
  return new AppError('NOT_FOUND', `${hostOf(wanted)} has no ${wanted.path}`);
}

function keyOf({ format, path }: Pick<Wanted, 'format' | 'path'>): string {
  return `/${format}/${path}`;
}

function hostOf({ upstream }: Wanted): string {
  return new URL(upstream.url).host;
}
