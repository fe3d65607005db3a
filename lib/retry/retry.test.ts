import { expect, test } from 'vitest';
import { repeat, retry } from './index.ts';

test('a pass that fails is told and followed by the next, until the signal fires', async () => {
  const stopping = new AbortController();
  const told: unknown[] = [];
  let passes = 0;
  const act = async () => {
    passes += 1;
    if (passes === 2) throw new Error('second');
    if (passes === 4) stopping.abort();
    if (passes === 4) throw new Error('not told: it was stopped');
  };
  await repeat(act, { everyMs: 1, signal: stopping.signal, onError: (error) => told.push(error) });
  expect(passes).toBe(4);
  expect(told).toEqual([new Error('second')]);
});

test('one that rests first does not act at all when it is stopped meanwhile', async () => {
  const stopping = new AbortController();
  let passes = 0;
  const running = repeat(async () => (passes += 1), {
    everyMs: 60_000,
    signal: stopping.signal,
    restsFirst: true,
    onError: () => undefined,
  });
  stopping.abort();
  await running;
  expect(passes).toBe(0);
});

test('what is not to be tried again throws at once', async () => {
  let tries = 0;
  const run = async () => {
    tries += 1;
    throw new Error('no');
  };
  await expect(retry(run, { retryable: () => false })).rejects.toThrow('no');
  expect(tries).toBe(1);
  await expect(retry(run, { attempts: 3, baseMs: 1 })).rejects.toThrow('no');
  expect(tries).toBe(4);
});
