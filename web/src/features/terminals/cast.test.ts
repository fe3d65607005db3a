import { expect, test } from 'vitest';
import { indexAfter, parseCast, withoutPauses } from './cast.ts';

const text = [
  '{"version": 2, "width": 90, "height": 30, "title": "shop/app"}',
  '[0.5, "o", "$ "]',
  '[10.5, "r", "100x40"]',
  'broken',
  '[11, "o", "done\\r\\n"]',
  '',
].join('\n');

test('a recording is read, its pauses are cut, moments are found', () => {
  const cast = parseCast(text);
  expect(cast).toMatchObject({ cols: 90, rows: 30, title: 'shop/app', duration: 11 });
  expect(cast.events.map(({ kind }) => kind)).toEqual(['o', 'r', 'o']);
  const cut = withoutPauses(cast, 2);
  expect(cut.events.map(({ at }) => at)).toEqual([0.5, 2.5, 3]);
  expect([0, 0.5, 2, 11].map((at) => indexAfter(cast.events, at))).toEqual([0, 1, 1, 3]);
  expect(() => parseCast('{"version": 1}')).toThrow('asciicast');
});
