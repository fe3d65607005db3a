import { AppError, isNotFound, messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';

export interface WorkQueueOptions {
  readonly name: string;
  /** Keys handled at the same time; one key never by two workers. */
  readonly workers?: number;
  /** Does the work of one key; a throw puts it back with back-off. */
  readonly handle: (key: string, signal: AbortSignal) => Promise<void>;
  readonly log: Logger;
  readonly baseDelayMs?: number;
  readonly maxDelayMs?: number;
}

/**
 * A de-duplicating queue of keys with client-go's guarantees: a key added while it waits is kept once,
 * a key added while it is handled is handled again afterwards, never at the same time.
 */
export class WorkQueue {
  private readonly options: WorkQueueOptions;
  private readonly waiting = new Set<string>();
  private readonly handling = new Map<string, Promise<void>>();
  private readonly again = new Set<string>();
  private readonly delayed = new Map<string, { timer: NodeJS.Timeout; dueAt: number }>();
  private readonly failures = new Map<string, number>();
  private readonly stopping = new AbortController();
  private started = false;

  constructor(options: WorkQueueOptions) {
    this.options = options;
  }

  /** Keys that wait now (delayed ones apart). */
  get length(): number {
    return this.waiting.size;
  }

  /** True when nothing waits and nothing is handled; delayed keys do not count. */
  get idle(): boolean {
    return this.waiting.size === 0 && this.handling.size === 0;
  }

  add(key: string): void {
    if (this.stopping.signal.aborted) return;
    if (this.handling.has(key)) this.again.add(key);
    else {
      this.waiting.add(key);
      this.pump();
    }
  }

  /** Adds the key later; of several delays the earliest holds. */
  addAfter(key: string, delayMs: number): void {
    if (this.stopping.signal.aborted) return;
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    const dueAt = Date.now() + delayMs;
    const earlier = this.delayed.get(key);
    if (earlier && earlier.dueAt <= dueAt) return;
    clearTimeout(earlier?.timer);
    const timer = setTimeout(
      () => {
        this.delayed.delete(key);
        if (Date.now() < dueAt) this.addAfter(key, dueAt - Date.now());
        else this.add(key);
      },
      // setTimeout overflows beyond 2^31 ms and would fire at once.
      Math.min(delayMs, 2 ** 31 - 1),
    );
    this.delayed.set(key, { timer, dueAt });
  }

  /** Adds the key after its back-off, which doubles with each call until `forget`. */
  addRateLimited(key: string): void {
    const { baseDelayMs = 5, maxDelayMs = 30_000 } = this.options;
    const failures = this.failures.get(key) ?? 0;
    this.failures.set(key, failures + 1);
    this.addAfter(key, Math.min(maxDelayMs, baseDelayMs * 2 ** Math.min(failures, 30)));
  }

  /** Ends the key's back-off; done by itself after a success. */
  forget(key: string): void {
    this.failures.delete(key);
  }

  /** Begins to handle keys; keys added before wait until now. */
  start(): void {
    this.started = true;
    this.pump();
  }

  /** Takes nothing more, aborts the handlers' signal and waits until they have returned. */
  async stop(): Promise<void> {
    this.stopping.abort();
    for (const { timer } of this.delayed.values()) clearTimeout(timer);
    this.delayed.clear();
    this.waiting.clear();
    this.again.clear();
    await Promise.all(this.handling.values());
  }

  private pump(): void {
    if (!this.started) return;
    for (const key of this.waiting) {
      if (this.handling.size >= (this.options.workers ?? 1)) return;
      this.waiting.delete(key);
      this.handling.set(key, this.work(key));
    }
  }

  private async work(key: string): Promise<void> {
    // Begins in a later microtask, so that the caller of add() is never re-entered.
    await Promise.resolve();
    try {
      await this.options.handle(key, this.stopping.signal);
      this.forget(key);
    } catch (error) {
      if (!this.stopping.signal.aborted) this.retry(key, error);
    }
    this.handling.delete(key);
    if (this.again.delete(key)) this.add(key);
    else this.pump();
  }

  private retry(key: string, error: unknown): void {
    // A stale cache, the ordinary price of optimistic writes: the object has changed or gone meanwhile.
    const isStale = isNotFound(error) || (error instanceof AppError && error.code === 'CONFLICT');
    const level = isStale ? 'debug' : 'warn';
    const failures = (this.failures.get(key) ?? 0) + 1;
    this.options.log[level](
      { queue: this.options.name, object: key, failures, reason: messageOf(error) },
      'will retry',
    );
    this.addRateLimited(key);
  }
}
