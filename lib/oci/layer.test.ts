import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
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

test('a layer of several pieces is one gzip member of its tar, however long, and equal each time', async () => {
  const from = join(folder, 'large');
  await mkdir(from);
  // Neither all alike nor all different; the second ends where a piece does, with the tar's own 512-byte blocks.
  const noise = Buffer.from(
    Array.from({ length: 700_000 }, (_, at) => `${(at * 2_654_435_761) % 977}`).join(),
  );
  await writeFile(join(from, 'a'), noise);
  const sizes = [0, 1, (1 << 20) - 1_536, 1 << 20, (2 << 20) + 7];
  for (const size of sizes) {
    await writeFile(join(from, 'b'), noise.subarray(0, size));
    const made = [`${from}-1.gz`, `${from}-2.gz`].map((to) => writeLayer({ from: { folder: from }, to }));
    const [one, two] = await Promise.all(made);
    expect(one).toEqual(two);
    const packed = await readFile(`${from}-1.gz`);
    expect(one?.digest).toBe(digestOf(packed));
    expect(one?.size).toBe(packed.length);
    // gzip(1) checks length and checksum, and refuses what follows.
    const tar = execFileSync('gzip', ['-dc', `${from}-1.gz`], { maxBuffer: 64 << 20 });
    expect(one?.diffId).toBe(digestOf(tar));
    expect(tar.includes(noise)).toBe(true);
    expect(packed.length).toBeLessThan(gzipSync(tar, { level: 5 }).length * 1.01);
  }
});
