import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { AppError } from '@skyarc/lib/errors';
import type { Topology } from './topology.ts';

/** Pid of the supervisor that has this data folder now, or null. */
export async function findSupervisor(topology: Topology): Promise<number | null> {
  const text = await readFile(topology.path('run', 'up.pid'), 'utf8').catch(() => '');
  const [pid, startTime] = text.trim().split(' ');
  if (!pid || !startTime) return null;
  return (await startTimeOf(Number(pid))) === startTime ? Number(pid) : null;
}

/** Takes the data folder for this process. Throws CONFLICT while another supervisor has it. */
export async function takeLock(topology: Topology): Promise<() => Promise<void>> {
  const file = topology.path('run', 'up.pid');
  await mkdir(topology.path('run'), { recursive: true, mode: 0o700 });
  const other = await findSupervisor(topology);
  if (other !== null) {
    const url = `http://localhost:${topology.ports.console}`;
    throw new AppError('CONFLICT', `Skyarc runs already (process ${other}): ${url}`);
  }
  await rm(file, { force: true });
  const handle = await open(file, 'wx', 0o600).catch(() => {
    throw new AppError('CONFLICT', 'Skyarc is being started by another process right now');
  });
  await handle.writeFile(`${process.pid} ${await startTimeOf(process.pid)}\n`);
  await handle.close();
  return () => rm(file, { force: true });
}

/** Field 22 of /proc/<pid>/stat (proc(5)); null when there is no such process. */
async function startTimeOf(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
}
