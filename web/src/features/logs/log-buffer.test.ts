import type { LogLine } from '@skyarc/sdk';
import { describe, expect, it } from 'vitest';
import { LogBuffer, noFilter, severityOf } from './log-buffer.ts';

function line(number: number, part: Partial<LogLine> = {}): LogLine {
  const cursor = String(number).padStart(8, '0');
  const at = '2026-01-01T00:00:00.000Z';
  return {
    cursor,
    at,
    text: `line ${number}`,
    source: 'shop-a/app',
    level: 'info',
    channel: 'stdout',
    ...part,
  };
}

function lines(from: number, to: number): LogLine[] {
  return Array.from({ length: to - from + 1 }, (_, index) => line(from + index));
}

describe('LogBuffer', () => {
  it('leaves out the lines that a new connection repeats', () => {
    const buffer = new LogBuffer();
    buffer.append(lines(1, 5));
    buffer.append(lines(3, 8));
    expect(buffer.shown.map((row) => 'cursor' in row && Number(row.cursor))).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8,
    ]);
  });

  it('filters by text, pod and level, also what comes later', () => {
    const buffer = new LogBuffer();
    buffer.append([line(1), line(2, { source: 'shop-b/app', level: 'error', text: 'Timeout' })]);
    buffer.filter({ text: 'time', pod: 'shop-b', level: 'errors' });
    buffer.append([
      line(3, { source: 'shop-b/app', level: 'ERROR', text: 'timeout again' }),
      line(4, { text: 'time' }),
    ]);
    expect(buffer.shown).toHaveLength(2);
    buffer.filter(noFilter);
    expect(buffer.shown).toHaveLength(4);
    expect(buffer.pods).toEqual(['shop-a', 'shop-b']);
  });

  it('marks a gap and fills it with the stored lines', () => {
    const buffer = new LogBuffer();
    buffer.append(lines(1, 2));
    buffer.append(lines(6, 7), { from: '00000002', to: '00000006' });
    const gap = buffer.shown.find((row) => 'gap' in row);
    expect(buffer.shown.indexOf(gap!)).toBe(2);
    if (gap && 'gap' in gap) buffer.fill(gap, lines(3, 5));
    expect(buffer.shown).toHaveLength(7);
  });

  it('drops the oldest lines when full and says that older ones exist', () => {
    const buffer = new LogBuffer(1_000);
    for (let from = 1; from <= 5_000; from += 100) buffer.append(lines(from, from + 99));
    expect(buffer.size).toBeLessThanOrEqual(1_000);
    expect(buffer.hasOlder).toBe(true);
    expect(buffer.shown).toHaveLength(buffer.size);
    expect(buffer.prepend(lines(1, 10), false)).toBe(10);
    expect(buffer.oldest).toBe('00000001');
  });

  it('takes fifty thousand lines one by one', () => {
    const buffer = new LogBuffer();
    for (const each of lines(1, 50_000)) buffer.append([each]);
    expect(buffer.shown).toHaveLength(50_000);
  });
});

it('knows severities under their many names', () => {
  expect(['FATAL', 'err', 'Warning', 'trace', 'notice'].map(severityOf)).toEqual([
    'error',
    'error',
    'warning',
    'debug',
    'info',
  ]);
});
