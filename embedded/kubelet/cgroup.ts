import { mkdir, readdir, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const root = '/sys/fs/cgroup';

/** True on a machine whose controllers are all in the unified hierarchy (cgroup v2). */
async function isUnified(): Promise<boolean> {
  return Boolean(await stat(join(root, 'cgroup.controllers')).catch(() => null));
}

/** The cgroup that holds a pod's containers, as CRI names it. */
export function podCgroup(instance: string, podUid: string): string {
  return `/${instance}/pod${podUid}`;
}

/** Bounds the processes of a pod: CRI itself has no field for it. */
export async function limitPids(cgroup: string, maxPids: number): Promise<void> {
  if (await isUnified()) {
    const parts = cgroup.split('/').filter(Boolean);
    // A controller must be handed down from the root to each level before it can be used there.
    for (let depth = 0; depth < parts.length; depth += 1) {
      const parent = join(root, ...parts.slice(0, depth));
      await mkdir(parent, { recursive: true });
      await writeFile(join(parent, 'cgroup.subtree_control'), '+pids +cpu +memory');
    }
    await mkdir(join(root, cgroup), { recursive: true });
    await writeFile(join(root, cgroup, 'pids.max'), String(maxPids));
    return;
  }
  const folder = join(root, 'pids', cgroup);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'pids.max'), String(maxPids));
}

/** Removes a cgroup and those below it in every hierarchy; what still holds a process stays. */
export async function removeCgroup(cgroup: string): Promise<void> {
  const hierarchies = (await isUnified()) ? [root] : (await readdir(root)).map((name) => join(root, name));
  for (const hierarchy of hierarchies) await removeTree(join(hierarchy, cgroup));
}

async function removeTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(folder, entry.name));
  await rmdir(folder).catch(() => undefined);
}
