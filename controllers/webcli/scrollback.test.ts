import { expect, test } from 'vitest';
import { Scrollback } from './scrollback.ts';

test('the newest bytes stay, addressed by where they stood', () => {
  const shown = new Scrollback(10);
  for (const text of ['one\n', 'two\n', 'three\n']) shown.push(Buffer.from(text));
  expect([shown.start, shown.end]).toEqual([4, 14]);
  expect(shown.from(4).toString()).toBe('two\nthree\n');
  expect(shown.from(12).toString()).toBe('e\n');
  expect(shown.from(14).length).toBe(0);
  shown.push(Buffer.from('4'));
  expect(shown.from(shown.firstLine).toString()).toBe('three\n4');
});

test('many small pieces take no more room than few', () => {
  const shown = new Scrollback(1_000);
  for (let count = 0; count < 5_000; count += 1) shown.push(Buffer.from(String(count % 10)));
  expect(shown.end - shown.start).toBe(1_000);
  expect(shown.from(shown.start).toString()).toBe('0123456789'.repeat(100));
  shown.push(Buffer.alloc(5_000, 'x'));
  expect(shown.from(shown.start).toString()).toBe('x'.repeat(1_000));
});
