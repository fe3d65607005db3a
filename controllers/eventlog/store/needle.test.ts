import { RE2JS } from 're2js';
import { expect, test } from 'vitest';
import { rarestPart, requiredText } from './needle.ts';

test.each([
  ['timeout after \\d+ ms', 'timeout after '],
  ['GET /[0-9]+ status=5', ' status=5'],
  ['colou?r=red', 'r=red'],
  ['a+bc', 'bc'],
  ['(one|two) three', ''],
  ['(?i)error', ''],
  ['(abcdef)?gh', 'gh'],
  ['x{2,3}yz', 'yz'],
  ['1\\.2\\.3', '1.2.3'],
  ['\\Qa|b\\E', ''],
  ['[]a]bc', ''],
  ['[\\]a]bc', ''],
  ['^end$', 'end'],
])('every match of %s holds "%s"', (pattern, text) => {
  expect(requiredText(pattern)).toBe(text);
  expect(() => RE2JS.compile(pattern)).not.toThrow();
});

test('a needle is looked for from its rarest byte on', () => {
  const sample = Buffer.from('line=1 line=2 line=3');
  expect(rarestPart(Buffer.from('line=77 x'), sample).toString()).toBe('77 x');
  expect(rarestPart(Buffer.from('li'), sample).toString()).toBe('li');
});
