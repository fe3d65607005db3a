import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { zipOf } from '@skyarc/lib/archive/testing';
import { compareVersions, isFixedVersion, parseGoPath, unescapePath } from './module-path.ts';
import { hashGoMod, hashZip } from './zip-hash.ts';

const parse = (path: string) => parseGoPath(path.split('/'));

test('paths of the protocol are told apart', () => {
  expect(parse('github.com/!acme/x/@v/v1.2.3.zip')).toEqual({
    module: 'github.com/!acme/x',
    kind: 'zip',
    version: 'v1.2.3',
  });
  expect(parse('example.com/x/v2/@latest')).toEqual({
    module: 'example.com/x/v2',
    kind: 'latest',
    version: '',
  });
  expect(parse('example.com/x/@v/list')).toEqual({ module: 'example.com/x', kind: 'list', version: '' });
  expect(parse('example.com/X/@v/list')).toBeNull();
  expect(parse('@v/list')).toBeNull();
  expect(unescapePath('github.com/!acme')).toBe('github.com/Acme');
});

test('fixed versions stay, branches do not; versions have an order', () => {
  expect(['v1.2.3', 'v0.0.0-20240101000000-abcdef123456', 'v2.0.0+incompatible'].every(isFixedVersion)).toBe(
    true,
  );
  expect(['main', 'v1', 'v1.2'].some(isFixedVersion)).toBe(false);
  const sorted = ['v1.10.0', 'v1.2.0', 'v1.2.0-rc.2', 'v1.2.0-rc.10'].toSorted(compareVersions);
  expect(sorted).toEqual(['v1.2.0-rc.2', 'v1.2.0-rc.10', 'v1.2.0', 'v1.10.0']);
});

test('hashes are those of go.sum, and what is no zip has none', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-zip-'));
  try {
    const file = join(folder, 'x');
    await writeFile(file, 'module example.com/x\n');
    expect(await hashGoMod(file)).toMatch(/^h1:[A-Za-z0-9+/]{43}=$/);
    await expect(hashZip(file)).rejects.toThrow();
    await writeFile(file, zipOf({ 'go.mod': 'module example.com/x\n' }));
    const zipped = await hashZip(file);
    await writeFile(file, 'module example.com/x\n');
    expect(zipped).toBe(await hashGoMod(file));
  } finally {
    await rm(folder, { recursive: true });
  }
});
