import { readFile } from 'node:fs/promises';

/** Memory of the machine, in bytes. */
export interface MemoryFacts {
  readonly totalBytes: number;
  /** What can be given to a new process without swapping, as the kernel estimates it. */
  readonly availableBytes: number;
  /** What is in use without file cache that is not. */
  readonly workingSetBytes: number;
}

export async function readMemory(): Promise<MemoryFacts> {
  const text = await readFile('/proc/meminfo', 'utf8');
  const bytesOf = (name: string) =>
    1024 * Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  const totalBytes = bytesOf('MemTotal');
  const inactive = bytesOf('Inactive\\(file\\)');
  const workingSetBytes = Math.max(0, totalBytes - bytesOf('MemFree') - inactive);
  return { totalBytes, availableBytes: bytesOf('MemAvailable'), workingSetBytes };
}

/** Ticks of the kernel's clock for times in /proc: 100 a second on every Linux. */
const tickNanos = 10_000_000;

/** Time that all processors have worked since the machine was started, in nanoseconds. */
export async function readCpuNanos(): Promise<number> {
  const line = (await readFile('/proc/stat', 'utf8')).split('\n', 1)[0] ?? '';
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) * tickNanos;
}
