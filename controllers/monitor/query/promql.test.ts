import { expect, test } from 'vitest';
import { merge } from './merge.ts';
import { planOf, scopeTo } from './promql.ts';

test.each([
  ['sum by (a) (rate(x{b="c"}[5m]))', 'sum', 600],
  ['count(x offset 1h)', 'sum', 3_900],
  ['avg(x)', 'avg', 300],
  ['topk(3, x * 2)', 'topk', 300],
  ['rate(x[1m])', 'union', 360],
])('%s is pushed down', (expression, kind, reachSec) => {
  expect(planOf(expression)).toMatchObject({ merge: { kind }, reachSec });
});

test.each([
  'x / y',
  'sum(x) / sum(y)',
  'histogram_quantile(0.9, sum by (le) (x))',
  'quantile(0.9, x)',
  'sum(sum(x))',
  'absent(x)',
  'sum(job:recorded:rate)',
  'sum(ALERTS)',
  'sum({__name__=~"a|b"})',
  'x @ end()',
  'label_replace(x, "a", "", "", "")',
  'holt_winters(x[5m], 0.1, 0.1)',
  'not an expression',
])('%s needs all series in one place', (expression) => {
  expect(planOf(expression)).toBeNull();
});

test('average is the sum divided by the count', () => {
  expect(planOf('avg by (a) (x)')?.merge).toEqual({
    kind: 'avg',
    sum: 'sum by (a) (x)',
    count: 'count by (a) (x)',
  });
});

test.each([
  ['up', 'up{namespace="skyarc-a"}'],
  ['{__name__="up"}', '{namespace="skyarc-a",__name__="up"}'],
  ['x{}', 'x{namespace="skyarc-a"}'],
  [
    'sum(x{namespace="skyarc-b"}) or y',
    'sum(x{namespace="skyarc-a",namespace="skyarc-b"}) or y{namespace="skyarc-a"}',
  ],
  ['rate(x[5m] offset 1m) > 1', 'rate(x{namespace="skyarc-a"}[5m] offset 1m) > 1'],
])('%s sees one namespace alone', (expression, scoped) => {
  expect(scopeTo('skyarc-a', expression)).toBe(scoped);
});

test('what cannot be read is refused, not passed on', () => {
  expect(() => scopeTo('skyarc-a', 'sum(x')).toThrow('it is not PromQL');
  expect(() => scopeTo('skyarc-a', '')).toThrow('it is not PromQL');
});

const at = (metric: Record<string, string>, value: string) => [{ metric, values: [[1, value] as const] }];

test('parts add up by labels and time, and what is no number does not win', () => {
  expect(merge({ kind: 'sum' }, [at({ a: '1' }, '2'), at({ a: '1' }, '3'), at({ a: '2' }, '+Inf')])).toEqual([
    { metric: { a: '1' }, values: [[1, '5']] },
    { metric: { a: '2' }, values: [[1, '+Inf']] },
  ]);
  expect(merge({ kind: 'max' }, [at({}, 'NaN'), at({}, '1')])).toEqual([{ metric: {}, values: [[1, '1']] }]);
  expect(merge({ kind: 'union' }, [at({}, '1'), at({}, '2')])).toBeNull();
});
