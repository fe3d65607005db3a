import { expect, test } from 'vitest';
import { uriHost } from './index.ts';

test.each([
  ['::1', '[::1]'],
  ['2001:db8::1', '[2001:db8::1]'],
  ['fe80::1%eth0', '[fe80::1%eth0]'],
  ['[::1]', '[::1]'],
  ['10.0.0.1', '10.0.0.1'],
  ['shop.example', 'shop.example'],
])('%s stands before a port as %s', (host, expected) => {
  expect(uriHost(host)).toBe(expected);
});
