import { execFileSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { locatePublic, nameSites } from './discover.ts';
import { parseDebianPath, parsePackages, parseRelease } from './indexes.ts';
import { unpack } from './unpack.ts';

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

test('an image that names Debian itself gets what this machine has for it', () => {
  const sites = nameSites([{ url: 'https://mirror.example/debian/' }]);
  expect(locatePublic(sites, 'http://deb.debian.org/debian/dists/trixie/InRelease')).toBe(
    'debian/dists/trixie/InRelease',
  );
  expect(locatePublic(sites, 'http://deb.debian.org/debian-security/dists/x')).toBeNull();
  expect(locatePublic(sites, 'http://deb.debian.org.evil.example/debian/x')).toBeNull();
});

test('indexes are unpacked whatever way they are packed, and damage is told', async () => {
  const content = 'Package: a\n'.repeat(50_000);
  const packed = execFileSync('xz', ['--stdout'], { input: content });
  expect(await text(unpack(Readable.from([gzipSync(content)]), 'gz'))).toBe(content);
  expect(await text(unpack(Readable.from([packed]), 'xz'))).toBe(content);
  for (const packing of ['gz', 'xz'] as const)
    await expect(text(unpack(Readable.from([packed.subarray(0, 30)]), packing))).rejects.toThrow();
});
