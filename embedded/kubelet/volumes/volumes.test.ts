import { mkdir, mkdtemp, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { renderMounts } from './index.ts';
import { writePayload, type Payload } from './payload.ts';

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'volumes-'))));
afterEach(() => rm(folder, { recursive: true }));

const payload = (files: Record<string, string>): Payload =>
  new Map(Object.entries(files).map(([path, text]) => [path, { content: Buffer.from(text), mode: 0o640 }]));

test('config files change all at once, and only when they differ', async () => {
  await writePayload(folder, payload({ a: '1', 'sub/b': '2' }), undefined);
  expect(await readFile(join(folder, 'sub/b'), 'utf8')).toBe('2');
  expect((await stat(join(folder, 'a'))).mode & 0o777).toBe(0o640);
  const first = await readlink(join(folder, '..data'));
  await writePayload(folder, payload({ a: '1', 'sub/b': '2' }), undefined);
  expect(await readlink(join(folder, '..data'))).toBe(first);
  await writePayload(folder, payload({ a: '1!', c: '3' }), undefined);
  expect(await readlink(join(folder, '..data'))).not.toBe(first);
  expect(await readFile(join(folder, 'a'), 'utf8')).toBe('1!');
  await expect(stat(join(folder, 'sub'))).rejects.toThrow('ENOENT');
});

test.each(['../x', '/etc/x', 'a/../../x', ''])(
  'a file path out of the volume is refused: "%s"',
  async (path) => {
    await expect(writePayload(folder, payload({ [path]: 'x' }), undefined)).rejects.toThrow(
      'not a path inside',
    );
  },
);

test('a subPath is made where it is missing, and may not lead out of its volume', async () => {
  const volume = join(folder, 'volume');
  await mkdir(volume);
  await mkdir(join(folder, 'outside'));
  await symlink('../outside', join(volume, 'link'));
  await symlink('plain', join(volume, 'inner'));
  await mkdir(join(volume, 'plain'));
  await writeFile(join(volume, 'file'), '');
  const volumes = new Map([['data', volume]]);
  const mount = (subPath: string) =>
    renderMounts(
      { name: 'c', volumeMounts: [{ name: 'data', mountPath: '/m', subPath }] },
      volumes,
      new Map(),
    );
  const hostPath = async (subPath: string) => (await mount(subPath))[0]?.hostPath;
  expect(await hostPath('new/deep')).toBe(join(volume, 'new/deep'));
  expect((await stat(join(volume, 'new/deep'))).isDirectory()).toBe(true);
  expect(await hostPath('file')).toBe(join(volume, 'file'));
  expect(await hostPath('inner')).toBe(join(volume, 'plain'));
  for (const bad of ['../outside', '/etc', 'link', 'link/x', 'plain/../../outside']) {
    await expect(mount(bad), bad).rejects.toThrow('subPath');
  }
  await expect(stat(join(folder, 'outside/x'))).rejects.toThrow('ENOENT');
});
