import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assign, type Weighed } from './assign.ts';

const targetsOf = (weights: readonly number[]): Weighed[] =>
  weights.map((weight, index) => ({ key: `t${index}`, weight }));

function loadsOf(targets: readonly Weighed[], shards: number, assigned: ReadonlyMap<string, number>) {
  const loads = Array.from({ length: shards }, () => 0);
  for (const { key, weight } of targets) loads[assigned.get(key) as number]! += weight;
  return loads;
}

const ratioOf = (loads: readonly number[]) =>
  Math.max(...loads) / (loads.reduce((sum, load) => sum + load, 0) / loads.length);

test('series are spread within 1.1, and another shard takes few targets from the others', () => {
  const many = fc.array(fc.integer({ min: 20, max: 400 }), { minLength: 200, maxLength: 400 });
  fc.assert(
    fc.property(many, fc.integer({ min: 1, max: 4 }), (weights, shards) => {
      const targets = targetsOf(weights);
      const first = assign(targets, shards, new Map());
      expect(ratioOf(loadsOf(targets, shards, first))).toBeLessThanOrEqual(1.1);
      const second = assign(targets, shards + 1, first);
      expect(ratioOf(loadsOf(targets, shards + 1, second))).toBeLessThanOrEqual(1.1);
      const moved = targets.filter(({ key }) => first.get(key) !== second.get(key)).length;
      expect(moved / targets.length).toBeLessThanOrEqual(1.2 / (shards + 1));
    }),
    { numRuns: 100 },
  );
});

test('without need nothing moves, and everything is somewhere after a shard has gone', () => {
  const targets = targetsOf(Array.from({ length: 60 }, (_, index) => 50 + (index % 7)));
  const first = assign(targets, 3, new Map());
  expect(assign(targets, 3, first)).toEqual(first);
  const second = assign(targets, 2, first);
  expect([...second.values()].every((shard) => shard < 2)).toBe(true);
  expect(targets.filter(({ key }) => first.get(key)! < 2 && first.get(key) !== second.get(key))).toEqual([]);
});

test('one that is heavier than all others does not move to and fro', () => {
  const targets = targetsOf([5_000, 10, 10, 10]);
  const first = assign(targets, 2, new Map());
  expect(assign(targets, 2, first)).toEqual(first);
});
