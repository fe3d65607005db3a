import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pollUntil } from '@skyarc/lib/retry';
import { afterAll, expect, test } from 'vitest';
import { Daemon, run, useSpawner } from './index.ts';

const folder = await mkdtemp(join(tmpdir(), 'skyarc-process-'));
afterAll(() => rm(folder, { recursive: true }));

const daemonOf = (name: string, args = ['60'], isReady = true) =>
  new Daemon({ name, folder, command: 'sleep', args, ready: async () => isReady });

const withArgs = (args: string[]) =>
  new Daemon({ name: 'follows', folder, command: 'sleep', args, ready: async () => true, followsArgs: true });

test('a second ensure adopts the daemon that runs, and stop ends it', async () => {
  const first = await daemonOf('adopted').ensure();
  const second = await daemonOf('adopted').ensure();
  expect(second).toEqual({ pid: first.pid, adopted: true });
  await daemonOf('adopted').stop();
  expect(await daemonOf('adopted').findPid()).toBeNull();
});

test('a daemon that is to follow its arguments is started anew when they have changed, and only then', async () => {
  const first = await withArgs(['60']).ensure();
  expect(await withArgs(['60']).ensure()).toEqual({ pid: first.pid, adopted: true });
  const other = await withArgs(['60', '1']).ensure();
  expect(other).toMatchObject({ adopted: false });
  expect(other.pid).not.toBe(first.pid);
  expect(await withArgs(['60', '1']).ensure()).toEqual({ pid: other.pid, adopted: true });
  await withArgs([]).stop();
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

async function proveRun(): Promise<void> {
  const lines: string[] = [];
  const { code } = await run('ls', ['--', '/proc/self/status', '/nowhere'], {
    onLine: (line) => lines.push(line),
  });
  expect(code).toBe(2);
  expect(lines.some((line) => line.includes('/nowhere'))).toBe(true);
  expect((await run('cat', [], { input: Buffer.from('said') })).stdout).toBe('said');
  expect((await run('env', [], { env: { ONLY: 'this' } })).stdout).toBe('ONLY=this\n');
  await expect(run('sleep', ['5'], { timeoutMs: 50 })).rejects.toMatchObject({ code: 'TIMEOUT' });
  await expect(run('no-such-program', [])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  for (const signal of [AbortSignal.abort(), AbortSignal.timeout(50)])
    await expect(run('sleep', ['5'], { signal })).rejects.toMatchObject({ code: 'CANCELED' });
}

test('run gives lines, the status, and ends what is too slow', async () => {
  await proveRun();
  expect(await readFile(join(folder, 'adopted.log'), 'utf8')).toBe('');
});

const parentOf = async (): Promise<string> => (await run('sh', ['-c', 'echo $PPID'])).stdout.trim();

test('a spawner runs the same, ends what it runs with itself, and comes back when it was killed', async () => {
  const [one, two] = [useSpawner(), useSpawner()];
  try {
    await proveRun();
    const pid = Number(await parentOf());
    expect(pid).not.toBe(process.pid);
    const file = join(folder, 'sleeper');
    const sleeping = run('sh', ['-c', 'echo $$ >"$1"; exec sleep 60', 'sh', file]);
    const sleeper = await pollUntil(
      async () => Number(await readFile(file, 'utf8').catch(() => '')) || undefined,
      {
        timeoutMs: 20_000,
        onTimeout: () => new Error('it does not start'),
      },
    );
    process.kill(pid, 'SIGKILL');
    await expect(sleeping).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    process.kill(sleeper, 'SIGKILL');
    await one.stop();
    const next = Number(await parentOf());
    expect([pid, process.pid]).not.toContain(next);
    const ended = run('sleep', ['60']).catch((error: unknown) => error);
    await two.stop();
    expect(await ended).toMatchObject({ code: 'UNAVAILABLE' });
    expect(await parentOf()).toBe(String(process.pid));
  } finally {
    await Promise.all([one.stop(), two.stop()]);
  }
});
