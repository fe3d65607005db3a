/** Smaller pieces cost nothing to make anew. */
const leastBytes = 64 << 10;
/** Memory that waits to be used again takes at most this much. */
const maxFreeBytes = 8 << 20;

/**
 * Memory of batches, used again once they are stored: what is thrown away instead stays until the next
 * collection of garbage, which at 150 MB/s of lines is a hundred megabytes.
 */
export class BatchMemory {
  /** By size, a power of two. */
  private readonly free = new Map<number, Buffer[]>();
  private freeBytes = 0;

  /** A buffer of this length with any content. */
  take(length: number): Buffer {
    if (length < leastBytes) return Buffer.allocUnsafeSlow(length);
    const size = 2 ** Math.ceil(Math.log2(length));
    const used = this.free.get(size)?.pop();
    if (used) this.freeBytes -= size;
    return (used ?? Buffer.allocUnsafeSlow(size)).subarray(0, length);
  }

  /** Whoever gives back a buffer that was taken here looks at it no more. */
  giveBack(buffer: Buffer): void {
    const size = buffer.buffer.byteLength;
    if (buffer.length < leastBytes || this.freeBytes + size > maxFreeBytes) return;
    const known = this.free.get(size) ?? [];
    this.free.set(size, known);
    known.push(Buffer.from(buffer.buffer));
    this.freeBytes += size;
  }
}
