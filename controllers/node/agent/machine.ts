import { readFile, statfs } from 'node:fs/promises';
import { arch, availableParallelism, loadavg, release, totalmem, uptime } from 'node:os';
import type { NodeReport } from '@skyarc/lib/contracts';

/** The machine as it is now; the disk is the one that the folder lies on. */
export async function readMachine(folder: string): Promise<NodeReport['machine']> {
  const [disk, memoryInfo, osRelease] = await Promise.all([
    statfs(folder),
    readFile('/proc/meminfo', 'utf8').catch(() => ''),
    readFile('/etc/os-release', 'utf8').catch(() => ''),
  ]);
  const available = Number(/^MemAvailable:\s+(\d+) kB/m.exec(memoryInfo)?.[1] ?? 0) * 1024;
  return {
    cpus: availableParallelism(),
    load1: loadavg()[0] ?? 0,
    memoryBytes: totalmem(),
    memoryUsedBytes: Math.max(0, totalmem() - available),
    diskBytes: disk.blocks * disk.bsize,
    // What root alone may use counts as used, as `df` counts it.
    diskUsedBytes: (disk.blocks - disk.bavail) * disk.bsize,
    kernel: release(),
    os: /^PRETTY_NAME="?([^"\n]*)/m.exec(osRelease)?.[1] ?? 'Linux',
    architecture: arch() === 'x64' ? 'amd64' : arch(),
    uptimeSeconds: Math.round(uptime()),
  };
}
