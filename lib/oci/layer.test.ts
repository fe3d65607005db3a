import { chmod, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import { afterAll, expect, test } from 'vitest';
import { assembleImage, digestOf, writeLayer } from './index.ts';

const folder = await mkdtemp(join(tmpdir(), 'skyarc-oci-'));
afterAll(() => rm(folder, { recursive: true }));

async function tree(name: string, files: readonly string[]): Promise<string> {
  const root = join(folder, name);
  for (const file of files) {
    await mkdir(join(root, file, '..'), { recursive: true });
    await writeFile(join(root, file), `content of ${file}`);
  }
  await symlink('b.txt', join(root, 'link'));
  return root;
}

async function namesIn(file: string): Promise<string[]> {
  const names: string[] = [];
  const reader = extract();
  reader.end(gunzipSync(await readFile(file)));
  for await (const entry of reader) {
    names.push(`${entry.header.name}:${(entry.header.mode ?? 0).toString(8)}:${entry.header.uid}`);
    entry.resume();
  }
  return names;
}

test('equal content gives equal bytes, whatever its times, modes and order of making', async () => {
  const owner = { uid: 1000, gid: 1000 };
  const one = await tree('one', ['z/deep/file', 'b.txt', 'a.txt', `long/${'x'.repeat(120)}/文件`]);
  const two = await tree('two', ['a.txt', `long/${'x'.repeat(120)}/文件`, 'b.txt', 'z/deep/file']);
  await utimes(join(two, 'a.txt'), 1, 1);
  await chmod(join(two, 'b.txt'), 0o600);
  const layers = await Promise.all(
    [one, two].map((from) =>
      writeLayer({ from: { folder: from }, to: `${from}.tar.gz`, prefix: 'app', owner }),
    ),
  );
  expect(layers[0]).toEqual(layers[1]);
  expect(layers[0]?.digest).toBe(digestOf(await readFile(`${one}.tar.gz`)));
  expect(layers[0]?.diffId).toBe(digestOf(gunzipSync(await readFile(`${one}.tar.gz`))));
  const names = await namesIn(`${one}.tar.gz`);
  expect(names.slice(0, 4)).toEqual([
    'app/:755:1000',
    'app/a.txt:644:1000',
    'app/b.txt:644:1000',
    'app/link:777:1000',
  ]);
  expect(assembleImage(layers.slice(0, 1), { cmd: ['x'] }).digest).toBe(
    assembleImage(layers.slice(1), { cmd: ['x'] }).digest,
  );
});

test('what is excluded stays out with all below it', async () => {
  const from = await tree('three', ['keep', 'node_modules/a/b', 'b.txt']);
  await writeLayer({ from: { folder: from }, to: `${from}.gz`, exclude: (path) => path === 'node_modules' });
  const names = (await namesIn(`${from}.gz`)).map((line) => line.split(':')[0]);
  expect(names).toEqual(['b.txt', 'keep', 'link']);
});
