import { expect, it } from 'vitest';
import { parseAnsi, stripAnsi } from './ansi.ts';

it('splits a line into coloured pieces', () => {
  expect(parseAnsi('\u001B[32m✓\u001B[0m ok \u001B[1;91mbad\u001B[0m')).toEqual([
    { text: '✓', color: 'green', bold: false, dim: false },
    { text: ' ok ', color: null, bold: false, dim: false },
    { text: 'bad', color: 'red', bold: true, dim: false },
  ]);
});

it('leaves out cursor movements, titles and foreign colours', () => {
  expect(stripAnsi('\u001B[2K\u001B[1Gdone\u001B]0;title\u0007')).toBe('done');
  expect(parseAnsi('\u001B[38;5;200mx')).toEqual([{ text: 'x', color: null, bold: false, dim: false }]);
});
