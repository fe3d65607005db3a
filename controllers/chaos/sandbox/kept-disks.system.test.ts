import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '@skyarc/lib/process';
import { pollUntil } from '@skyarc/lib/retry';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { AppDisk } from './disk.ts';
import { KeptDisks } from './kept-disks.ts';
import { sweep } from './sweep.ts';

let folder: string;
let kept: KeptDisks;
const newKept = (limits: { most: number; forMs: number }) =>
  (kept = new KeptDisks(join(folder, 'disks'), limits));
const open = (name: string, sizeMb = 64) =>
  AppDisk.open({ file: fileOf(name), mountPoint: join(folder, `room-${name}`), sizeMb, kept });
const fileOf = (name: string) => join(folder, `${name}.ext4`);
const mounts = async (): Promise<string[]> =>
  (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((place) => place.startsWith(folder))
    .map((place) => place.slice(folder.length + 1));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyarc-kept-'));
});
afterEach(() => kept.stop());
afterAll(() => rm(folder, { recursive: true }));

test('a disk stays mounted after its build, is shown to the next one, and goes after a while', async () => {
  newKept({ most: 8, forMs: 1_500 });
  const first = await open('a');
  await writeFile(first.path('one'), 'first build');
  await first.close();
  expect(await mounts()).toEqual(['disks/a.ext4']);
  const { dev } = await stat(join(folder, 'disks/a.ext4'));
  const second = await open('a');
  expect((await stat(second.mountPoint)).dev).toBe(dev);
  expect(await readFile(second.path('one'), 'utf8')).toBe('first build');
  await second.close();
  await pollUntil(async () => ((await mounts()).length === 0 ? true : undefined), {
    timeoutMs: 10_000,
    onTimeout: () => new Error('the disk stays mounted'),
  });
  expect((await run('e2fsck', ['-f', '-n', '--', fileOf('a')])).code).toBe(0);
  const third = await open('a');
  expect(await readFile(third.path('one'), 'utf8')).toBe('first build');
  await third.close();
});

test('only some are kept: those used last', async () => {
  newKept({ most: 2, forMs: 60_000 });
  for (const name of ['b', 'c', 'b', 'd']) await (await open(name)).close();
  expect((await mounts()).toSorted()).toEqual(['disks/b.ext4', 'disks/d.ext4']);
});

test('a disk that was removed is let go of, and one of another size is another', async () => {
  newKept({ most: 8, forMs: 60_000 });
  for (const name of ['e', 'f']) await (await open(name)).close();
  await rm(fileOf('e'));
  await kept.dropGone();
  expect(await mounts()).toEqual(['disks/f.ext4']);
  await writeFile(join(folder, 'disks/f.ext4/old'), '');
  const larger = await open('f', 128);
  expect((await larger.use()).limitBytes).toBeGreaterThan(40 << 20);
  expect(await larger.isMissing(larger.path('old'))).toBe(true);
  await larger.close();
});

test('a builder that stops lets go of a disk that is still being written', async () => {
  newKept({ most: 8, forMs: 60_000 });
  const disk = await open('w', 1_024);
  await writeFile(disk.path('much'), randomBytes(400 << 20));
  await disk.close();
  await kept.stop();
  expect(await mounts()).toEqual([]);
  await expect(stat(join(folder, 'disks/w.ext4'))).rejects.toThrow('ENOENT');
});

test('when somebody unmounted it, it is mounted anew and never taken for the folder beneath', async () => {
  newKept({ most: 8, forMs: 60_000 });
  await (await open('g')).close();
  await run('umount', ['--', join(folder, 'disks/g.ext4')]);
  const again = await open('g');
  expect((await stat(again.mountPoint)).dev).not.toBe((await stat(folder)).dev);
  await again.close();
  expect(await mounts()).toEqual(['disks/g.ext4']);
});

test('what a killed builder kept is swept', async () => {
  newKept({ most: 8, forMs: 60_000 });
  await (await open('h')).close();
  const stateDir = join(folder, 'runc');
  await mkdir(stateDir);
  await sweep({ room: folder, stateDir, cgroup: '/skyarc-kept-none', namePrefix: 'skyarc-kept-none' });
  expect(await mounts()).toEqual([]);
  await mkdir(folder);
});
