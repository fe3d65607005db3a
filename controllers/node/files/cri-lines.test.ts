import { expect, test } from 'vitest';
import { parseTimeUs, placeAfter } from '../lines.ts';
import { CriParser } from './cri-lines.ts';

test('parts are joined per channel, and only whole lines are used', () => {
  const text = [
    '2026-11-22T10:00:00.000001999Z stdout P one ',
    '2026-11-22T10:00:00.5Z stderr F oops',
    '2026-11-22T10:00:01Z stdout F two',
    'no CRI line',
    '2026-11-22T10:00:01Z stdout F ',
    '2026-11-22T10:00:02Z stdout F half',
  ].join('\n');
  const { lines, used } = new CriParser().parse(Buffer.from(text), 100);
  expect(lines.map(({ line }) => [line.channel, line.text])).toEqual([
    ['stderr', 'oops'],
    ['stdout', 'one two'],
    ['', 'no CRI line'],
    ['stdout', ''],
  ]);
  expect(used).toBe(text.lastIndexOf('\n') + 1);
  expect(lines[0]?.resumeAt).toBeNull();
  expect(lines[1]?.resumeAt).toBe(100 + text.indexOf('no CRI'));
  expect(lines[1]?.line.timeUs).toBe(Date.parse('2026-11-22T10:00:00Z') * 1_000 + 1);
});

test('times become microseconds, and places only rise', () => {
  expect(parseTimeUs('2026-11-22T10:00:00.1234567+02:00')).toBe(
    Date.parse('2026-11-22T08:00:00Z') * 1_000 + 123_456,
  );
  expect(parseTimeUs('yesterday')).toBe(0);
  const line = { timeUs: 5, channel: '' as const, text: '' };
  expect([placeAfter(0, line), placeAfter(5, line), placeAfter(9, line)]).toEqual([5, 6, 10]);
});
