import { expect, test } from 'vitest';
import { satisfies } from './versions.ts';

test.each([
  ['8.2', '^8.1', true],
  ['8.2', '^7.4 || ^8.0', true],
  ['8.2', '^7.4|^8.3', false],
  ['8.2', '>=7.2.5', true],
  ['8.2', '>=8.2.29', true],
  ['8.2', '~8.2.0', true],
  ['8.2', '~8.1.0', false],
  ['8.2', '~8.0', true],
  ['8.2', '8.*', true],
  ['8.2', '*', true],
  ['8.2', '>=8.0 <8.2', false],
  ['8.2', '7.4 - 8.2', true],
  ['8.2', '8.2.5', true],
  ['8.2', '8.3.1', false],
  ['3.11', '>=3.9,<4.0', true],
  ['3.11', '>=3.12', false],
  ['3.11', '~=3.10', true],
  ['3.11', '~=3.10.2', false],
  ['3.11', '==3.11.*', true],
  ['3.11', '!=3.11.*', false],
  ['3.11', '!=3.11.1', true],
  ['3.11', '>3.11', false],
  ['3.11', '>3.10', true],
  ['3.11', '<=3.11', true],
  ['3.11', '^3.12', false],
  ['3.1', '~> 3.1', true],
  ['3.1', '~> 3.1.2', true],
  ['3.1', '>= 3.0, < 3.4', true],
  ['3.1', '~> 3.2', false],
  ['3.1', 'ruby', null],
  ['3.1', '>=1; rm', null],
] as const)('%s in "%s": %s', (line, range, expected) => {
  expect(satisfies(line, range)).toBe(expected);
});
