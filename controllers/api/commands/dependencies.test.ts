import { expect, test } from 'vitest';
import { circleFrom, inStartOrder } from './dependencies.ts';

const needs = new Map([
  ['web', ['api', 'cache']],
  ['api', ['db', 'cache']],
  ['cache', []],
  ['db', []],
]);

test('each comes after all that it needs of those that are started', () => {
  expect(inStartOrder(['web', 'api', 'cache', 'db'], needs)).toEqual(['db', 'cache', 'api', 'web']);
  expect(inStartOrder(['web', 'db'], needs)).toEqual(['web', 'db']);
  expect(inStartOrder([], needs)).toEqual([]);
});

test('a circle is found from within, and told as the way round', () => {
  expect(circleFrom('web', needs)).toBeNull();
  const circle = new Map([...needs, ['db', ['web']]]);
  expect(circleFrom('db', circle)).toEqual(['db', 'web', 'api', 'db']);
  expect(circleFrom('cache', circle)).toBeNull();
  expect(circleFrom('self', new Map([['self', ['self']]]))).toEqual(['self', 'self']);
});

test('a thousand apps in a row are looked through once', () => {
  const row = new Map(
    Array.from({ length: 1_000 }, (_, index) => [`${index}`, [`${index + 1}`, `${index + 2}`]]),
  );
  expect(circleFrom('0', row)).toBeNull();
});
