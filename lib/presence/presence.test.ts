import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identityOf } from '@skyarc/lib/process';
import { expect, onTestFinished, test } from 'vitest';
import { announce, listPresent } from './index.ts';

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-presence-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return join(folder, 'services');
}

test('what is announced is listed with its process until it is taken back', async () => {
  const folder = await newFolder();
  expect(await listPresent(folder)).toEqual([]);
  const takeBack = await announce(folder, { name: 'mq', url: 'http://127.0.0.1:1' });
  await announce(folder, { name: 'gateway-1', url: 'http://127.0.0.1:2' });
  const process = await identityOf(globalThis.process.pid);
  expect(await listPresent(folder)).toEqual([
    { name: 'gateway-1', url: 'http://127.0.0.1:2', process },
    { name: 'mq', url: 'http://127.0.0.1:1', process },
  ]);
  await takeBack();
  expect((await listPresent(folder)).map(({ name }) => name)).toEqual(['gateway-1']);
});

test('who is late to go does not take its successor away, and nonsense is nothing', async () => {
  const folder = await newFolder();
  const takeBack = await announce(folder, { name: 'mq', url: 'http://127.0.0.1:1' });
  await announce(folder, { name: 'mq', url: 'http://127.0.0.1:9' });
  await takeBack();
  await writeFile(join(folder, 'half.json'), '{"name": "ha');
  await writeFile(
    join(folder, 'other.json'),
    '{"name": "other", "url": "file:///etc/passwd", "process": "1 1"}',
  );
  expect(await listPresent(folder)).toMatchObject([{ name: 'mq', url: 'http://127.0.0.1:9' }]);
});
