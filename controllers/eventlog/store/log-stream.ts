import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { createLogger } from '@skyarc/lib/log';
import type { Block, BlockHead, Positions } from '@skyarc/lib/log-block';
import { syncFolder } from './files.ts';
import { mergeBlocks, type PlacedBlock } from './merge.ts';
import { type BlockPlace, readBlock, Segment } from './segment.ts';

export interface StreamLimits {
  /** A file of this size is closed and the next one begun. */
  readonly segmentBytes: number;
  /** 1 (fast) to 19 (small), zstd. */
  readonly compressionLevel: number;
}

/** A block that a reader may load, or skip by what is known of it. */
export interface BlockSource extends BlockHead {
  /** Null when it was ruled out, dropped meanwhile or is damaged. */
  readonly load: () => Promise<Block | null>;
}

/** What a reader knows before it has seen a block. */
export interface BlockChoice {
  /** Asked before a file is read. */
  readonly skipsFile: (file: Segment) => Promise<boolean>;
  readonly wants: (block: BlockHead) => boolean;
  /** Asked of some blocks at once: which of them, ascending in a file, need to be loaded. */
  readonly look: ((file: Segment, places: readonly BlockPlace[]) => Promise<readonly boolean[]>) | null;
}

const maxProducers = 1_000;
/** Blocks that a reader decides on at once: few while it may have enough soon, then as many as a file has. */
const firstLook = 8;
const maxLook = 256;
const log = createLogger('eventlog');

/**
 * One stream: files of compressed blocks, and a tail in memory that the journal keeps safe until it is
 * written to the last file. Who adds blocks must take turns; reading needs none.
 */
export class LogStream {
  readonly name: string;
  readonly folder: string;
  private readonly limits: StreamLimits;
  private segments: Segment[] = [];
  private tail: PlacedBlock[] = [];
  private readonly producers = new Map<string, number>();
  private writing: Promise<unknown> = Promise.resolve();
  tailBytes = 0;
  lastSequence = 0;
  usedAt = Date.now();

  private constructor(name: string, folder: string, limits: StreamLimits) {
    this.name = name;
    this.folder = folder;
    this.limits = limits;
  }

  /** The stream as its files say; repairs a torn end. */
  static async load(name: string, folder: string, limits: StreamLimits): Promise<LogStream> {
    const stream = new LogStream(name, folder, limits);
    stream.segments = (await Segment.list(folder)).map((first) => new Segment(folder, first));
    while (stream.segments.length > 0 && !(await stream.readEnd())) await stream.segments.pop()?.remove();
    return stream;
  }

  /** Highest stored position of a producer; none is below all. */
  producerSeq(producer: string): number {
    return this.producers.get(producer) ?? Number.NEGATIVE_INFINITY;
  }

  get positions(): Positions {
    return this.producers;
  }

  /** Adds stamped blocks after the last line. */
  push(blocks: readonly PlacedBlock[]): void {
    for (const placed of blocks) {
      this.tail.push(placed);
      this.tailBytes += placed.block.textBytes;
      this.note(placed.positions);
      this.lastSequence = placed.block.last;
    }
    this.usedAt = Date.now();
  }

  /** The next line gets this sequence or a later one. */
  beginAt(sequence: number, positions: Positions): void {
    this.lastSequence = Math.max(this.lastSequence, sequence - 1);
    for (const [producer, seq] of positions)
      if (seq > this.producerSeq(producer)) this.note(new Map([[producer, seq]]));
  }

  /** Writes the tail to the files; a failed call may be repeated. */
  flush(): Promise<void> {
    return this.inOrder(async () => {
      const count = this.tail.length;
      if (count === 0) return;
      const merged = mergeBlocks(this.tail.slice(0, count));
      const blocks = await Promise.all(merged.map((block) => block.packed(this.limits.compressionLevel)));
      const segment = await this.writable(blocks[0]?.first ?? 0);
      await segment.append(blocks);
      for (const { block } of this.tail.splice(0, count)) this.tailBytes -= block.textBytes;
    });
  }

  /** Makes everything flushed so far durable and lets go of the file. */
  sync(): Promise<void> {
    return this.inOrder(async () => {
      const segment = this.segments.at(-1);
      if (!segment) return;
      await segment.sync();
      await syncFolder(this.folder);
      await segment.close();
    });
  }

  /** Drops the oldest files; with all of them gone an empty one keeps the stream's place. */
  dropOldest(count: number): Promise<void> {
    return this.inOrder(async () => {
      const last = this.segments.at(-1);
      const next = this.lastSequence + 1;
      if (count >= this.segments.length && this.tail.length === 0 && last && last.first !== next) {
        await (await this.begin(next)).sync();
        await syncFolder(this.folder);
      }
      const dropped = this.segments.slice(0, Math.min(count, this.segments.length - 1));
      // A new array: readers walk the old one.
      this.segments = this.segments.slice(dropped.length);
      for (const segment of dropped) await segment.remove();
    });
  }

  remove(): Promise<void> {
    return this.inOrder(async () => {
      for (const segment of this.segments) await segment.close();
      this.segments = [];
      this.tail = [];
      this.tailBytes = 0;
      this.producers.clear();
      this.lastSequence = 0;
      await rm(this.folder, { recursive: true, force: true });
    });
  }

  /** Blocks from the one that holds the sequence on, or down from it. */
  async *blocks(sequence: number, backward: boolean, choice: BlockChoice): AsyncGenerator<BlockSource> {
    this.usedAt = Date.now();
    // Taken together: what moves from the tail to a file later is still in this copy of the tail.
    const { segments } = this;
    const tail = this.tail.map(({ block }) => ({ ...block.head, load: async () => block }));
    const isWanted = (block: BlockHead) => reaches(block, sequence, backward) && choice.wants(block);
    const inTail = tail.filter(isWanted);
    const tailFirst = tail[0]?.first ?? Number.POSITIVE_INFINITY;
    if (backward) yield* inTail.toReversed();
    const from = Math.max(
      0,
      segments.findLastIndex((segment) => segment.first <= sequence),
    );
    const step = backward ? -1 : 1;
    let atOnce = firstLook;
    for (let at = from; at >= 0 && at < segments.length; at += step) {
      const segment = segments[at] as Segment;
      if (await choice.skipsFile(segment)) continue;
      let places = (await segment.index()).filter((place) => place.first < tailFirst && isWanted(place));
      if (places.length === 0) continue;
      await using file = await openToRead(segment.path);
      if (!file) continue;
      for (; places.length > 0; atOnce = maxLook) {
        const some = backward ? places.slice(-atOnce) : places.slice(0, atOnce);
        places = backward ? places.slice(0, -atOnce) : places.slice(atOnce);
        // The first few cost less to read than to ask about.
        const hits = atOnce > firstLook ? await choice.look?.(segment, some) : null;
        const sources = some.map((place, index) => ({
          ...place,
          load: async () => (hits?.[index] === false ? null : readBlock(file, place)),
        }));
        yield* backward ? sources.toReversed() : sources;
      }
    }
    if (!backward) yield* inTail;
  }

  private inOrder<T>(run: () => Promise<T>): Promise<T> {
    const result = this.writing.then(run);
    this.writing = result.catch(() => undefined);
    return result;
  }

  private async writable(first: number): Promise<Segment> {
    const last = this.segments.at(-1);
    if (last && last.bytes < this.limits.segmentBytes) return last;
    return this.begin(first);
  }

  private async begin(first: number): Promise<Segment> {
    const last = this.segments.at(-1);
    // The journal may be dropped before the next sync of this stream, which then sees only the new file.
    if (last) {
      await last.sync();
      await last.close();
    } else await mkdir(this.folder, { recursive: true });
    const segment = await Segment.create(this.folder, first, this.producers);
    this.segments = [...this.segments, segment];
    return segment;
  }

  private note(positions: Positions): void {
    for (const [producer, seq] of positions) {
      // Deleting first keeps the map in order of last use.
      this.producers.delete(producer);
      this.producers.set(producer, seq);
      if (this.producers.size > maxProducers)
        this.producers.delete(this.producers.keys().next().value as string);
    }
  }

  /** Reads the last file; false when it is not even begun. */
  private async readEnd(): Promise<boolean> {
    const segment = this.segments.at(-1) as Segment;
    const blocks = await segment.repair((bytes) => log.warn({ stream: this.name, bytes }, 'cut a torn end'));
    if (!blocks) return false;
    this.producers.clear();
    for (const block of blocks) {
      this.note(block.positions);
      this.lastSequence = block.last;
    }
    return true;
  }
}

function reaches(
  { first, count }: { readonly first: number; readonly count: number },
  sequence: number,
  backward: boolean,
): boolean {
  return backward ? first <= sequence : first + count > sequence;
}

/** Null when it was dropped meanwhile. */
function openToRead(path: string): Promise<FileHandle | null> {
  return open(path, 'r').catch(() => null);
}
