import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { createLogger } from '@skyarc/lib/log';
import type { Block, StreamBlock } from '@skyarc/lib/log-block';
import { backoffMs, sleep } from '@skyarc/lib/retry';
import { admit } from './admit.ts';
import { Journal, type JournalEntry } from './journal.ts';
import { LogStream } from './log-stream.ts';
import type { PlacedBlock } from './merge.ts';
import { type ReadPage, type ReadQuery, readStream } from './read.ts';
import { type BlockPage, readBlocks } from './read-blocks.ts';
import { Scanner } from './scanner.ts';

export interface LogStoreOptions {
  readonly dataDir: string;
  readonly segmentBytes: number;
  readonly journalBytes: number;
  readonly maxPendingBytes: number;
  readonly compressionLevel: number;
  /** Told of lines once they are durable and readable, in order. */
  readonly onStored: (stream: string, blocks: readonly Block[]) => void;
  /** Told of the memory that waiting lines take. */
  readonly onPending: (bytes: number) => void;
  /** The disk is full: frees some of it; false when there is nothing to free. */
  readonly makeRoom: () => Promise<boolean>;
}

interface Batch {
  /** Large blocks are compressed by other threads meanwhile; batches stay in their order. */
  readonly items: Promise<readonly StreamBlock[]>;
  readonly bytes: number;
  readonly resolve: (stored: number) => void;
  readonly reject: (error: unknown) => void;
}

/** What one commit adds to one stream. */
interface Addition {
  readonly stream: LogStream;
  readonly blocks: PlacedBlock[];
  readonly positions: Map<string, number>;
  lastSequence: number;
}

const maxGroupBytes = 8 << 20;
const maxIdleStreams = 1_000;
/** A block of this text is compressed before it is journaled, so that disks write less. */
const packBytes = 64 << 10;
/** A stream's lines are written to its file when they are worth a compressed block. */
const flushBytes = 256 << 10;
const log = createLogger('eventlog');

/**
 * All streams of one node. Batches that arrive while a sync is under way share the next one; each is
 * answered once its lines are durable and readable.
 */
export class LogStore {
  private readonly options: LogStoreOptions;
  private readonly journal: Journal;
  private readonly scanner = new Scanner();
  private readonly streams = new Map<string, Promise<LogStream>>();
  private dirty = new Set<LogStream>();
  private pending: Batch[] = [];
  private committing: Promise<void> | undefined;
  private checkpointing: Promise<void> | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  private roomWaiters: (() => void)[] = [];
  private closed = false;
  private pendingBytes = 0;
  private checkpointedAt = Date.now();
  /** Why nothing can be stored at the moment, if so. */
  problem: string | undefined;

  private constructor(options: LogStoreOptions) {
    this.options = options;
    this.journal = new Journal(join(options.dataDir, 'journal'));
  }

  /** Opens the store and brings back what a crash kept from the streams' files. */
  static async open(options: LogStoreOptions): Promise<LogStore> {
    await mkdir(join(options.dataDir, 'streams'), { recursive: true });
    const store = new LogStore(options);
    await store.recover();
    return store;
  }

  /** Stores blocks in order; answers how many lines were new. Throws EXHAUSTED, UNAVAILABLE, INVALID. */
  append(items: readonly StreamBlock[]): Promise<number> {
    const bytes = items.reduce((sum, { block }) => sum + block.size, 0);
    if (this.closed) return Promise.reject(new AppError('UNAVAILABLE', 'The event log is stopping'));
    if (this.pendingBytes > 0 && this.pendingBytes + bytes > this.options.maxPendingBytes) {
      const details = { retryAfterMs: 200 };
      return Promise.reject(
        new AppError('EXHAUSTED', 'Cannot store lines: too many are waiting', { details }),
      );
    }
    this.options.onPending((this.pendingBytes += bytes));
    return new Promise((resolve, reject) => {
      this.pending.push({ items: this.pack(items), bytes, resolve, reject });
      this.committing ??= this.commitAll();
    });
  }

  /** Keeps room for so many bytes once there is some: for those who can hold back their senders. Give it back in the turn of `append`. */
  async room(bytes: number): Promise<() => void> {
    while (!this.closed && this.pendingBytes > 0 && this.pendingBytes + bytes > this.options.maxPendingBytes)
      await new Promise<void>((resolve) => this.roomWaiters.push(resolve));
    this.pendingBytes += bytes;
    return () => {
      this.pendingBytes -= bytes;
      for (const wake of this.roomWaiters.splice(0)) wake();
    };
  }

  async read(name: string, query: ReadQuery): Promise<ReadPage> {
    return readStream(await this.stream(name), this.scanner, query);
  }

  async readBlocks(name: string, query: ReadQuery): Promise<BlockPage> {
    return readBlocks(await this.stream(name), this.scanner, query);
  }

  /** Loaded from its files when need be; an unknown name is an empty stream. */
  stream(name: string): Promise<LogStream> {
    let stream = this.streams.get(name);
    if (!stream) {
      stream = LogStream.load(name, this.folderOf(name), this.options);
      stream.catch(() => this.streams.delete(name));
      this.streams.set(name, stream);
    }
    return stream;
  }

  /** Removes a stream for good; its sequence begins anew. */
  remove(name: string): Promise<void> {
    return this.exclusively(async () => {
      await this.journal.append([{ stream: name, block: null }]);
      const stream = await this.stream(name);
      this.dirty.delete(stream);
      await stream.remove();
      this.streams.delete(name);
    });
  }

  /** Runs while no line is added. */
  exclusively<T>(run: () => Promise<T>): Promise<T> {
    const result = this.turn.then(run);
    this.turn = result.catch(() => undefined);
    return result;
  }

  /** Writes what waits in memory to the files when that is due: the journal large or ten minutes old. */
  async checkpointWhenDue(): Promise<void> {
    const isOld = Date.now() - this.checkpointedAt > 600_000 && this.journal.bytes > 0;
    if (isOld || this.journal.bytes > this.options.journalBytes) await this.checkpoint();
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const wake of this.roomWaiters.splice(0)) wake();
    await this.committing;
    await this.turn;
    await this.checkpoint();
    await this.checkpointing;
    await this.journal.close();
    await this.scanner.stop();
  }

  folderOf(name: string): string {
    return join(this.options.dataDir, 'streams', name);
  }

  private async commitAll(): Promise<void> {
    while (this.pending.length > 0) {
      // What arrived while this process was busy is stored together, and one message to followers.
      await turn();
      const group = this.takeGroup();
      const answers = await this.exclusively(() => this.commit(group)).catch((error: unknown) => {
        this.problem = `cannot store lines: ${messageOf(error)}`;
        log.error({ reason: messageOf(error) }, 'cannot store lines');
        if (isFull(error)) void this.options.makeRoom();
        const answer = new AppError('UNAVAILABLE', 'Cannot store lines: the disk refuses', { cause: error });
        return group.map(() => answer);
      });
      for (const [index, batch] of group.entries()) {
        const answer = answers[index];
        if (typeof answer === 'number') batch.resolve(answer);
        else batch.reject(answer);
        this.pendingBytes -= batch.bytes;
      }
      this.options.onPending(this.pendingBytes);
      for (const wake of this.roomWaiters.splice(0)) wake();
      if (this.journal.bytes > this.options.journalBytes) await this.checkpoint();
    }
    this.committing = undefined;
  }

  private pack(items: readonly StreamBlock[]): Promise<StreamBlock[]> {
    const { compressionLevel } = this.options;
    return Promise.all(
      items.map(async ({ stream, block }) => ({
        stream,
        block: block.textBytes >= packBytes ? await block.packed(compressionLevel) : block,
      })),
    );
  }

  private takeGroup(): Batch[] {
    let bytes = 0;
    let count = 0;
    for (; count < this.pending.length && bytes < maxGroupBytes; count += 1)
      bytes += this.pending[count]?.bytes ?? 0;
    return this.pending.splice(0, count);
  }

  /** Of each batch the number of new lines, or why it was refused. */
  private async commit(group: readonly Batch[]): Promise<(number | AppError)[]> {
    const additions = new Map<string, Addition>();
    const entries: JournalEntry[] = [];
    const answers: (number | AppError)[] = [];
    for (const batch of group) {
      const items = await batch.items;
      for (const { stream } of items)
        if (!additions.has(stream)) additions.set(stream, await this.begin(stream));
      answers.push(this.addAll(additions, entries, items));
    }
    if (entries.length > 0) {
      await this.journal.append(entries);
      // Durable from here on.
      for (const addition of additions.values()) this.apply(addition);
    }
    this.problem = undefined;
    return answers;
  }

  private async begin(name: string): Promise<Addition> {
    const stream = await this.stream(name);
    return { stream, blocks: [], positions: new Map(), lastSequence: stream.lastSequence };
  }

  /** All blocks of a batch, or none of them when one is refused. */
  private addAll(
    additions: ReadonlyMap<string, Addition>,
    entries: JournalEntry[],
    items: readonly StreamBlock[],
  ): number | AppError {
    const placed: { name: string; addition: Addition; block: PlacedBlock }[] = [];
    const positions = new Map<Addition, Map<string, number>>();
    try {
      for (const { stream: name, block } of items) {
        const addition = additions.get(name) as Addition;
        const ahead = positions.get(addition) ?? new Map<string, number>(addition.positions);
        const admitted = admit(
          block,
          (producer) => ahead.get(producer) ?? addition.stream.producerSeq(producer),
        );
        for (const [producer, seq] of admitted.positions) ahead.set(producer, seq);
        positions.set(addition, ahead);
        if (admitted.block)
          placed.push({ name, addition, block: { block: admitted.block, positions: admitted.positions } });
      }
    } catch (error) {
      return error instanceof AppError ? error : new AppError('INVALID', 'A block of lines is not readable');
    }
    let count = 0;
    for (const [addition, ahead] of positions) for (const entry of ahead) addition.positions.set(...entry);
    for (const { name, addition, block } of placed) {
      block.block.forget();
      block.block.stamp(addition.lastSequence + 1);
      addition.lastSequence += block.block.count;
      addition.blocks.push(block);
      entries.push({ stream: name, block: block.block });
      count += block.block.count;
    }
    return count;
  }

  private apply({ stream, blocks }: Addition): void {
    if (blocks.length === 0) return;
    stream.push(blocks);
    this.dirty.add(stream);
    this.options.onStored(
      stream.name,
      blocks.map(({ block }) => block),
    );
    if (stream.tailBytes >= flushBytes) void this.flush(stream).catch(() => undefined);
  }

  /** Lines stay safe in the journal and readable in memory until this succeeds. */
  private async flush(stream: LogStream): Promise<void> {
    try {
      await stream.flush();
    } catch (error) {
      this.problem = `cannot write stream "${stream.name}": ${messageOf(error)}`;
      if (isFull(error)) await this.options.makeRoom();
      throw error;
    }
  }

  /** Begins a new journal, writes the streams to their files, then drops the old journal. */
  private async checkpoint(): Promise<void> {
    // Until the one before is done nothing more is taken: memory and journal stay bounded.
    await this.checkpointing;
    const drop = await this.exclusively(() => this.journal.rotate());
    const dirty = this.dirty;
    this.dirty = new Set();
    this.checkpointedAt = Date.now();
    this.checkpointing = this.settle([...dirty], drop);
    await this.forgetIdle();
  }

  private async settle(dirty: readonly LogStream[], drop: () => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const waiting = dirty.values();
        // A few at a time, so that the journal's own syncs are not held up for long.
        const workers = Array.from({ length: 3 }, async () => {
          for (const stream of waiting) {
            await this.flush(stream);
            await stream.sync();
          }
        });
        await Promise.all(workers);
        return await drop();
      } catch (error) {
        log.error({ reason: messageOf(error) }, 'checkpoint failed');
        if (this.closed) return;
        await sleep(backoffMs(attempt, 100, 2_000));
      }
    }
  }

  private async forgetIdle(): Promise<void> {
    if (this.streams.size <= maxIdleStreams) return;
    // Never while someone changes a stream's files: two objects for one stream would disagree.
    await this.exclusively(async () => {
      const loaded = await Promise.all(this.streams.values());
      const idle = loaded
        .filter(
          (stream) =>
            stream.tailBytes === 0 && !this.dirty.has(stream) && Date.now() - stream.usedAt > 60_000,
        )
        .toSorted((a, b) => a.usedAt - b.usedAt);
      for (const stream of idle.slice(0, this.streams.size - maxIdleStreams))
        this.streams.delete(stream.name);
    });
  }

  private async recover(): Promise<void> {
    let lines = 0;
    const touched = new Set<LogStream>();
    for await (const { stream: name, block } of this.journal.recover()) {
      const stream = await this.stream(name);
      if (!block) {
        await stream.remove();
        continue;
      }
      if (block.last <= stream.lastSequence) continue;
      // What was admitted once is admitted again: the journal holds new lines only.
      const { positions } = admit(block, () => Number.NEGATIVE_INFINITY);
      stream.push([{ block: block.copied(), positions }]);
      touched.add(stream);
      lines += block.count;
    }
    if (lines > 0) log.info({ lines, streams: touched.size }, 'brought lines back from the journal');
    const drop = await this.journal.rotate();
    await this.settle([...touched], drop);
  }
}

function isFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}
