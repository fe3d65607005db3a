import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { type PackedFile, writeZip, ZipFile } from './zip.ts';

const folder = await mkdtemp(join(tmpdir(), 'skyarc-zip-'));
afterAll(() => rm(folder, { recursive: true }));

function packed(name: string, text: string, method = 8): PackedFile {
  const bytes = Buffer.from(text);
  const stored = method === 8 ? deflateRawSync(bytes) : bytes;
  return { name, method, crc: crc32(bytes), size: bytes.length, bytes: stored };
}

async function zipOf(...files: readonly PackedFile[]): Promise<string> {
  const path = join(folder, 'some.zip');
  await rm(path, { force: true });
  await writeZip(path, files);
  return path;
}

test('what is written is read again, deflated or stored, and lands in its place', async () => {
  const path = await zipOf(packed('a/b.txt', 'x'.repeat(10_000)), packed('c.txt', 'c', 0));
  await using zip = await ZipFile.open(path);
  expect([...zip.entries.keys()]).toEqual(['a/b.txt', 'c.txt']);
  await zip.extract(join(folder, 'out'), (name) => (name === 'c.txt' ? null : `in/${name}`));
  expect(await readFile(join(folder, 'out/in/a/b.txt'), 'utf8')).toBe('x'.repeat(10_000));
  await expect(readFile(join(folder, 'out/c.txt'))).rejects.toThrow();
});

test('a script before the first entry moves nothing', async () => {
  const path = await zipOf(packed('a.txt', 'hello'));
  await writeFile(path, Buffer.concat([Buffer.from('#!/bin/sh\nexit\n'), await readFile(path)]));
  await using zip = await ZipFile.open(path);
  expect(String(await zip.read(zip.entries.get('a.txt') as never))).toBe('hello');
});

test.each(['../x', '/x', 'a/../../x', 'a\\x', 'a//x', './x'])('the path %s is refused', async (name) => {
  await using zip = await ZipFile.open(await zipOf(packed(name, 'x')));
  await expect(zip.extract(join(folder, 'out'))).rejects.toMatchObject({ code: 'INVALID' });
});

test('a bomb, a stump and something else are refused', async () => {
  const small = packed('bomb', '0'.repeat(1_000_000));
  await using bomb = await ZipFile.open(await zipOf({ ...small, size: 10 }));
  await expect(bomb.read(bomb.entries.get('bomb') as never)).rejects.toMatchObject({ code: 'INVALID' });
  await using large = await ZipFile.open(await zipOf(small));
  await expect(large.read(large.entries.get('bomb') as never, 100)).rejects.toThrow(/too large/);
  const path = join(folder, 'stump.zip');
  const whole = await readFile(await zipOf(packed('a', 'b')));
  for (const bytes of [whole.subarray(0, -3), Buffer.from('hello'), Buffer.alloc(0), whole.subarray(20)]) {
    await writeFile(path, bytes);
    await expect(extract(path)).rejects.toMatchObject({ code: 'INVALID' });
  }
});

async function extract(path: string): Promise<void> {
  await using zip = await ZipFile.open(path);
  await zip.extract(join(folder, 'out'));
}
