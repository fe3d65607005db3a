import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sweepStore } from '../sandbox/sweep.ts';
import { LayerStore } from './store.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyarc-layers-'));
});
afterAll(() => rm(folder, { recursive: true }));

const fill = (root: string) => writeFile(join(root, 'file'), 'x');

test('a layer is made once, whoever asks', async () => {
  const store = new LayerStore(folder);
  let times = 0;
  const make = async (root: string) => {
    times += 1;
    await fill(root);
  };
  const [one, two] = await Promise.all([store.ensure('a', make), store.ensure('a', make)]);
  expect(two).toEqual(one);
  expect(await new LayerStore(folder).ensure('a', make)).toEqual(one);
  expect(times).toBe(1);
  expect(await readdir(join(folder, 'a'))).toEqual(['layer.json', 'layer.tar.gz', 'root']);
});

test('what another process makes is waited for, and left alone by who tidies; what nobody makes is not', async () => {
  const other = spawn('sleep', ['60'], { stdio: 'ignore' });
  const partial = join(folder, `.b.${other.pid}`);
  await mkdir(partial);
  await sweepStore(folder);
  const states: string[] = [];
  const making = new LayerStore(folder).ensureTool('b', fill).then(() => states.push('made'));
  expect(await readdir(folder)).toContain(`.b.${other.pid}`);
  states.push('ended');
  other.kill('SIGKILL');
  await once(other, 'exit');
  await making;
  expect(states).toEqual(['ended', 'made']);
  await sweepStore(folder);
  expect((await readdir(folder)).toSorted()).toEqual(['a', 'b']);
});

test('a making that fails leaves nothing', async () => {
  const store = new LayerStore(folder);
  await expect(store.ensure('c', () => Promise.reject(new Error('no space')))).rejects.toThrow('no space');
  expect((await readdir(folder)).filter((name) => name.includes('c'))).toEqual([]);
});
