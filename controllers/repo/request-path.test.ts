import { expect, test } from 'vitest';
import { parseRequestPath } from './request-path.ts';

test('a path is taken apart, the separator of an npm scope too', () => {
  expect(parseRequestPath('/npm/@acme%2fx/-/y-1.tgz?a=b')).toMatchObject({
    parts: ['npm', '@acme', 'x', '-', 'y-1.tgz'],
    hasFinalSlash: false,
  });
  expect(parseRequestPath('/pypi/simple/x/')).toMatchObject({
    parts: ['pypi', 'simple', 'x'],
    hasFinalSlash: true,
  });
  expect(parseRequestPath('/').parts).toEqual([]);
});

test.each([
  '/a/../b',
  '/a/%2e%2e/b',
  '/a/%2E/b',
  '/a//b',
  '/a/..%2fb',
  '/a/%5cb',
  '/a/%00',
  '/a/%0d%0ab',
  '/a/%252e%252e/b',
  '/a/%zz',
  `/${'a'.repeat(300)}`,
  `/${'a/'.repeat(1500)}`,
  'a/b',
])('%s is refused', (target) => {
  expect(() => parseRequestPath(target)).toThrow(/address/);
});
