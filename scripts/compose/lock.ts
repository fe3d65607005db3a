import { mkdir, open, rm } from 'node:fs/promises';
import { AppError } from '@skyarc/lib/errors';
import { findLivePid, identityOf } from '@skyarc/lib/process';
import type { Topology } from './topology.ts';

/** Pid of the supervisor that has this data folder now, or null. */
export async function findSupervisor(topology: Topology): Promise<number | null> {
  return findLivePid(topology.path('run', 'up.pid'));
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
  await handle.writeFile(`${await identityOf(process.pid)}\n`);
  await handle.close();
  return () => rm(file, { force: true });
}
