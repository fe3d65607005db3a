import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { removeDisksOfGone } from './disk.ts';

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
