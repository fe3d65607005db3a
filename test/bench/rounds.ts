import { readFile } from 'node:fs/promises';
import { run } from '@skyarc/lib/process';

/** One run of wrk: requests a second, and what it could not do. */
export interface WrkRun {
  readonly perSecond: number;
  readonly failed: number;
}

export async function wrk(
  url: string,
  host: string,
  options: { seconds: number; connections: number },
): Promise<WrkRun> {
  const { stdout } = await run(
    'wrk',
    ['-t1', `-c${options.connections}`, `-d${options.seconds}s`, '-H', `Host: ${host}`, url],
    { timeoutMs: (options.seconds + 20) * 1_000 },
  );
  const errors =
    /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)?.slice(1) ?? [];
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0),
    failed: errors.reduce((sum, count) => sum + Number(count), refused),
  };
}

/** Seconds of processor time that processes used so far (proc(5) stat; 100 ticks a second). */
export async function cpuSeconds(pids: readonly number[]): Promise<number> {
  const seconds = await Promise.all(
    pids.map(async (pid) => {
      const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ');
      return (Number(fields[11]) + Number(fields[12])) / 100;
    }),
  );
  return seconds.reduce((sum, value) => sum + value, 0);
}

export async function childrenOf(pid: number): Promise<number[]> {
  return (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8'))
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
