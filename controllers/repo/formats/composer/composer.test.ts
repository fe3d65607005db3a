import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipOf } from '@skyarc/lib/archive/testing';
import { expect, test } from 'vitest';
import { repositoriesOf } from './discover.ts';
import { findDist, isPackageName, parseDescription, withOurDists } from './metadata.ts';
import { inspectArchive, readPackage } from './package-file.ts';

const commit = 'c'.repeat(40);
const text = JSON.stringify({
  minified: 'composer/2.0',
  packages: {
    'acme/tool': [
      {
        name: 'acme/tool',
        version: '2.0.0',
        dist: { type: 'zip', url: 'https://x.example/2', reference: commit, shasum: '' },
      },
      { version: '1.0.0', dist: { type: 'tar', url: 'https://x.example/1', shasum: 'A'.repeat(40) } },
      { version: 'dev-main', dist: '__unset' },
    ],
  },
});

test('archives are found by commit or address, and shown at our address', () => {
  const found = parseDescription(text, 'acme/tool');
  expect(findDist(found, commit)).toEqual({ url: 'https://x.example/2', commit, sha1: null });
  const ours = withOurDists(found, 'http://here/composer').packages['acme/tool'] ?? [];
  const urls = ours.map(({ dist }) => (typeof dist === 'object' ? dist?.url : dist));
  expect(urls).toEqual([
    `http://here/composer/dist/acme/tool/${commit}.zip`,
    expect.stringMatching(/^http:\/\/here\/composer\/dist\/acme\/tool\/[0-9a-f]{40}\.tar$/),
    '__unset',
  ]);
  const key = /([0-9a-f]{40})\.tar$/.exec(urls[1] as string)?.[1] as string;
  expect(findDist(found, key)).toEqual({ url: 'https://x.example/1', commit: null, sha1: 'A'.repeat(40) });
  expect(parseDescription('{"packages":[]}', 'a/b').packages).toEqual({});
  expect(() => parseDescription('{"packages":{"a/b":7}}', 'a/b')).toThrow(/cannot be read/);
});

test('names of packages are told from others', () => {
  expect(['acme/tool', 'a1/b-c_d.e', 'a/b--c'].every(isPackageName)).toBe(true);
  expect(['acme', 'Acme/tool', 'acme/..', '../x', 'a/b/c', '-a/b'].some(isPackageName)).toBe(false);
});

test('repositories of the configuration come first, with their logins; the public one may be left out', () => {
  const config = { repositories: { mirror: { type: 'composer', url: 'https://m.example/php' } } };
  const auth = { 'http-basic': { 'm.example': { username: 'ann', password: 'pw' } } };
  expect(repositoriesOf(JSON.stringify(config), JSON.stringify(auth))).toEqual([
    { url: 'https://m.example/php/', authorization: `Basic ${Buffer.from('ann:pw').toString('base64')}` },
    { url: expect.stringContaining('packagist.org') },
  ]);
  const only = [{ type: 'composer', url: 'https://u:p@m.example' }, { 'packagist.org': false }];
  expect(repositoriesOf(JSON.stringify({ repositories: only }), '')).toEqual([
    { url: 'https://m.example/', authorization: expect.stringContaining('Basic ') },
  ]);
  const replaced = { repositories: { 'packagist.org': { type: 'composer', url: 'https://m.example' } } };
  expect(repositoriesOf(JSON.stringify(replaced), 'no json')).toEqual([{ url: 'https://m.example/' }]);
});

test('an archive is a zip of its commit, with a composer.json in it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-php-'));
  try {
    const file = join(folder, 'x.zip');
    const zip = zipOf({ 'acme-tool-1/composer.json': '{"name":"acme/tool"}', 'acme-tool-1/a.php': '<?php' });
    await writeFile(file, zip);
    expect(await readPackage(file)).toEqual({ name: 'acme/tool' });
    expect(await inspectArchive(file, commit)).toBeUndefined();
    zip.writeUInt16LE(40, zip.length - 2);
    await writeFile(file, Buffer.concat([zip, Buffer.from('d'.repeat(40))]));
    expect(await inspectArchive(file, commit)).toMatch(/it is of commit d+, not c+/);
    expect(await inspectArchive(file, 'd'.repeat(40))).toBeUndefined();
    // A directory of 4 GB, it says.
    zip.writeUInt32LE(0xffff_ffff, zip.length - 10);
    await writeFile(file, zip);
    expect(await inspectArchive(file, commit)).toBe('it is not a zip archive');
    await writeFile(file, 'no zip');
    expect(await inspectArchive(file, commit)).toBe('it is not a zip archive');
    await expect(readPackage(file)).rejects.toThrow(/not a zip with a composer.json/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
