import { readFile } from 'node:fs/promises';

/** What a pid file holds for a process: its pid with its start time, so that a reused pid is never taken for it. */
export async function identityOf(pid: number): Promise<string> {
  return `${pid} ${await startTimeOf(pid)}`;
}

/** The pid of the live process that the file names by `identityOf`, or null. */
export async function findLivePid(pidFile: string): Promise<number | null> {
  return livePidOf(await readFile(pidFile, 'utf8').catch(() => ''));
}

/** The same of a text that `identityOf` gave. */
export async function livePidOf(identity: string): Promise<number | null> {
  const [pid, startTime] = identity.trim().split(' ');
  if (!pid || !startTime) return null;
  return (await startTimeOf(Number(pid))) === startTime ? Number(pid) : null;
}

/** Field 22 of /proc/<pid>/stat (proc(5)), clock ticks since boot; null for a dead or zombie process. */
export async function startTimeOf(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
}
