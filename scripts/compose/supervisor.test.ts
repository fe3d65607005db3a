import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeRecordEntry, parseStored } from '@skyarc/lib/contracts';
import { expect, onTestFinished, test } from 'vitest';
import { Supervisor } from './supervisor.ts';

/** A supervisor of one process that hangs after so many signs of life, 20 ms apart. */
async function supervise(beats: number) {
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-supervisor-'));
  const [name, restartsFile] = [join(folder, 'one'), join(folder, 'restarts.json')];
  await writeFile(name, String(beats));
  const entry = join(import.meta.dirname, 'fixtures/lively.ts');
  const supervisor = new Supervisor({ entry, restartsFile, silentMs: 600 });
  onTestFinished(async () => {
    await supervisor.stop(500);
    await rm(folder, { recursive: true });
  });
  const crashes: { readonly reason: string; readonly waitMs: number }[] = [];
  supervisor.on('crashed', (_name, reason, waitMs) => crashes.push({ reason, waitMs }));
  const { pid } = await supervisor.start({ name, logFile: join(folder, 'one.log') });
  const noted = async () =>
    parseStored(nodeRecordEntry.array(), await readFile(restartsFile, 'utf8').catch(() => undefined)) ?? [];
  return { supervisor, name, pid: Number(pid), crashes, noted };
}

test('a process whose event loop hangs is ended and started again, after growing waits, and that is noted', async () => {
  const { supervisor, name, pid, crashes, noted } = await supervise(3);
  const [, facts] = await once(supervisor, 'ready');
  expect(Number((facts as { pid: string }).pid)).not.toBe(pid);
  await expect.poll(() => crashes.length, { timeout: 15_000 }).toBeGreaterThanOrEqual(3);
  expect(crashes[0]?.reason).toBe('it gave no sign of life for 0.6 s and was ended');
  // With full jitter a wait is between the half of its ceiling and all of it: 200, 400, 800 ms.
  expect(crashes[2]?.waitMs).toBeGreaterThan(crashes[0]?.waitMs ?? Infinity);
  const entries = await noted();
  expect(entries.length).toBeGreaterThanOrEqual(3);
  expect(entries[0]).toMatchObject({ subject: name, what: 'RESTARTED', why: crashes[0]?.reason });
  expect(entries[0]?.at.localeCompare(entries[1]?.at ?? '')).toBe(1);
});

test('a process that is stopped (SIGSTOP) is ended, one that lives is left alone', async () => {
  const { supervisor, pid, crashes, noted } = await supervise(Infinity);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(crashes).toEqual([]);
  process.kill(pid, 'SIGSTOP');
  await once(supervisor, 'ready');
  expect(crashes).toHaveLength(1);
  expect(await noted()).toMatchObject([{ what: 'RESTARTED', why: crashes[0]?.reason }]);
});
