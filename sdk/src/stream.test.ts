import { expect, it } from 'vitest';
import { Stream } from './stream.ts';

it('gives everything pushed before its end, in order', async () => {
  const stream = new Stream<number>();
  stream.push(1);
  setTimeout(() => {
    stream.push(2);
    stream.push(3);
    stream.end();
    stream.push(4);
  });
  const seen: number[] = [];
  for await (const item of stream) seen.push(item);
  expect(seen).toEqual([1, 2, 3]);
});

it('throws its failure after what came before it', async () => {
  const stream = new Stream<number>();
  stream.push(1);
  stream.fail(new Error('broken'));
  const seen: number[] = [];
  await expect(async () => {
    for await (const item of stream) seen.push(item);
  }).rejects.toThrow('broken');
  expect(seen).toEqual([1]);
});
