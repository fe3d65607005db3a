import { expect, test } from 'vitest';
import { isSchedule } from './run.ts';

test.each(['* * * * *', '*/5 0-6,22 1,15 JAN-MAR MON', '0 4 * * 7', '@daily', '@hourly', '59 23 31 12 *'])(
  '%s is a schedule',
  (text) => expect(isSchedule(text)).toBe(true),
);

test.each([
  '',
  '* * * *',
  '* * * * * *',
  '60 * * * *',
  '* 24 * * *',
  '* * 0 * *',
  '* * * 13 *',
  '0 0 30 2 *',
  '*/0 * * * *',
  '@every 1h',
  '@reboot',
  '* * * * $(id)',
  '0 0 * * FOO',
  '0  0 * * *',
  '0 0 L * *',
])('"%s" is none', (text) => expect(isSchedule(text)).toBe(false));
