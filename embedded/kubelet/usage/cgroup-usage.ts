import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cgroupRoot, isUnified } from '../cgroup.ts';

/** What the processes of a cgroup have used; times in nanoseconds since it was made, memory in bytes. */
export interface CgroupUsage {
  readonly cpuNanos: number;
  /** Periods that had a quota, those in which it was used up, and the time waited for that. */
  readonly cpuPeriods: number;
  readonly cpuThrottledPeriods: number;
  readonly cpuThrottledNanos: number;
  readonly memoryBytes: number;
  /** Usage without file cache that is not in use: what cannot be taken back without hurting. */
  readonly workingSetBytes: number;
  readonly rssBytes: number;
  readonly cacheBytes: number;
  /** 0 without a limit. */
  readonly memoryLimitBytes: number;
  /** How often a process was killed for going over the limit. */
  readonly oomKills: number;
}

/** A limit at or above this is none. */
const unlimitedBytes = 2 ** 60;

/** Reads a cgroup's counters, by a few small files and no call of another process; null when it is gone. */
export async function readCgroupUsage(cgroup: string): Promise<CgroupUsage | null> {
  try {
    return (await isUnified()) ? await readUnified(join(cgroupRoot, cgroup)) : await readByController(cgroup);
  } catch (error) {
    // A cgroup that vanishes while it is read answers ENODEV.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENODEV') return null;
    throw error;
  }
}

/** True while a cgroup exists. */
export async function hasCgroup(cgroup: string): Promise<boolean> {
  const folder = (await isUnified()) ? cgroup : join('memory', cgroup);
  return Boolean(await stat(join(cgroupRoot, folder)).catch(() => null));
}

/** The first process of a cgroup, or null. */
export async function findProcess(cgroup: string): Promise<number | null> {
  const folder = (await isUnified()) ? cgroup : join('pids', cgroup);
  const text = await readFile(join(cgroupRoot, folder, 'cgroup.procs'), 'utf8').catch(() => '');
  return text === '' ? null : Number.parseInt(text, 10);
}

async function readByController(cgroup: string): Promise<CgroupUsage> {
  const text = (controller: string, file: string) =>
    readFile(join(cgroupRoot, controller, cgroup, file), 'utf8');
  const [cpu, cpuStat, usage, limit, stats, oom] = await Promise.all([
    text('cpuacct', 'cpuacct.usage'),
    text('cpu', 'cpu.stat'),
    text('memory', 'memory.usage_in_bytes'),
    text('memory', 'memory.limit_in_bytes'),
    text('memory', 'memory.stat'),
    text('memory', 'memory.oom_control'),
  ]);
  const memory = parseCounters(stats);
  const throttling = parseCounters(cpuStat);
  return {
    cpuNanos: Number(cpu),
    cpuPeriods: throttling('nr_periods'),
    cpuThrottledPeriods: throttling('nr_throttled'),
    cpuThrottledNanos: throttling('throttled_time'),
    memoryBytes: Number(usage),
    workingSetBytes: Math.max(0, Number(usage) - memory('total_inactive_file')),
    rssBytes: memory('total_rss'),
    cacheBytes: memory('total_cache'),
    memoryLimitBytes: boundedBytes(limit),
    oomKills: parseCounters(oom)('oom_kill'),
  };
}

async function readUnified(folder: string): Promise<CgroupUsage> {
  const text = (file: string) => readFile(join(folder, file), 'utf8');
  const [cpuStat, usage, limit, stats, events] = await Promise.all([
    text('cpu.stat'),
    text('memory.current'),
    text('memory.max'),
    text('memory.stat'),
    text('memory.events'),
  ]);
  const cpu = parseCounters(cpuStat);
  const memory = parseCounters(stats);
  return {
    cpuNanos: cpu('usage_usec') * 1_000,
    cpuPeriods: cpu('nr_periods'),
    cpuThrottledPeriods: cpu('nr_throttled'),
    cpuThrottledNanos: cpu('throttled_usec') * 1_000,
    memoryBytes: Number(usage),
    workingSetBytes: Math.max(0, Number(usage) - memory('inactive_file')),
    rssBytes: memory('anon'),
    cacheBytes: memory('file'),
    memoryLimitBytes: boundedBytes(limit),
    oomKills: parseCounters(events)('oom_kill'),
  };
}

/** The value of a `name value` line, 0 when there is none. */
function parseCounters(text: string): (name: string) => number {
  const counters = new Map(
    text.split('\n').map((line) => line.split(' ', 2) as [string, string | undefined]),
  );
  return (name) => Number(counters.get(name) ?? 0);
}

function boundedBytes(text: string): number {
  const bytes = Number(text);
  return Number.isNaN(bytes) || bytes >= unlimitedBytes ? 0 : bytes;
}
