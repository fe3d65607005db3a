import { BlockBuilder, Records } from '@skyarc/lib/log-block';
import { expect, test } from 'vitest';
import { mergeBlocks, type PlacedBlock } from './merge.ts';

const origin = { producer: 'p', source: 's', level: 'info', channel: '' };

function placed(first: number, count: number): PlacedBlock {
  const builder = new BlockBuilder();
  for (let n = 0; n < count; n += 1)
    builder.add({ origin, timeMs: n, producerSeq: first + n }, `line ${first + n}`);
  return { block: builder.build(first), positions: new Map([['p', first + count - 1]]) };
}

test('small blocks become one, but not over a jump of sequences', () => {
  const merged = mergeBlocks([placed(1, 3), placed(4, 2), placed(1_000, 2), placed(1_002, 1)]);
  expect(merged.map(({ first, last }) => [first, last])).toEqual([
    [1, 5],
    [1_000, 1_002],
  ]);
  for (const block of merged) {
    const lines: string[] = [];
    for (const records = new Records(block); records.next();)
      lines.push(block.text.toString('utf8', records.start, records.end));
    expect(lines).toEqual(Array.from({ length: block.count }, (_, index) => `line ${block.first + index}`));
    expect([...block.positions]).toEqual([['p', block.last]]);
  }
});
