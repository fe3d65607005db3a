/** The newest bytes of a stream, addressed by their offset since its beginning; memory is bounded. */
export class Scrollback {
  private readonly limitBytes: number;
  private chunks: Buffer[] = [];
  private length = 0;
  private endOffset = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** Offset behind the newest byte. */
  get end(): number {
    return this.endOffset;
  }

  /** Offset of the oldest byte that is kept. */
  get start(): number {
    return this.endOffset - this.length;
  }

  push(bytes: Buffer): void {
    // Small pieces share a copy, so that neither the list nor what pieces were cut from can grow.
    this.chunks.push(Buffer.from(bytes));
    this.length += bytes.length;
    this.endOffset += bytes.length;
    if (this.chunks.length > 512) this.chunks = [Buffer.concat(this.chunks)];
    while (this.length > this.limitBytes) {
      const oldest = this.chunks[0] as Buffer;
      const surplus = this.length - this.limitBytes;
      if (oldest.length <= surplus) this.chunks.shift();
      else this.chunks[0] = oldest.subarray(surplus);
      this.length -= Math.min(oldest.length, surplus);
    }
  }

  /** Bytes from the offset on, which must be kept. */
  from(offset: number): Buffer {
    return Buffer.concat(this.chunks).subarray(offset - this.start);
  }

  /** The oldest offset at which a line begins, so that no half escape sequence is shown. */
  get firstLine(): number {
    if (this.start === 0) return 0;
    const newline = Buffer.concat(this.chunks).indexOf(0x0a);
    return newline < 0 ? this.start : this.start + newline + 1;
  }
}
