import { codes } from '@skyarc/lib/dns';
import { expect, test } from 'vitest';
import type { Outcome } from './controller.ts';
import { Tally } from './tally.ts';

const outcome = (more: Partial<Outcome> = {}): Outcome => ({
  zone: 'x',
  type: 'A',
  code: codes.ok,
  isTcp: false,
  verdict: 'send',
  ...more,
});

test('counts the questions of the last minute', () => {
  let nowMs = 1_000_000;
  const tally = new Tally(() => nowMs);
  for (let i = 0; i < 120; i += 1) tally.note('a.x', outcome());
  expect(tally.questionsPerSecond).toBe(2);
  nowMs += 61_000;
  expect(tally.questionsPerSecond).toBe(0);
  expect(tally.questions).toBe(120);
});

test('remembers a bounded number of failures, the same ones together', () => {
  const tally = new Tally(() => 5_000);
  for (let i = 0; i < 100; i += 1) tally.note(`n${i}.x`, outcome({ code: codes.nameError }));
  tally.note('evil.test', outcome({ code: codes.refused }));
  tally.note('n99.x', outcome({ code: codes.nameError }));
  tally.note('a.x', outcome({ verdict: 'drop' }));
  expect(tally.failures).toHaveLength(20);
  expect(tally.failures.slice(0, 3)).toEqual([
    { name: 'a.x', type: 'A', reason: 'LIMITED', count: 1, atMs: 5_000 },
    { name: 'n99.x', type: 'A', reason: 'NO_SUCH_NAME', count: 2, atMs: 5_000 },
    { name: 'evil.test', type: 'A', reason: 'REFUSED', count: 1, atMs: 5_000 },
  ]);
});
