import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { exists, replaceFile } from './index.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyarc-files-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a file is replaced as a whole, for its owner alone, and nothing is left beside it', async () => {
  const file = join(folder, 'state');
  await replaceFile(file, 'long and old');
  await replaceFile(file, 'new', { flush: true });
  expect(await readFile(file, 'utf8')).toBe('new');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['state']);
});

test('what could not be written leaves the old content', async () => {
  const file = join(folder, 'state');
  await replaceFile(file, 'old');
  await expect(replaceFile(join(file, 'below'), 'new')).rejects.toThrow(/ENOTDIR/);
  expect(await readFile(file, 'utf8')).toBe('old');
});

test('knows what is there', async () => {
  expect(await exists(folder)).toBe(true);
  expect(await exists(join(folder, 'nothing'))).toBe(false);
});
