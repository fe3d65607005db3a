import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Stack } from '@skyarc/lib/lifecycle';
import { createLogger } from '@skyarc/lib/log';
import { run } from '@skyarc/lib/process';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Engine } from '../fixtures/engine.ts';
import { HealthRecord } from '../health/record.ts';
import { Cleaner } from './cleaner.ts';
import { cleanupConfigSchema } from './config.ts';

const mib = 1 << 20;
const stack = new Stack();
let folder: string;
let disk: string;
let engine: Engine;
let asked: string[];
let othersUrl: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyarc-clean-'));
  stack.add(() => rm(folder, { recursive: true, force: true }));
  const answer = JSON.stringify({ freedBytes: 3 * mib, more: 'words' });
  const server = createServer(({ url = '' }, response) => (asked.push(url), response.end(answer)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stack.add(() => new Promise((resolve) => (server.closeAllConnections(), server.close(() => resolve()))));
  othersUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/clean`;
});
afterAll(() => stack.stop());

/** A disk of 64 MiB of its own, with an engine on it. */
beforeEach(async () => {
  const own = await mkdtemp(join(folder, 'e-'));
  disk = join(own, 'disk');
  const { code, stderr } = await run('mount', [
    '--mkdir',
    '-t',
    'tmpfs',
    '-o',
    `size=${64 * mib}`,
    'tmpfs',
    disk,
  ]);
  expect(code, stderr).toBe(0);
  engine = await Engine.start(own, disk);
  asked = [];
  return async () => {
    await engine.stop();
    // Whatever the engine had mounted on it goes first.
    await run('umount', ['--recursive', '--lazy', '--', disk]);
  };
});

/** Above 70 % it cleans, to below 45 %. */
async function cleanerOf(minAgeMs = 0): Promise<{ cleaner: Cleaner; record: HealthRecord }> {
  const record = await HealthRecord.open(join(folder, `record-${Date.now()}.json`));
  const config = cleanupConfigSchema.parse({
    highPercent: 70,
    lowPercent: 45,
    means: [
      { by: 'containerd', name: 'images', socket: engine.socket, minAgeMs, keep: ['localhost/kept:1'] },
      { by: 'post', name: 'others', url: othersUrl },
    ],
  });
  return { cleaner: new Cleaner(config, { folder: disk, record, log: createLogger('test') }), record };
}

const named = (...names: readonly string[]) => names.map((name) => `localhost/${name}:1`).toSorted();

test('a full disk loses its longest unused images down to the low mark, and none that is used or kept', async () => {
  const { cleaner, record } = await cleanerOf();
  await engine.addImage('localhost/used:1', mib);
  await engine.addContainer('localhost/used:1', 'running');
  await engine.addImage('localhost/kept:1', 4 * mib);
  for (const name of ['first', 'second', 'third']) {
    await engine.addImage(`localhost/${name}:1`, 8 * mib);
    await cleaner.sweep();
  }
  // Below the high mark nothing goes.
  expect(await engine.images()).toEqual(named('first', 'kept', 'second', 'third', 'used'));
  for (const name of ['fourth', 'fifth']) await engine.addImage(`localhost/${name}:1`, 8 * mib);
  await cleaner.sweep();
  expect(await engine.images()).toEqual(named('fifth', 'fourth', 'kept', 'used'));
  expect(record.list()[0]).toMatchObject({ subject: 'disk', what: 'CLEANED' });
  expect(record.list()[0]?.why).toMatch(/^7\d % was used; images: 3 names of images removed; now 3\d %$/);
  // Enough is free, so nobody else was asked.
  expect(asked).toEqual([]);
  await cleaner.sweep();
  expect(await engine.images()).toHaveLength(4);
});

test('where only what is used or young fills the disk it stays, and the next means is asked', async () => {
  const { cleaner, record } = await cleanerOf(3_600_000);
  await engine.addImage('localhost/used:1', 12 * mib);
  await engine.addContainer('localhost/used:1', 'running');
  await engine.addImage('localhost/young:1', 24 * mib);
  await cleaner.sweep();
  expect(await engine.images()).toEqual(named('used', 'young'));
  expect(asked).toEqual(['/clean']);
  expect(record.list()[0]?.why).toMatch(/others: 3 MiB freed; now 7\d %$/);
});
