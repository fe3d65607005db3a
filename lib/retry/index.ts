import { setTimeout as delay } from 'node:timers/promises';

export interface RetryOptions {
  readonly signal?: AbortSignal;
  /** Attempts in all; unlimited when absent. */
  readonly attempts?: number;
  readonly baseMs?: number;
  readonly maxMs?: number;
  /** False ends the retrying at once; every error is retried when absent. */
  readonly retryable?: (error: unknown) => boolean;
  readonly onRetry?: (error: unknown, attempt: number, waitMs: number) => void;
}

/** A timer that is set for longer fires at once. */
const longestTimerMs = 2 ** 31 - 1;

/** Waits; rejects with an AbortError when the signal fires first. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  let leftMs = ms;
  for (; leftMs > longestTimerMs; leftMs -= longestTimerMs)
    await delay(longestTimerMs, undefined, { signal });
  await delay(leftMs, undefined, { signal });
}

/** Exponential back-off with full jitter, in milliseconds, for attempt 1, 2, 3, ... */
export function backoffMs(attempt: number, baseMs = 100, maxMs = 10_000): number {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, 30));
  return ceiling / 2 + Math.random() * (ceiling / 2);
}

/** Runs until it succeeds; throws the last error when attempts run out or it is not retryable. */
export async function retry<T>(run: (attempt: number) => Promise<T>, options: RetryOptions = {}): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    options.signal?.throwIfAborted();
    try {
      return await run(attempt);
    } catch (error) {
      const isLast = attempt >= (options.attempts ?? Infinity);
      if (isLast || options.signal?.aborted || options.retryable?.(error) === false) throw error;
      const waitMs = backoffMs(attempt, options.baseMs, options.maxMs);
      options.onRetry?.(error, attempt, waitMs);
      await sleep(waitMs, options.signal);
    }
  }
}

export interface RepeatOptions {
  /** The pause after each pass. */
  readonly everyMs: number;
  readonly signal: AbortSignal;
  /** The first pass, too, comes after a pause. */
  readonly restsFirst?: boolean;
  /** Hears of a pass that failed; the next one comes all the same. */
  readonly onError: (error: unknown) => void;
}

/** Acts again and again until the signal fires; never rejects by a pass that failed. */
export async function repeat(act: () => Promise<unknown>, options: RepeatOptions): Promise<void> {
  const { everyMs, signal, restsFirst = false, onError } = options;
  if (restsFirst) await sleep(everyMs, signal).catch(() => undefined);
  while (!signal.aborted) {
    await act().catch((error: unknown) => {
      if (!signal.aborted) onError(error);
    });
    await sleep(everyMs, signal).catch(() => undefined);
  }
}

/** Polls until the probe answers something other than undefined; throws what `onTimeout` makes. */
export async function pollUntil<T>(
  probe: () => Promise<T | undefined>,
  options: { timeoutMs: number; everyMs?: number; signal?: AbortSignal; onTimeout: () => Error },
): Promise<T> {
  const deadline = Date.now() + options.timeoutMs;
  for (;;) {
    options.signal?.throwIfAborted();
    const answer = await probe();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw options.onTimeout();
    await sleep(options.everyMs ?? 100, options.signal);
  }
}
