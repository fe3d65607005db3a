import { readdir, readFile, readlink } from 'node:fs/promises';
import { sleep } from '@skyarc/lib/retry';

/**
 * Ends workers whose master was killed: they go on serving, but hold the ports against a new nginx.
 * They are known by their title and by the log file of this gateway that they have open.
 */
export async function endOrphanedWorkers(errorLog: string): Promise<void> {
  for (const signal of ['SIGQUIT', 'SIGKILL'] as const) {
    const orphans = await listOrphans(errorLog);
    if (orphans.length === 0) return;
    for (const pid of orphans) {
      try {
        process.kill(pid, signal);
      } catch {
        // It ended by itself.
      }
    }
    // SIGQUIT closes the ports at once and ends requests that run.
    await sleep(signal === 'SIGQUIT' ? 2_000 : 100);
  }
}

async function listOrphans(errorLog: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => ((await isOrphan(pid, errorLog)) ? Number(pid) : null)),
  );
  return found.filter((pid) => pid !== null);
}

async function isOrphan(pid: string, errorLog: string): Promise<boolean> {
  const title = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  if (!title.startsWith('nginx: worker process')) return false;
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const targets = await Promise.all(
    descriptors.map((each) => readlink(`/proc/${pid}/fd/${each}`).catch(() => '')),
  );
  return targets.includes(errorLog);
}
