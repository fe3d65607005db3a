import { expect, test } from 'vitest';
import { renewalOf } from './acme-keeper.ts';

test('a certificate is renewed when a third of its life is left', () => {
  const of = (days: number) =>
    (renewalOf(new Date(0), new Date(days * 86_400_000)).getTime() - days * 86_400_000) / -86_400_000;
  expect(of(90)).toBe(30);
  expect(of(6)).toBe(2);
});
