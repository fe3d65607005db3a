import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Writable } from 'node:stream';

/** A log file that is renamed to `.1`, `.2`, ... when it passes its limit; the oldest is overwritten. */
export class RotatingFile extends Writable {
  private readonly file: string;
  private readonly limitBytes: number;
  private readonly keep: number;
  private current: WriteStream | undefined;
  private bytes = 0;

  constructor(file: string, limitBytes = 16 << 20, keep = 3) {
    super({ decodeStrings: true });
    this.file = file;
    this.limitBytes = limitBytes;
    this.keep = keep;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    // oxlint-disable-next-line promise/no-callback-in-promise -- the stream's contract is a callback.
    void this.append(chunk).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.current) this.current.end(done);
    else done();
  }

  private async append(chunk: Buffer): Promise<void> {
    if (this.current && this.bytes + chunk.length > this.limitBytes) await this.rotate();
    this.current ??= await this.open();
    this.bytes += chunk.length;
    const stream = this.current;
    await new Promise<void>((resolve, reject) => {
      stream.write(chunk, (error) => (error ? reject(error) : resolve()));
    });
  }

  private async open(): Promise<WriteStream> {
    await mkdir(dirname(this.file), { recursive: true });
    this.bytes = (await stat(this.file).catch(() => null))?.size ?? 0;
    return createWriteStream(this.file, { flags: 'a', mode: 0o600 });
  }

  private async rotate(): Promise<void> {
    await new Promise((resolve) => this.current?.end(resolve));
    this.current = undefined;
    for (let index = this.keep; index >= 1; index -= 1) {
      const older = index === 1 ? this.file : `${this.file}.${index - 1}`;
      await rename(older, `${this.file}.${index}`).catch(() => undefined);
    }
  }
}
