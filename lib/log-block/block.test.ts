import { expect, test } from 'vitest';
import {
  Block,
  BlockBuilder,
  decodeBatch,
  decodeFrames,
  encodeBatch,
  encodeFrames,
  type Origin,
  Records,
} from './index.ts';

const one: Origin = { producer: 'p', source: 'pod/app', level: 'info', channel: 'stdout' };
const two: Origin = { producer: 'p', source: 'pod/app', level: 'warn', channel: 'stderr' };

function sample(): Block {
  const builder = new BlockBuilder(8);
  builder.add({ origin: one, timeMs: 1_764_000_000_000, producerSeq: 1_764_000_000_000_001 }, 'héllo');
  builder.add({ origin: two, timeMs: 1_763_999_999_999, producerSeq: 1_764_000_000_000_005 }, '');
  builder.add({ origin: one, timeMs: 1_764_000_000_500, producerSeq: 1_764_000_000_000_009 }, 'two\nlines');
  return builder.build(41);
}

function linesOf(block: Block) {
  const records = new Records(block);
  const lines = [];
  while (records.next()) {
    const { start, end, timeMs, producerSeq, origin, ordinal } = records;
    const text = block.text.toString('utf8', start, end);
    lines.push([block.first + ordinal, timeMs, producerSeq, block.origins[origin]?.channel, text]);
  }
  expect(records.isComplete).toBe(true);
  return lines;
}

const expected = [
  [41, 1_764_000_000_000, 1_764_000_000_000_001, 'stdout', 'héllo'],
  [42, 1_763_999_999_999, 1_764_000_000_000_005, 'stderr', ''],
  [43, 1_764_000_000_500, 1_764_000_000_000_009, 'stdout', 'two\nlines'],
];

test('lines come back as they went in, also packed and through a batch', async () => {
  const block = sample();
  expect(linesOf(block)).toEqual(expected);
  expect([block.minTimeMs, block.maxTimeMs, block.last]).toEqual([1_763_999_999_999, 1_764_000_000_500, 43]);
  expect([...block.positions]).toEqual([['p', 1_764_000_000_000_009]]);
  const [item] = decodeBatch(encodeBatch([{ stream: 'app/a', block }]).subarray(4));
  expect(item?.stream).toBe('app/a');
  expect(linesOf(item?.block as Block)).toEqual(expected);
  const large = new BlockBuilder();
  for (let n = 0; n < 5_000; n += 1) large.add({ origin: one, timeMs: n, producerSeq: n }, `line ${n}`);
  const packed = await large.build(1).packed(3);
  expect(packed.isPacked).toBe(true);
  const stored = Block.tryParse(Buffer.from(packed.data)) as Block;
  expect(linesOf(stored)).toHaveLength(5_000);
});

test('a changed or torn block is none', () => {
  const { data } = sample();
  for (let cut = 0; cut < data.length; cut += 1) expect(Block.tryParse(data.subarray(0, cut))).toBeNull();
  for (let at = 0; at < data.length; at += 1) {
    const changed = Buffer.from(data);
    changed[at] = (changed[at] as number) ^ 0x10;
    expect(Block.tryParse(changed)).toBeNull();
  }
});

test('a line of more than 64 KiB is cut between characters', () => {
  const builder = new BlockBuilder();
  builder.add({ origin: one, timeMs: 0, producerSeq: 1 }, '€'.repeat(30_000));
  const block = builder.build();
  const text = block.text.toString('utf8');
  expect(text).toBe(`${'€'.repeat(21_845)}\n`);
});

test('lines that readers get come back as they were, holes and broken bytes and all', () => {
  const rest = { timeMs: 1_764_000_000_000, source: 'pod/app', level: 'info', channel: 'stdout' };
  const frames = [
    { sequence: 7, line: 'héllo', producer: 'p', producerSeq: 5, ...rest },
    { sequence: 8, line: '', producer: '', producerSeq: 0, ...rest, channel: 'stderr' },
    { sequence: 11, line: '\u{fffd}'.repeat(60_000), producer: 'p', producerSeq: 6, ...rest },
  ];
  expect(decodeFrames(encodeFrames(frames))).toEqual(frames);
  expect(decodeFrames(encodeFrames([]))).toEqual([]);
  const torn = encodeFrames(frames).subarray(0, -1);
  expect(() => decodeFrames(torn)).toThrow('damaged');
});
