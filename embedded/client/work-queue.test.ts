import { createLogger } from '@skyarc/lib/log';
import { sleep } from '@skyarc/lib/retry';
import { expect, test } from 'vitest';
import { WorkQueue } from './work-queue.ts';

const log = createLogger('test');
log.level = 'silent';

test('a key is never handled twice at once, and an add meanwhile is not lost', async () => {
  const active = new Map<string, number>();
  const handled = new Map<string, number>();
  let overlaps = 0;
  const queue = new WorkQueue({
    name: 'test',
    workers: 8,
    log,
    handle: async (key) => {
      const count = (active.get(key) ?? 0) + 1;
      active.set(key, count);
      if (count > 1) overlaps += 1;
      await sleep(Math.random() * 3);
      active.set(key, count - 1);
      handled.set(key, (handled.get(key) ?? 0) + 1);
    },
  });
  queue.start();
  for (let round = 0; round < 50; round += 1) {
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await sleep(1);
  }
  const before = handled.get('a') ?? 0;
  queue.add('a');
  await expect.poll(() => queue.idle).toBe(true);
  expect(handled.get('a')).toBeGreaterThan(before);
  expect(overlaps).toBe(0);
  await queue.stop();
});

test('keys wait for start and are kept once', async () => {
  const seen: string[] = [];
  const queue = new WorkQueue({ name: 'test', log, handle: async (key) => void seen.push(key) });
  for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
  expect(queue.length).toBe(2);
  queue.start();
  await expect.poll(() => queue.idle).toBe(true);
  expect(seen).toEqual(['a', 'b']);
  await queue.stop();
});

test('a failing key comes back with growing delays until it succeeds', async () => {
  const times: number[] = [];
  const queue = new WorkQueue({
    name: 'test',
    log,
    baseDelayMs: 10,
    handle: async () => {
      times.push(performance.now());
      if (times.length < 4) throw new Error('not yet');
    },
  });
  queue.start();
  queue.add('a');
  await expect.poll(() => times.length).toBe(4);
  const [first = 0, second = 0, third = 0, fourth = 0] = times;
  expect(second - first).toBeGreaterThanOrEqual(9);
  expect(third - second).toBeGreaterThanOrEqual(19);
  expect(fourth - third).toBeGreaterThanOrEqual(39);
  await queue.stop();
});

test('of several delays the earliest holds', async () => {
  const seen: number[] = [];
  const begin = performance.now();
  const queue = new WorkQueue({
    name: 'test',
    log,
    handle: async () => void seen.push(performance.now() - begin),
  });
  queue.start();
  queue.addAfter('a', 60_000);
  queue.addAfter('a', 20);
  queue.addAfter('a', 40);
  queue.addAfter('far', 2 ** 40);
  await sleep(80);
  expect(seen).toHaveLength(1);
  await queue.stop();
});

test('stop waits for the handler, tells it, and takes nothing more', async () => {
  let finished = false;
  let aborted = false;
  const queue = new WorkQueue({
    name: 'test',
    log,
    handle: async (_key, signal) => {
      await sleep(20);
      aborted = signal.aborted;
      finished = true;
    },
  });
  queue.start();
  queue.add('a');
  queue.add('b');
  await sleep(2);
  await queue.stop();
  expect({ finished, aborted }).toEqual({ finished: true, aborted: true });
  queue.add('c');
  expect(queue.length).toBe(0);
});
