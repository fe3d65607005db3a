import { expect, test } from 'vitest';
import { SkyarcError } from '../error.ts';
import { patiently } from './patience.ts';

/** Streams whose nth opening gives the nth items, then fails unless it is the last. */
function streams(...lives: readonly (readonly number[])[]) {
  let opened = 0;
  return async function* open() {
    const life = lives[opened] ?? [];
    opened += 1;
    yield* life;
    if (opened < lives.length) throw new SkyarcError('UNAVAILABLE', 'away');
  };
}

async function* broken(): AsyncGenerator<number> {
  yield 1;
  throw new SkyarcError('FORBIDDEN', 'no');
}

test('a stream is opened again while its data centre is away', async () => {
  const seen: number[] = [];
  for await (const item of patiently(streams([1, 2], [], [3]))) seen.push(item);
  expect(seen).toEqual([1, 2, 3]);
});

test('other errors and an aborted signal end it', async () => {
  await expect(Array.fromAsync(patiently(broken))).rejects.toMatchObject({ code: 'FORBIDDEN' });
  const ending = new AbortController();
  setTimeout(() => ending.abort(), 50);
  expect(await Array.fromAsync(patiently(streams([1], [2]), ending.signal))).toEqual([1]);
});
