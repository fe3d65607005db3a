import { expect, test } from 'vitest';
import type { StoredFrame } from '@skyarc/lib/log-block';
import { withGaps } from './holes.ts';

const frame = (sequence: number) => ({ sequence }) as StoredFrame;
const short = (part: Parameters<typeof withGaps>[0]) =>
  withGaps(part).map(({ frames, gap, cursor }) => [
    gap ? `${gap.from}..${gap.to}` : frames.map(({ sequence }) => sequence),
    cursor,
  ]);

test('holes are gaps before, between and after lines while a node is out of reach', () => {
  const frames = [12, 13, 20, 21].map(frame);
  expect(short({ frames, cursor: 10, end: 30, unknownUpTo: Number.POSITIVE_INFINITY })).toEqual([
    ['11..11', 11],
    [[12, 13], 13],
    ['14..19', 19],
    [[20, 21], 21],
    ['22..30', 30],
  ]);
});

test('a node that left holds nothing above its last generation', () => {
  const frames = [12, 20, 40].map(frame);
  expect(short({ frames, cursor: 11, end: 50, unknownUpTo: 16 })).toEqual([
    [[12], 12],
    ['13..16', 19],
    [[20, 40], 40],
  ]);
});

test('with all nodes there a jump is only a jump', () => {
  expect(short({ frames: [12, 20].map(frame), cursor: 5, end: 50, unknownUpTo: 0 })).toEqual([
    [[12, 20], 20],
  ]);
  expect(short({ frames: [], cursor: 5, end: 50, unknownUpTo: 0 })).toEqual([]);
});
