import { expect, test } from 'vitest';
import { matchDigestOf } from './route-policy.ts';
import { overlap } from './write-routes.ts';

const header = (name: string, value: string) => ({ name, op: 'EXACT' as const, value });

test('routes of one host and path differ by what a request must bring, not by its order or defaults', () => {
  expect(matchDigestOf({})).toBe('');
  expect(matchDigestOf({ match: { headers: [], methods: [] }, httpsRedirect: true })).toBe('');
  const one = matchDigestOf({ match: { headers: [header('A', '1'), header('B', '2')] } });
  expect(one).toMatch(/^[0-9a-f]{32}$/);
  expect(matchDigestOf({ match: { headers: [header('B', '2'), { name: 'A', value: '1' }] } })).toBe(one);
  expect(matchDigestOf({ match: { headers: [header('A', '1')], cookies: [header('B', '2')] } })).not.toBe(
    one,
  );
  expect(matchDigestOf({ pathType: 'EXACT' })).not.toBe('');
});

test.each([
  ['shop.test', 'shop.test', true],
  ['*.shop.test', 'a.shop.test', true],
  ['a.shop.test', '*.shop.test', true],
  ['*.shop.test', '*.shop.test', true],
  ['*.shop.test', 'a.b.shop.test', false],
  ['*.shop.test', 'shop.test', false],
  ['*.shop.test', '*.a.shop.test', false],
  ['*.shop.test', 'workshop.test', false],
  ['a.shop.test', 'b.shop.test', false],
])('%s and %s: a request could be for both: %s', (left, right, expected) => {
  expect(overlap(left, right)).toBe(expected);
});
