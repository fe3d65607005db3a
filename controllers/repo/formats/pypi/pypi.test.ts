import { expect, test } from 'vitest';
import { indexesOf } from './discover.ts';
import { normalize, parseSimple, renderSimple } from './simple.ts';

const url = 'https://pypi.example/simple/some-lib/';
const sha256 = 'a'.repeat(64);

test('names have one spelling', () => {
  expect(normalize('Some_.Lib')).toBe('some-lib');
});

test('a page is read in both forms to the same files', () => {
  const html = `<html><a href="../../f/some_lib-1.0-py3-none-any.whl#sha256=${sha256}" data-requires-python="&gt;=3.8" data-yanked="bad" data-core-metadata="sha256=${sha256}">some_lib-1.0-py3-none-any.whl</a></html>`;
  const json = JSON.stringify({
    files: [
      {
        filename: 'some_lib-1.0-py3-none-any.whl',
        url: 'https://pypi.example/f/some_lib-1.0-py3-none-any.whl',
        hashes: { sha256 },
        'requires-python': '>=3.8',
        yanked: 'bad',
        'core-metadata': { sha256 },
      },
    ],
  });
  const [file] = parseSimple(html, 'text/html', url);
  expect(file).toEqual({
    name: 'some_lib-1.0-py3-none-any.whl',
    url: 'https://pypi.example/f/some_lib-1.0-py3-none-any.whl',
    digests: { sha256 },
    requiresPython: '>=3.8',
    yanked: 'bad',
    metadata: { sha256 },
  });
  expect(parseSimple(json, 'application/vnd.pypi.simple.v1+json', url)).toEqual([file]);
  const ours = 'http://here/pypi/simple/some-lib/';
  const [again] = parseSimple(renderSimple('some-lib', file ? [file] : [], false), 'text/html', ours);
  expect(again).toEqual({ ...file, url: 'http://here/pypi/files/some-lib/some_lib-1.0-py3-none-any.whl' });
  expect(() => parseSimple('{"files": 1}', 'application/json', url)).toThrow(/cannot be read/);
});

test('indexes come from pip, the environment first, without their credentials in the address', () => {
  const listed =
    "global.index-url='https://ann:pw@pip.example/simple'\nglobal.extra-index-url='https://more.example/s'\n";
  expect(indexesOf(listed, {}).map(({ url: one }) => one)).toEqual([
    'https://pip.example/simple/',
    'https://more.example/s/',
  ]);
  expect(indexesOf(listed, {})[0]?.authorization).toBe(`Basic ${Buffer.from('ann:pw').toString('base64')}`);
  expect(indexesOf(listed, { PIP_INDEX_URL: 'https://env.example/x' })[0]?.url).toBe(
    'https://env.example/x/',
  );
  expect(indexesOf('', {})[0]?.url).toBe('https://pypi.org/simple/');
});
