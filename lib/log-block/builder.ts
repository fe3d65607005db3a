import { Block, maxLineBytes, type Origin, type Positions } from './block.ts';
import { maxVarintBytes, writeVarint, zigzag } from './varint.ts';

const lineEnd = 0x0a;

/** A line before it has its place in a block. */
export interface BlockLine {
  readonly origin: Origin;
  /** Milliseconds since 1970 UTC. */
  readonly timeMs: number;
  readonly producerSeq: number;
}

/** Collects lines and makes a block of them. */
export class BlockBuilder {
  private readonly origins: Origin[] = [];
  private readonly originNumbers = new Map<string, number>();
  private readonly lastSeqs = new Map<string, number>();
  private lastOrigin: Origin | undefined;
  private lastNumber = 0;
  private index: Buffer;
  private indexBytes = 0;
  private text: Buffer;
  textBytes = 0;
  count = 0;
  private minTimeMs = Number.POSITIVE_INFINITY;
  private maxTimeMs = Number.NEGATIVE_INFINITY;
  private timeMs = 0;
  private producerSeq = 0;

  /** With a guess of the text's bytes it grows less often. */
  constructor(expectedBytes = 16 << 10) {
    this.text = Buffer.allocUnsafe(expectedBytes);
    this.index = Buffer.allocUnsafe(Math.max(256, expectedBytes >> 3));
  }

  /** Text beyond 64 KiB of UTF-8 is cut, never in the middle of a character. */
  add(line: BlockLine, text: string): void {
    const needed = this.textBytes + Math.min(text.length * 3, maxLineBytes + 4) + 1;
    if (needed > this.text.length) this.text = grown(this.text, this.textBytes, needed);
    const bytes = this.text.write(text, this.textBytes, Math.min(maxLineBytes, text.length * 3));
    this.note(line, bytes);
  }

  addBytes(line: BlockLine, text: Buffer): void {
    const needed = this.textBytes + text.length + 1;
    if (needed > this.text.length) this.text = grown(this.text, this.textBytes, needed);
    text.copy(this.text, this.textBytes);
    this.note(line, text.length);
  }

  /** The block; `first` is the sequence of its first line, positions default to those of its own lines. */
  build(first = 0, positions: Positions = this.lastSeqs): Block {
    return Block.assemble({
      first,
      count: this.count,
      minTimeMs: this.count > 0 ? this.minTimeMs : 0,
      maxTimeMs: this.count > 0 ? this.maxTimeMs : 0,
      origins: this.origins,
      positions,
      index: this.index.subarray(0, this.indexBytes),
      text: this.text.subarray(0, this.textBytes),
    });
  }

  private note({ origin, timeMs, producerSeq }: BlockLine, bytes: number): void {
    this.text[this.textBytes + bytes] = lineEnd;
    this.textBytes += bytes + 1;
    if (this.indexBytes + 4 * maxVarintBytes > this.index.length)
      this.index = grown(this.index, this.indexBytes, this.indexBytes + 4 * maxVarintBytes);
    let at = writeVarint(this.index, this.indexBytes, bytes);
    at = writeVarint(this.index, at, this.numberOf(origin));
    at = writeVarint(this.index, at, zigzag(timeMs - this.timeMs));
    this.indexBytes = writeVarint(this.index, at, zigzag(producerSeq - this.producerSeq));
    this.timeMs = timeMs;
    this.producerSeq = producerSeq;
    if (timeMs < this.minTimeMs) this.minTimeMs = timeMs;
    if (timeMs > this.maxTimeMs) this.maxTimeMs = timeMs;
    if (origin.producer) this.lastSeqs.set(origin.producer, producerSeq);
    this.count += 1;
  }

  private numberOf(origin: Origin): number {
    if (this.lastOrigin && isSame(origin, this.lastOrigin)) return this.lastNumber;
    const key = JSON.stringify([origin.producer, origin.source, origin.level, origin.channel]);
    let number = this.originNumbers.get(key);
    if (number === undefined) {
      const { producer, source, level, channel } = origin;
      number = this.origins.push({ producer, source, level, channel }) - 1;
      this.originNumbers.set(key, number);
    }
    this.lastOrigin = origin;
    this.lastNumber = number;
    return number;
  }
}

function isSame(one: Origin, other: Origin): boolean {
  return (
    one.producer === other.producer &&
    one.source === other.source &&
    one.level === other.level &&
    one.channel === other.channel
  );
}

function grown(buffer: Buffer, used: number, needed: number): Buffer {
  const larger = Buffer.allocUnsafe(Math.max(needed, buffer.length * 2));
  buffer.copy(larger, 0, 0, used);
  return larger;
}
