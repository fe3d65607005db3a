import { expect, it } from 'vitest';
import { isEnvName, parseEnvFile } from './env-file.ts';

it('reads assignments, comments, export and quotes', () => {
  const text = [
    '# comment',
    'A=1',
    'export B = two words # tail',
    "C='as $written # here'",
    'D="line\\nbreak \\"quoted\\""',
    'E=',
    'URL=postgres://u:p@h/db#frag',
    'A=2',
  ].join('\r\n');
  expect(parseEnvFile(text)).toEqual({
    problems: [],
    entries: [
      { name: 'A', value: '2' },
      { name: 'B', value: 'two words' },
      { name: 'C', value: 'as $written # here' },
      { name: 'D', value: 'line\nbreak "quoted"' },
      { name: 'E', value: '' },
      { name: 'URL', value: 'postgres://u:p@h/db#frag' },
    ],
  });
});

it('reads quotes over several lines', () => {
  expect(parseEnvFile('KEY="-----BEGIN\nabc\n-----END"\nNEXT=1').entries).toEqual([
    { name: 'KEY', value: '-----BEGIN\nabc\n-----END' },
    { name: 'NEXT', value: '1' },
  ]);
});

it('says which lines are no assignments and goes on', () => {
  const { entries, problems } = parseEnvFile('A=1\nnonsense\n1B=2\nC="open\nD=4');
  expect(entries.map(({ name }) => name)).toEqual(['A', 'D']);
  expect(problems.map(({ line }) => line)).toEqual([2, 3, 4]);
});

it('knows names of variables', () => {
  expect(['A', '_x', 'a.b-c', '1A', 'A B', '$(x)', ''].map(isEnvName)).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});
