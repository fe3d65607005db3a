import { SkyarcError } from '../error.ts';

const patienceMs = 120_000;
const firstWaitMs = 250;
const maxWaitMs = 5_000;

/**
 * A stream that is opened again while its data centre cannot be reached, as during an upgrade or after a
 * crash; gives up when it stays away for two minutes. Fits streams that begin with the present state or
 * behind what was received.
 */
export async function* patiently<Item>(
  open: () => AsyncIterable<Item>,
  signal?: AbortSignal,
): AsyncGenerator<Item, void, undefined> {
  let lastSeen = Date.now();
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, maxWaitMs)) {
    try {
      for await (const item of open()) {
        lastSeen = Date.now();
        waitMs = firstWaitMs;
        yield item;
      }
      return;
    } catch (error) {
      const isAway = error instanceof SkyarcError && error.code === 'UNAVAILABLE';
      if (!isAway || signal?.aborted || Date.now() - lastSeen > patienceMs) throw error;
    }
    await pause(waitMs, signal);
    if (signal?.aborted) return;
  }
}

/** Waits, or less when the signal fires. */
function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
  });
}
