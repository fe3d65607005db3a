import { expect, test } from 'vitest';
import { cronProblem, lastCronTime, nextCronTime } from './cron.ts';

const at = (text: string) => Date.parse(text);
const iso = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());

test.each([
  ['*/5 * * * *', '2026-03-01T10:02:30Z', '2026-03-01T10:05:00.000Z'],
  ['0 0 * * *', '2026-03-01T00:00:00Z', '2026-03-02T00:00:00.000Z'],
  ['@hourly', '2026-03-01T10:00:00Z', '2026-03-01T11:00:00.000Z'],
  ['15/20 9-10 * * MON-FRI', '2026-03-01T00:00:00Z', '2026-03-02T09:15:00.000Z'],
  // Both days restricted: either is enough. One of them open: both must fit.
  ['0 0 13 * 5', '2026-03-07T00:00:00Z', '2026-03-13T00:00:00.000Z'],
  ['0 0 1 * 1', '2026-03-03T00:00:00Z', '2026-03-09T00:00:00.000Z'],
  ['0 0 */2 * 1', '2026-03-03T00:00:00Z', '2026-03-09T00:00:00.000Z'],
  ['0 0 29 2 ?', '2026-03-01T00:00:00Z', '2028-02-29T00:00:00.000Z'],
])('%s after %s is %s', (schedule, after, expected) => {
  expect(iso(nextCronTime(schedule, at(after)))).toBe(expected);
});

test('a time zone keeps the wall clock, in summer and winter', () => {
  const zone = 'Europe/Berlin';
  expect(iso(nextCronTime('0 9 * * *', at('2026-01-10T12:00:00Z'), zone))).toBe('2026-01-11T08:00:00.000Z');
  expect(iso(nextCronTime('0 9 * * *', at('2026-07-10T12:00:00Z'), zone))).toBe('2026-07-11T07:00:00.000Z');
  expect(iso(nextCronTime('0 9 * * *', at('2026-07-10T00:00:00Z'), 'Asia/Shanghai'))).toBe(
    '2026-07-10T01:00:00.000Z',
  );
});

test('the last time includes the present one', () => {
  expect(iso(lastCronTime('*/5 * * * *', at('2026-03-01T10:05:00Z')))).toBe('2026-03-01T10:05:00.000Z');
  expect(iso(lastCronTime('*/5 * * * *', at('2026-03-01T10:04:59Z')))).toBe('2026-03-01T10:00:00.000Z');
  expect(iso(lastCronTime('0 0 1 1 *', at('2026-03-01T10:04:59Z')))).toBe('2026-01-01T00:00:00.000Z');
});

test.each([
  '',
  '* * * *',
  '* * * * * *',
  '60 * * * *',
  '* 24 * * *',
  '* * 0 * *',
  '* * * 13 *',
  '* * * * 7',
  '* * L * *',
  '* * * * 5#2',
  '@every 5m',
  '@sometimes',
  'TZ=UTC * * * * *',
  '*/0 * * * *',
  '5-1 * * * *',
  'a b c d e',
])('%j is no schedule', (schedule) => {
  expect(cronProblem(schedule)).toBeTypeOf('string');
});

test('only named time zones are known', () => {
  expect(cronProblem('* * * * *', 'Mars/Olympus')).toContain('unknown time zone');
  expect(cronProblem('* * * * *', '+01:00')).toContain('unknown time zone');
  expect(cronProblem('* * * * *', 'America/New_York')).toBeUndefined();
});
