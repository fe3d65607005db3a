import { expect, test } from 'vitest';
import { wordsOf } from './words.ts';

test.each([
  ['ls -la /app', ['ls', '-la', '/app']],
  ['  echo "a b"  \'c "d"\' e\\ f ', ['echo', 'a b', 'c "d"', 'e f']],
  ['printf ""', ['printf', '']],
  ["node -e 'console.log(1)'", ['node', '-e', 'console.log(1)']],
  ['', []],
])('%s', (line, words) => {
  expect(wordsOf(line)).toEqual(words);
});
