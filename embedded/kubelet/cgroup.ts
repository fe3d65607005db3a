import { mkdir, readdir, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const cgroupRoot = '/sys/fs/cgroup';
export const cpuPeriodUs = 100_000;
/** Shares of a cgroup that asks for no cpu: the kernel refuses less. */
export const minCpuShares = 2;

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** Bounds of all processes of a pod together; what is absent is not bounded. */
export interface PodCgroupLimits {
  readonly maxPids: number;
  readonly cpuShares: number;
  readonly cpuQuotaUs?: number;
  readonly memoryBytes?: number;
}

const tiers: Readonly<Record<QosClass, string>> = {
  Guaranteed: '',
  Burstable: '/burstable',
  BestEffort: '/besteffort',
};

/** True on a machine whose controllers are all in the unified hierarchy (cgroup v2). */
export async function isUnified(): Promise<boolean> {
  return Boolean(await stat(join(cgroupRoot, 'cgroup.controllers')).catch(() => null));
}

/**
 * The cgroup that holds a pod's containers, as CRI names it: pods of the two lower classes share a tier, so
 * that BestEffort ones get what the others leave (the kubelet's layout).
 */
export function podCgroup(instance: string, podUid: string, qos: QosClass): string {
  return `/${instance}${tiers[qos]}/pod${podUid}`;
}

/** Where a pod's cgroup may be: its own tier, or the top one for a pod that was made without tiers. */
export function possiblePodCgroups(instance: string, podUid: string): string[] {
  return Object.keys(tiers).map((qos) => podCgroup(instance, podUid, qos as QosClass));
}

/** Makes a pod's cgroup with its bounds: CRI itself bounds single containers only. */
export async function ensurePodCgroup(cgroup: string, limits: PodCgroupLimits): Promise<void> {
  await write(cgroup, 'pids', 'pids.max', String(limits.maxPids));
  await setCpuShares(cgroup, limits.cpuShares);
  if (limits.cpuQuotaUs !== undefined) {
    const quota = String(limits.cpuQuotaUs);
    await ((await isUnified())
      ? write(cgroup, 'cpu', 'cpu.max', `${quota} ${cpuPeriodUs}`)
      : write(cgroup, 'cpu', 'cpu.cfs_quota_us', quota));
  }
  if (limits.memoryBytes !== undefined) {
    const file = (await isUnified()) ? 'memory.max' : 'memory.limit_in_bytes';
    await write(cgroup, 'memory', file, String(limits.memoryBytes));
  }
}

/** Takes a pod's own bounds away for a moment, so that those of its containers can change in any order. */
export async function liftPodCgroup(cgroup: string): Promise<void> {
  if (await isUnified()) {
    await write(cgroup, 'cpu', 'cpu.max', `max ${cpuPeriodUs}`);
    await write(cgroup, 'memory', 'memory.max', 'max');
  } else {
    await write(cgroup, 'cpu', 'cpu.cfs_quota_us', '-1');
    await write(cgroup, 'memory', 'memory.limit_in_bytes', '-1');
  }
}

/**
 * Weighs the tiers of an instance: all pods together against the rest of the machine by the processors they
 * may have, Burstable ones by what they ask for together, BestEffort ones least.
 */
export async function weighTiers(
  instance: string,
  cpuShares: { readonly all: number; readonly burstable: number },
): Promise<void> {
  await setCpuShares(`/${instance}`, cpuShares.all);
  await setCpuShares(`/${instance}${tiers.Burstable}`, cpuShares.burstable);
  await setCpuShares(`/${instance}${tiers.BestEffort}`, minCpuShares);
}

async function setCpuShares(cgroup: string, shares: number): Promise<void> {
  if (await isUnified()) {
    // The kubelet's mapping of [2, 262144] shares to [1, 10000] weight.
    const weight = 1 + Math.floor(((shares - 2) * 9_999) / 262_142);
    await write(cgroup, 'cpu', 'cpu.weight', String(weight));
  } else await write(cgroup, 'cpu', 'cpu.shares', String(shares));
}

async function write(cgroup: string, controller: string, file: string, value: string): Promise<void> {
  if (await isUnified()) await handDown(cgroup);
  const folder = (await isUnified()) ? join(cgroupRoot, cgroup) : join(cgroupRoot, controller, cgroup);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, file), value);
}

/** A controller must be handed down from the root to each level before it can be used there. */
async function handDown(cgroup: string): Promise<void> {
  const parts = cgroup.split('/').filter(Boolean);
  for (let depth = 0; depth < parts.length; depth += 1) {
    const parent = join(cgroupRoot, ...parts.slice(0, depth));
    await mkdir(parent, { recursive: true });
    await writeFile(join(parent, 'cgroup.subtree_control'), '+pids +cpu +memory');
  }
}

/** Removes what a pod had of cgroups. */
export async function removePodCgroup(instance: string, podUid: string): Promise<void> {
  for (const cgroup of possiblePodCgroups(instance, podUid)) await removeCgroup(cgroup);
}

/** Removes a cgroup and those below it in every hierarchy; what still holds a process stays. */
export async function removeCgroup(cgroup: string): Promise<void> {
  const hierarchies = (await isUnified())
    ? [cgroupRoot]
    : (await readdir(cgroupRoot)).map((name) => join(cgroupRoot, name));
  for (const hierarchy of hierarchies) await removeTree(join(hierarchy, cgroup));
}

async function removeTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(folder, entry.name));
  await rmdir(folder).catch(() => undefined);
}
