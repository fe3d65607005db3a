import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { halveDisks, removeDisksOfGone } from './disk.ts';

test('disks of apps that are gone are removed, whatever their team', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-disks-'));
  try {
    for (const name of ['blue/local.app.a.ext4', 'blue/local.app.b.ext4', 'red/local.app.c.ext4']) {
      await mkdir(join(folder, name, '..'), { recursive: true });
      await writeFile(join(folder, name), '');
    }
    const asked: (readonly string[])[] = [];
    await removeDisksOfGone(folder, (ids) => {
      asked.push(ids.toSorted());
      return Promise.resolve(new Set(['local.app.b']));
    });
    expect(asked).toEqual([['local.app.a', 'local.app.b', 'local.app.c']]);
    expect((await readdir(folder, { recursive: true })).toSorted()).toEqual([
      'blue',
      'blue/local.app.b.ext4',
      'red',
    ]);
    await removeDisksOfGone(join(folder, 'none'), () => Promise.resolve(new Set()));
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the half of all disks that was used longest ago is given back', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-disks-'));
  try {
    for (const [index, name] of ['first', 'second', 'third', 'fourth'].entries()) {
      const file = join(folder, `${name}.ext4`);
      await writeFile(file, Buffer.alloc(1 << 20, 1));
      await utimes(file, index, index);
    }
    expect(await halveDisks(folder)).toBe(2 << 20);
    expect((await readdir(folder)).toSorted()).toEqual(['fourth.ext4', 'third.ext4']);
    expect(await halveDisks(join(folder, 'none'))).toBe(0);
  } finally {
    await rm(folder, { recursive: true });
  }
});
