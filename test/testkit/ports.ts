import { readdir, readFile, readlink } from 'node:fs/promises';

/** Pids that listen on a TCP port of this network namespace (proc(5), /proc/net/tcp: state 0A is LISTEN). */
export async function listenersOf(port: number): Promise<number[]> {
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8').catch(() => '')),
  );
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = new Set(
    tables.flatMap((table) =>
      table.split('\n').flatMap((line) => {
        const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
        return state === '0A' && local?.endsWith(`:${wanted}`) ? [`socket:[${inode}]`] : [];
      }),
    ),
  );
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const owns = await Promise.all(
    pids.map(async (pid) => {
      const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
      const links = await Promise.all(files.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
      return links.some((link) => inodes.has(link));
    }),
  );
  return pids.filter((_, index) => owns[index]);
}

/** Throws unless the process itself listens there: what answers on a port may be somebody else's, or yesterday's. */
export async function assertOwnsPort(pid: number, port: number): Promise<void> {
  const owners = await listenersOf(port);
  if (!owners.includes(pid))
    throw new Error(`Port ${port} belongs to ${owners.join(', ') || 'nobody'}, not to process ${pid}`);
}
