import { expect, test } from 'vitest';
import { matchesLabelSelector, parseFieldSelector, parseLabelSelector } from './selectors.ts';

const labels = { app: 'web', tier: 'front', size: '3' };

test.each([
  ['app=web', true],
  ['app==web,tier!=back', true],
  ['app in (api, web),tier notin (back)', true],
  ['!gone,app', true],
  ['gone!=x', true],
  ['gone notin (x)', true],
  ['size>2,size<4', true],
  ['app=api', false],
  ['!app', false],
  ['app in (api)', false],
])('the label selector %j answers %s', (text, expected) => {
  expect(parseLabelSelector(text)(labels)).toBe(expected);
});

test.each(['=', 'a b', 'a in x', 'a=b c', 'a in (b', '-a=b'])('the label selector %j is refused', (text) => {
  expect(() => parseLabelSelector(text)).toThrow(expect.objectContaining({ code: 'INVALID' }));
});

test('a structured selector needs all of its parts', () => {
  const expressions = [
    { key: 'tier', operator: 'In', values: ['front'] },
    { key: 'gone', operator: 'DoesNotExist' },
  ];
  expect(matchesLabelSelector({ matchLabels: { app: 'web' }, matchExpressions: expressions }, labels)).toBe(
    true,
  );
  expect(matchesLabelSelector({ matchLabels: { app: 'api' }, matchExpressions: expressions }, labels)).toBe(
    false,
  );
  expect(matchesLabelSelector({}, labels)).toBe(true);
});

test('a field selector keeps escaped characters', () => {
  expect(parseFieldSelector('a=b\\,c,d!=e')).toEqual([
    { field: 'a', value: 'b,c', equal: true },
    { field: 'd', value: 'e', equal: false },
  ]);
  expect(() => parseFieldSelector('a')).toThrow(expect.objectContaining({ code: 'INVALID' }));
});
