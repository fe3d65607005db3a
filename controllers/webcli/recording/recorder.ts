import { createWriteStream, type WriteStream } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

export interface RecorderOptions {
  readonly file: string;
  readonly cols: number;
  readonly rows: number;
  readonly title: string;
  readonly limitBytes: number;
  /** The file cannot be written, or its limit is reached; nothing more is recorded. */
  readonly onFull: () => void;
}

/** Writes what a terminal shows as asciicast v2; what is typed is not kept, passwords are among it. */
export class Recorder {
  bytes = 0;
  private readonly file: WriteStream;
  private readonly decoder = new StringDecoder('utf8');
  private readonly startedAt = performance.now();
  private readonly options: RecorderOptions;
  private isFull = false;

  constructor(options: RecorderOptions) {
    this.options = options;
    this.file = createWriteStream(options.file, { flags: 'wx', mode: 0o600 });
    this.file.on('error', () => this.stop());
    const { cols: width, rows: height, title } = options;
    const timestamp = Math.floor(Date.now() / 1_000);
    const header = { version: 2, width, height, timestamp, title, env: { TERM: 'xterm-256color' } };
    this.write(`${JSON.stringify(header)}\n`);
  }

  /** False when the disk is slower than the terminal: wait for `onDrain`. */
  output(bytes: Buffer): boolean {
    const text = this.decoder.write(bytes);
    return text === '' || this.event('o', text);
  }

  resize(cols: number, rows: number): void {
    this.event('r', `${cols}x${rows}`);
  }

  onDrain(listener: () => void): void {
    this.file.once('drain', listener);
  }

  /** Resolves with its size once everything is on disk. */
  async close(): Promise<number> {
    if (!this.isFull) await new Promise<void>((resolve) => this.file.end(() => resolve()));
    return this.bytes;
  }

  private event(kind: 'o' | 'r', text: string): boolean {
    const seconds = ((performance.now() - this.startedAt) / 1_000).toFixed(6);
    return this.write(`[${seconds}, "${kind}", ${JSON.stringify(text)}]\n`);
  }

  private write(line: string): boolean {
    if (this.isFull) return true;
    const size = Buffer.byteLength(line);
    if (this.bytes + size > this.options.limitBytes) {
      this.stop();
      return true;
    }
    this.bytes += size;
    return this.file.write(line);
  }

  private stop(): void {
    if (this.isFull) return;
    this.isFull = true;
    this.file.end();
    this.options.onFull();
  }
}
