import type { Block } from './block.ts';
import { unzigzag } from './varint.ts';

/** Walks over the lines of a block without decoding their text. */
export class Records {
  private readonly index: Buffer;
  private readonly count: number;
  private readonly textBytes: number;
  private at = 0;
  private number = 0;
  private nextStart = 0;
  /** Position within the block, from 0. */
  ordinal = -1;
  /** Of its origin in the block's list. */
  origin = 0;
  timeMs = 0;
  producerSeq = 0;
  /** Where its text lies; the newline after it is not part of it. */
  start = 0;
  end = 0;
  /** True when the index did not match the text. */
  isBroken = false;

  constructor(block: Block) {
    this.index = block.index;
    this.count = block.count;
    this.textBytes = block.textBytes;
  }

  next(): boolean {
    if (this.number >= this.count) return false;
    const bytes = this.read();
    this.origin = this.read();
    this.timeMs += unzigzag(this.read());
    this.producerSeq += unzigzag(this.read());
    this.start = this.nextStart;
    this.end = this.start + bytes;
    this.nextStart = this.end + 1;
    if (!(this.nextStart <= this.textBytes) || this.at > this.index.length) {
      this.isBroken = true;
      this.number = this.count;
      return false;
    }
    this.ordinal = this.number;
    this.number += 1;
    return true;
  }

  /** After the last line: everything was used up. */
  get isComplete(): boolean {
    return !this.isBroken && this.at === this.index.length && this.nextStart === this.textBytes;
  }

  private read(): number {
    const { index } = this;
    let byte = index[this.at++] ?? 0;
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let scale = 0x80; byte >= 0x80 && scale <= 2 ** 49; scale *= 0x80) {
      byte = index[this.at++] ?? 0;
      value += (byte & 0x7f) * scale;
    }
    return value;
  }
}
