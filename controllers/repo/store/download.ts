import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { AppError, messageOf } from '@skyarc/lib/errors';
import type { PartialBlob } from './blobs.ts';
import type { Wanted } from './cache.ts';

/** The end of a file is held back until its digest is known, so that nobody gets a whole file that is wrong. */
const heldBackBytes = 256 * 1024;
const chunkBytes = 64 * 1024;

/** A file that is being fetched; any number of readers follow it from its beginning. */
export class Download {
  /** Bytes that the upstream promised, or null. */
  size: number | null = null;
  type = 'application/octet-stream';
  private readonly partial: PartialBlob;
  private isWhole = false;
  private failure: AppError | undefined;
  private waiting: (() => void)[] = [];

  constructor(partial: PartialBlob) {
    this.partial = partial;
  }

  /**
   * Takes the body in and has it kept; throws when it breaks off, is too long or not what was expected,
   * and then nothing of it stays.
   */
  async take<T>(
    body: AsyncIterable<Uint8Array>,
    { limitBytes, inspect }: Pick<Wanted, 'limitBytes' | 'inspect'>,
    keep: (digest: string) => Promise<T>,
  ): Promise<T> {
    try {
      for await (const chunk of body) {
        if (this.partial.size + chunk.length > limitBytes)
          throw new AppError('EXHAUSTED', `it has more than the allowed ${limitBytes} bytes`);
        await this.partial.write(chunk);
        this.wake();
      }
      if (this.size !== null && this.size !== this.partial.size)
        throw new AppError('UNAVAILABLE', `it ended after ${this.partial.size} of ${this.size} bytes`);
      const { digest, mismatch } = await this.partial.seal();
      const problem = mismatch ?? (await inspect?.(this.partial.path));
      if (problem !== undefined)
        throw new AppError('UNAVAILABLE', `it was changed on its way: ${problem}`, {
          details: { isTampered: true },
        });
      const kept = await keep(digest);
      this.isWhole = true;
      return kept;
    } catch (error) {
      this.failure =
        error instanceof AppError ? error : new AppError('UNAVAILABLE', messageOf(error), { cause: error });
      await this.partial.drop();
      throw this.failure;
    } finally {
      this.wake();
    }
  }

  /** Waits until there is something to send: enough of a long file, or the verdict over a short one. */
  async started(): Promise<void> {
    while (!this.isWhole && !this.failure && this.visible === 0) await this.changed();
    if (this.failure) throw this.failure;
  }

  get isDone(): boolean {
    return this.isWhole;
  }

  /** The file from its beginning, as it comes; the stream breaks when the file turns out wrong. */
  async stream(): Promise<Readable> {
    const file = await this.open();
    const next = async function* (this: Download): AsyncGenerator<Buffer> {
      try {
        for (let position = 0; ;) {
          while (position >= this.visible && !this.isWhole && !this.failure) await this.changed();
          if (this.failure) throw this.failure;
          if (this.isWhole && position >= this.partial.size) return;
          const length = Math.min(chunkBytes, this.visible - position);
          const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, position);
          position += bytesRead;
          yield buffer.subarray(0, bytesRead);
        }
      } finally {
        await file.close();
      }
    };
    return Readable.from(next.call(this), { objectMode: false });
  }

  /** It may get its name at this very moment. */
  private async open(): Promise<FileHandle> {
    const file = await open(this.partial.path, 'r').catch(() => null);
    if (file) return file;
    while (!this.isWhole && !this.failure) await this.changed();
    if (this.failure) throw this.failure;
    return open(this.partial.path, 'r');
  }

  private get visible(): number {
    return this.isWhole ? this.partial.size : Math.max(0, this.partial.size - heldBackBytes);
  }

  private changed(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}
