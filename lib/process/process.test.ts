import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pollUntil } from '@skyarc/lib/retry';
import { afterAll, expect, test } from 'vitest';
import { Daemon, run } from './index.ts';

const folder = await mkdtemp(join(tmpdir(), 'skyarc-process-'));
afterAll(() => rm(folder, { recursive: true }));

const daemonOf = (name: string, args = ['60'], isReady = true) =>
  new Daemon({ name, folder, command: 'sleep', args, ready: async () => isReady });

test('a second ensure adopts the daemon that runs, and stop ends it', async () => {
  const first = await daemonOf('adopted').ensure();
  const second = await daemonOf('adopted').ensure();
  expect(second).toEqual({ pid: first.pid, adopted: true });
  await daemonOf('adopted').stop();
  expect(await daemonOf('adopted').findPid()).toBeNull();
});

test('a daemon that ends at once is reported with the end of its log', async () => {
  await expect(daemonOf('broken', ['not-a-number'], false).ensure()).rejects.toThrow(
    /Cannot start broken: .*\n.*invalid time/,
  );
});

test('a kept daemon that is killed comes back', async () => {
  const daemon = daemonOf('kept');
  const { pid } = await daemon.ensure();
  const stopping = new AbortController();
  const keeping = daemon.keep(stopping.signal);
  await daemon.signal('SIGKILL');
  const again = await pollUntil(
    async () => {
      const found = await daemon.findPid();
      return found !== null && found !== pid ? found : undefined;
    },
    { timeoutMs: 5000, onTimeout: () => new Error('it did not come back') },
  );
  expect(again).not.toBe(pid);
  stopping.abort();
  await keeping;
  await daemon.stop();
});

test('run gives lines, the status, and ends what is too slow', async () => {
  const lines: string[] = [];
  const { code } = await run('ls', ['--', '/proc/self/status', '/nowhere'], {
    onLine: (line) => lines.push(line),
  });
  expect(code).toBe(2);
  expect(lines.some((line) => line.includes('/nowhere'))).toBe(true);
  await expect(run('sleep', ['5'], { timeoutMs: 50 })).rejects.toMatchObject({ code: 'TIMEOUT' });
  await expect(run('no-such-program', [])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(await readFile(join(folder, 'adopted.log'), 'utf8')).toBe('');
});
