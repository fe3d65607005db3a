import { expect, test } from 'vitest';
import { renewalOf } from './acme-keeper.ts';

const dayMs = 86_400_000;

test('a certificate is renewed when a third of its life is left', () => {
  expect(renewalOf(new Date(0), new Date(90 * dayMs))).toEqual(new Date(60 * dayMs));
  expect(renewalOf(new Date(0), new Date(6 * dayMs))).toEqual(new Date(4 * dayMs));
});
