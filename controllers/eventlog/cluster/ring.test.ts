import { expect, test } from 'vitest';
import { ownerOf } from './ring.ts';

const apps = Array.from(
  { length: 10_000 },
  (_, number) => `app/dc1.app.${number.toString(36)}x${number * 7919}`,
);
const names = (count: number) => Array.from({ length: count }, (_, number) => `eventlog-${number}`);
const place = (nodes: readonly string[]) => apps.map((app) => ownerOf(app, nodes));

test.each([2, 3, 4, 5, 8])('of 10,000 apps no one of %d nodes has more than 1.1 times its share', (count) => {
  const counts = new Map<string, number>();
  for (const owner of place(names(count))) counts.set(owner ?? '', (counts.get(owner ?? '') ?? 0) + 1);
  expect(counts.size).toBe(count);
  expect(Math.max(...counts.values()) / (apps.length / count)).toBeLessThanOrEqual(1.1);
});

test.each([2, 3, 4, 7])(
  'a node that joins %d others takes its share from them and moves nothing else',
  (count) => {
    const before = place(names(count));
    const after = place(names(count + 1));
    const moved = after.flatMap((owner, app) => (owner === before[app] ? [] : [owner]));
    expect(new Set(moved)).toEqual(new Set([`eventlog-${count}`]));
    expect(moved.length / apps.length).toBeLessThanOrEqual(1.2 / (count + 1));
    // The way back is a leave: only what the leaving node had moves.
    expect(place(names(count))).toEqual(before);
  },
);
