import { probe as probeSchema } from '@skyarc/lib/contracts';
import { expect, test } from 'vitest';
import { nextHealth, unknownHealth } from './health.ts';

const probe = probeSchema.parse({ kind: 'TCP', successThreshold: 2, failureThreshold: 3 });

function after(answers: string) {
  return answers
    .split('')
    .reduce(
      (health, answer, index) =>
        nextHealth(health, { problem: answer === 'o' ? null : `no ${index}`, nowMs: index, probe }),
      unknownHealth,
    );
}

test.each([
  ['o', true, null],
  ['x', false, 'no 0'],
  ['oxx', true, null],
  ['oxxx', false, 'no 3'],
  ['oxxoxx', true, null],
  ['xo', false, 'no 0'],
  ['xoo', true, null],
  ['xoxo', false, 'no 2'],
])('after %s it is healthy: %s', (answers, healthy, message) => {
  expect(after(answers)).toMatchObject({ healthy, message });
});

test('the moment of the last good answer is kept', () => {
  expect(after('ooxxx').goodAtMs).toBe(1);
  expect(after('x').goodAtMs).toBe(0);
});
