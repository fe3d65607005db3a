import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { createLogger } from '@skyarc/lib/log';
import { retry } from '@skyarc/lib/retry';
import { Journal, type JournalEntry } from './journal.ts';
import { LogStream } from './log-stream.ts';
import { type ReadPage, type ReadQuery, readStream } from './read.ts';
import { decodeFrame, encodeFrame, type StoredFrame } from './record.ts';

/** A frame to store, with its stream. */
export interface IncomingFrame extends Omit<StoredFrame, 'sequence'> {
  readonly stream: string;
}

export interface LogStoreOptions {
  readonly dataDir: string;
  readonly segmentBytes: number;
  readonly journalBytes: number;
  readonly maxPendingBytes: number;
  /** Told of frames once they are durable and readable, in order. */
  readonly onStored: (stream: string, frames: readonly StoredFrame[]) => void;
  /** Told of the memory that waiting frames take. */
  readonly onPending: (bytes: number) => void;
}

interface Batch {
  readonly frames: readonly IncomingFrame[];
  readonly bytes: number;
  readonly resolve: (stored: number) => void;
  readonly reject: (error: unknown) => void;
}

/** What one commit adds to one stream. */
interface Addition {
  readonly stream: LogStream;
  readonly frames: StoredFrame[];
  readonly payloads: string[];
  readonly producers: Map<string, number>;
}

const maxGroupBytes = 8 << 20;
const maxIdleStreams = 1_000;
const log = createLogger('eventlog');

/**
 * All streams of one node. Batches that arrive while a sync is under way share the next one; each is
 * answered once its frames are durable and readable.
 */
export class LogStore {
  private readonly options: LogStoreOptions;
  private readonly journal: Journal;
  private readonly streams = new Map<string, Promise<LogStream>>();
  private dirty = new Set<LogStream>();
  private pending: Batch[] = [];
  private committing: Promise<void> | undefined;
  private checkpointing: Promise<void> | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  private closed = false;
  private pendingBytes = 0;
  /** Why nothing can be stored at the moment, if so. */
  problem: string | undefined;

  constructor(options: LogStoreOptions) {
    this.options = options;
    this.journal = new Journal(join(options.dataDir, 'journal'));
  }

  /** Opens the store and brings back what a crash kept from the streams' files. */
  static async open(options: LogStoreOptions): Promise<LogStore> {
    await mkdir(join(options.dataDir, 'streams'), { recursive: true });
    const store = new LogStore(options);
    const drop = await store.recover();
    await drop();
    return store;
  }

  /** Stores frames in order; answers how many were new. Throws EXHAUSTED, UNAVAILABLE. */
  append(frames: readonly IncomingFrame[]): Promise<number> {
    const bytes = frames.reduce((sum, frame) => sum + frame.line.length + 200, 0);
    if (this.closed) return Promise.reject(new AppError('UNAVAILABLE', 'The event log is stopping'));
    if (this.pendingBytes + bytes > this.options.maxPendingBytes) {
      const details = { retryAfterMs: 200 };
      return Promise.reject(
        new AppError('EXHAUSTED', 'Cannot store frames: too many are waiting', { details }),
      );
    }
    this.options.onPending((this.pendingBytes += bytes));
    return new Promise((resolve, reject) => {
      this.pending.push({ frames, bytes, resolve, reject });
      this.committing ??= this.commitAll();
    });
  }

  async read(name: string, query: ReadQuery): Promise<ReadPage> {
    return readStream(await this.stream(name), query);
  }

  /** Loaded from its files when need be; an unknown name is an empty stream. */
  stream(name: string): Promise<LogStream> {
    let stream = this.streams.get(name);
    if (!stream) {
      stream = LogStream.load(name, this.folderOf(name));
      stream.catch(() => this.streams.delete(name));
      this.streams.set(name, stream);
    }
    return stream;
  }

  /** Removes a stream for good; its sequence begins at 1 again. */
  remove(name: string): Promise<void> {
    return this.exclusively(async () => {
      await this.journal.append([{ stream: name, payload: null }]);
      const stream = await this.stream(name);
      this.dirty.delete(stream);
      await stream.remove();
      this.streams.delete(name);
    });
  }

  /** Runs while nothing is written. */
  exclusively<T>(run: () => Promise<T>): Promise<T> {
    const result = this.turn.then(run);
    this.turn = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.committing;
    await this.turn;
    await this.checkpoint();
    await this.checkpointing;
    await this.journal.close();
  }

  folderOf(name: string): string {
    return join(this.options.dataDir, 'streams', name);
  }

  private async commitAll(): Promise<void> {
    while (this.pending.length > 0) {
      const group = this.takeGroup();
      try {
        const stored = await this.exclusively(() => this.commit(group));
        this.problem = undefined;
        for (const [index, batch] of group.entries()) batch.resolve(stored[index] ?? 0);
      } catch (error) {
        this.problem = `cannot store frames: ${messageOf(error)}`;
        log.error({ reason: messageOf(error) }, 'cannot store frames');
        const answer = new AppError('UNAVAILABLE', 'Cannot store frames: the disk refuses', { cause: error });
        for (const batch of group) batch.reject(answer);
      }
      for (const batch of group) this.options.onPending((this.pendingBytes -= batch.bytes));
      if (this.journal.bytes > this.options.journalBytes) await this.checkpoint();
    }
    this.committing = undefined;
  }

  private takeGroup(): Batch[] {
    let bytes = 0;
    let count = 0;
    for (; count < this.pending.length && bytes < maxGroupBytes; count += 1)
      bytes += this.pending[count]?.bytes ?? 0;
    return this.pending.splice(0, count);
  }

  /** Numbers of new frames, one per batch. */
  private async commit(group: readonly Batch[]): Promise<number[]> {
    const additions = new Map<string, Addition>();
    const entries: JournalEntry[] = [];
    const stored: number[] = [];
    for (const batch of group) {
      let count = 0;
      for (const frame of batch.frames) count += (await this.add(additions, entries, frame)) ? 1 : 0;
      stored.push(count);
    }
    if (entries.length === 0) return stored;
    await this.journal.append(entries);
    // Durable from here on: a failing stream file is tried again, not given up.
    await Promise.all([...additions.values()].map((addition) => this.apply(addition)));
    return stored;
  }

  private async add(
    additions: Map<string, Addition>,
    entries: JournalEntry[],
    { stream: name, ...incoming }: IncomingFrame,
  ): Promise<boolean> {
    let addition = additions.get(name);
    if (!addition) {
      addition = { stream: await this.stream(name), frames: [], payloads: [], producers: new Map() };
      additions.set(name, addition);
    }
    const { stream, frames, payloads, producers } = addition;
    const { producer, producerSeq } = incoming;
    if (producer) {
      if (producerSeq <= (producers.get(producer) ?? stream.producerSeq(producer))) return false;
      producers.set(producer, producerSeq);
    }
    const frame = { ...incoming, sequence: stream.lastSequence + frames.length + 1 };
    const payload = encodeFrame(frame);
    frames.push(frame);
    payloads.push(payload);
    entries.push({ stream: name, payload });
    return true;
  }

  private async apply({ stream, frames, payloads }: Addition): Promise<void> {
    if (frames.length === 0) return;
    await retry(() => stream.append(frames, payloads, this.options.segmentBytes), {
      maxMs: 1_000,
      onRetry: (error) => {
        this.problem = `cannot write stream "${stream.name}": ${messageOf(error)}`;
      },
    });
    this.dirty.add(stream);
    this.options.onStored(stream.name, frames);
  }

  /** Begins a new journal, syncs the streams in the background, then drops the old journal. */
  private async checkpoint(): Promise<void> {
    await this.checkpointing;
    const drop = await this.exclusively(() => this.journal.rotate());
    const dirty = this.dirty;
    this.dirty = new Set();
    this.checkpointing = (async () => {
      try {
        await syncAll([...dirty]);
        await drop();
      } catch (error) {
        // The old journal stays and the streams are synced with the next checkpoint.
        for (const stream of dirty) this.dirty.add(stream);
        log.error({ reason: messageOf(error) }, 'checkpoint failed');
      }
    })();
    await this.forgetIdle();
  }

  private async forgetIdle(): Promise<void> {
    if (this.streams.size <= maxIdleStreams) return;
    // Never while someone changes a stream's files: two objects for one stream would disagree.
    await this.exclusively(async () => {
      const loaded = await Promise.all(this.streams.values());
      const idle = loaded.filter((stream) => !this.dirty.has(stream)).toSorted((a, b) => a.usedAt - b.usedAt);
      for (const stream of idle.slice(0, this.streams.size - maxIdleStreams))
        this.streams.delete(stream.name);
    });
  }

  private async recover(): Promise<() => Promise<void>> {
    const additions = new Map<string, Addition>();
    for await (const { stream: name, payload } of this.journal.recover()) {
      const stream = await this.stream(name);
      if (payload === null) {
        additions.delete(name);
        await stream.remove();
        continue;
      }
      const addition: Addition = additions.get(name) ?? {
        stream,
        frames: [],
        payloads: [],
        producers: new Map(),
      };
      const frame = decodeFrame(payload);
      if (frame.sequence !== stream.lastSequence + addition.frames.length + 1) continue;
      addition.frames.push(frame);
      addition.payloads.push(payload);
      additions.set(name, addition);
    }
    for (const { stream, frames, payloads } of additions.values()) {
      log.info({ stream: stream.name, frames: frames.length }, 'brought frames back from the journal');
      await stream.append(frames, payloads, this.options.segmentBytes);
    }
    const drop = await this.journal.rotate();
    return async () => {
      await syncAll([...additions.values()].map(({ stream }) => stream));
      await drop();
    };
  }
}

/** Syncs a few at a time, so that the journal's own syncs are not held up for long. */
async function syncAll(streams: readonly LogStream[]): Promise<void> {
  const waiting = streams.values();
  const workers = Array.from({ length: 3 }, async () => {
    for (const stream of waiting) await stream.sync();
  });
  await Promise.all(workers);
}
