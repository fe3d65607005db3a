import { randomUUID } from 'node:crypto';
import type { LogLevel } from '@skyarc/lib/contracts';
import { toAppError } from '@skyarc/lib/errors';
import { retry, sleep } from '@skyarc/lib/retry';
import type { NewFrame } from './frame.ts';

export interface WriterOptions {
  readonly stream: string;
  /** Service and phase, or pod and container; shown beside each line. */
  readonly source: string;
  /** Who writes; each writer adds its own random mark to it, so several may have the same. */
  readonly producer: string;
}

const lingerMs = 10;
const batchFrames = 1_000;
const batchBytes = 1 << 20;
const maxPendingBytes = 8 << 20;

/**
 * Writes lines of one stream in order, in batches. While the event log cannot be reached lines wait in
 * memory, at most 8 MiB of them: then `write` waits too. Repeats are recognised there, so no line is lost
 * or doubled.
 */
export class LogWriter {
  private readonly append: (frames: readonly NewFrame[]) => Promise<number>;
  private readonly options: WriterOptions;
  private readonly producer: string;
  private pending: NewFrame[] = [];
  private pendingBytes = 0;
  private producerSeq = 0;
  private sending: Promise<void> | undefined;
  private roomWaiters: (() => void)[] = [];
  private failure: unknown;

  constructor(append: (frames: readonly NewFrame[]) => Promise<number>, options: WriterOptions) {
    this.append = append;
    this.options = options;
    this.producer = `${options.producer}~${randomUUID()}`;
  }

  /** Takes a text, one frame a line; resolves when there is room for more. Stored later: see `flush`. */
  async write(text: string, level: LogLevel = 'info', channel: '' | 'stdout' | 'stderr' = ''): Promise<void> {
    for (const line of text.replace(/\r?\n$/, '').split(/\r?\n/)) {
      this.producerSeq += 1;
      const { stream, source } = this.options;
      const timeMs = Date.now();
      const { producer, producerSeq } = this;
      this.pending.push({ stream, source, timeMs, line, level, channel, producer, producerSeq });
      this.pendingBytes += line.length + 100;
    }
    this.sending ??= this.send();
    if (this.pendingBytes > maxPendingBytes) {
      await new Promise<void>((resolve) => this.roomWaiters.push(resolve));
    }
  }

  /** Resolves once everything written so far is stored; throws what the event log refused for good. */
  async flush(): Promise<void> {
    while (this.sending) await this.sending;
    if (this.failure) throw this.failure;
  }

  async close(): Promise<void> {
    await this.flush();
  }

  private async send(): Promise<void> {
    await sleep(lingerMs);
    while (this.pending.length > 0) {
      const batch = this.takeBatch();
      try {
        await retry(() => this.append(batch), {
          maxMs: 1_000,
          retryable: (error) => toAppError(error).code !== 'INVALID',
        });
      } catch (error) {
        this.failure = error;
      }
      if (this.pendingBytes <= maxPendingBytes) for (const wake of this.roomWaiters.splice(0)) wake();
    }
    this.sending = undefined;
  }

  private takeBatch(): NewFrame[] {
    let bytes = 0;
    let count = 0;
    for (const frame of this.pending) {
      if (count >= batchFrames || bytes >= batchBytes) break;
      bytes += frame.line.length + 100;
      count += 1;
    }
    this.pendingBytes -= bytes;
    return this.pending.splice(0, count);
  }
}
