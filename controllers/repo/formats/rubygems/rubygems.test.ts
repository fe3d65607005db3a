import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gemOf } from '@skyarc/lib/archive/testing';
import { expect, test } from 'vitest';
import { parseInfo, renderInfoLine, splitFullName } from './compact-index.ts';
import { sourcesOf } from './discover.ts';
import { readGem } from './gem-file.ts';

const sha256 = 'a'.repeat(64);

test('lines of the index give versions with their digest', () => {
  const text = `---\n1.0 |checksum:${sha256}\n1.1-java rack:>= 2&< 4,base64:>= 0|ruby:>= 2.7,checksum:${sha256}\n0.9 \n`;
  expect(parseInfo(text)).toEqual([
    { version: '1.0', sha256 },
    { version: '1.1-java', sha256 },
    { version: '0.9', sha256: null },
  ]);
});

test('a file name is every gem that it can be of', () => {
  expect(splitFullName('a-2-1.0-x86_64-linux')).toEqual([
    { name: 'a', version: '2-1.0-x86_64-linux' },
    { name: 'a-2', version: '1.0-x86_64-linux' },
  ]);
  expect(splitFullName('nothing')).toEqual([]);
});

test('a gem says what it needs, and what is none is refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-gem-'));
  try {
    const file = join(folder, 'x.gem');
    const dependencies = { rack: ['>= 2', '< 4'], base64: [] };
    await writeFile(file, await gemOf({ name: 'shop-kit', version: '1.0', dependencies, ruby: '>= 3.0' }));
    const gem = await readGem(file);
    expect(gem).toMatchObject({
      name: 'shop-kit',
      version: '1.0',
      platform: 'ruby',
      ruby: '>= 3.0',
      rubygems: '',
    });
    expect(renderInfoLine(gem, sha256)).toBe(`1.0 base64:>= 0,rack:>= 2&< 4|checksum:${sha256},ruby:>= 3.0`);
    await writeFile(file, await gemOf({ name: '../../etc', version: '1.0' }));
    await expect(readGem(file)).rejects.toThrow(/its name is not the name of a gem/);
    // Eight megabytes of nothing where a page of text should be.
    const text = ' '.repeat(8 << 20);
    await writeFile(file, await gemOf({ name: 'bomb', version: `1.0${text}` }));
    await expect(readGem(file)).rejects.toThrow(/no readable metadata/);
    await writeFile(file, 'no tar');
    await expect(readGem(file)).rejects.toThrow(/not a gem/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the mirror of Bundler comes before sources of gem, and those before the public server', () => {
  const none = { env: {}, bundle: '', gemrc: '' };
  expect(sourcesOf(none)).toEqual([{ url: expect.stringContaining('rubygems.org') }]);
  const gemrc = '---\n:sources:\n- https://gems.example/ruby\n:update_sources: true\n';
  expect(sourcesOf({ ...none, gemrc })).toEqual([{ url: 'https://gems.example/ruby/' }]);
  const bundle =
    '---\nBUNDLE_MIRROR__HTTPS://RUBYGEMS__ORG/: "https://m-1.example/"\nBUNDLE_M___1__EXAMPLE: "ann:pw"\n';
  expect(sourcesOf({ ...none, gemrc, bundle })).toEqual([
    { url: 'https://m-1.example/', authorization: `Basic ${Buffer.from('ann:pw').toString('base64')}` },
  ]);
  expect(sourcesOf({ ...none, gemrc: ': [' })).toHaveLength(1);
});
