import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { nameSites } from './discover.ts';
import { parseDebianPath, parsePackages, parseRelease } from './indexes.ts';

const parse = (path: string) => parseDebianPath(path.split('/'));
const digest = 'b'.repeat(64);

test('signed files, indexes, files by hash and packages are told apart', () => {
  expect(parse('dists/bookworm/InRelease')).toEqual({ kind: 'release', suite: 'bookworm' });
  expect(parse('dists/bookworm/updates/Release')).toEqual({ kind: 'release', suite: 'bookworm/updates' });
  expect(parse('dists/bookworm/main/binary-amd64/Packages.gz')).toEqual({
    kind: 'index',
    suite: 'bookworm',
    within: 'main/binary-amd64/Packages.gz',
  });
  expect(parse('dists/bookworm/updates/main/binary-amd64/Packages.xz')).toMatchObject({
    suite: 'bookworm/updates',
    within: 'main/binary-amd64/Packages.xz',
  });
  expect(parse(`dists/bookworm/main/binary-amd64/by-hash/SHA256/${digest}`)).toEqual({
    kind: 'byHash',
    algorithm: 'sha256',
    digest,
    folder: 'dists/bookworm/main/binary-amd64',
  });
  expect(parse('pool/main/a/apt/apt_2.6.1_amd64.deb')).toEqual({ kind: 'package' });
  expect(parse('pool/main/a/apt/apt_2.6.1.dsc')).toEqual({ kind: 'other' });
  expect(parse('pool/a b')).toBeNull();
});

test('promises are read from Release and Packages', async () => {
  const release = `-----BEGIN PGP SIGNED MESSAGE-----\nSuite: stable\nMD5Sum:\n abc 1 x\nSHA256:\n ${digest}  123 main/binary-amd64/Packages.gz\n ${digest} 5 main/Contents\n-----BEGIN PGP SIGNATURE-----\n`;
  expect(parseRelease(release).get('main/binary-amd64/Packages.gz')).toBe(digest);
  expect(parseRelease(release).size).toBe(2);
  const lines = Readable.from([
    'Package: a',
    'Filename: pool/a.deb',
    `SHA256: ${digest}`,
    '',
    'Package: b',
    'Filename: pool/b.deb',
  ]);
  expect(await Array.fromAsync(parsePackages(lines))).toEqual([['pool/a.deb', digest]]);
});

test('sites are called by the end of their path, and by host when that is taken', () => {
  const sites = ['http://a.example/debian/', 'http://b.example/debian/', 'http://c.example/'].map((url) => ({
    url,
  }));
  expect([...nameSites(sites).keys()]).toEqual(['debian', 'b.example-debian', 'c.example']);
});
