import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@skyarc/lib/process';
import { isAbandoned } from '../base/store.ts';
import { removeCgroup } from './container.ts';
import { removeNetwork } from './network.ts';

/** What one builder makes on its machine, all under names of its own. */
export interface Traces {
  readonly room: string;
  readonly stateDir: string;
  readonly cgroup: string;
  /** Network namespaces begin with it. */
  readonly namePrefix: string;
}

/** Removes what a killed builder left: containers, mounts, namespaces, control groups, folders. */
export async function sweep(traces: Traces): Promise<void> {
  const { room, stateDir, cgroup, namePrefix } = traces;
  for (const id of await readdir(stateDir).catch(() => [])) {
    await run('runc', ['--root', stateDir, 'delete', '--force', id]);
  }
  for (const name of await readdir('/run/netns').catch(() => [])) {
    if (name.startsWith(namePrefix)) await removeNetwork(name);
  }
  for (const target of await mountsBelow(room)) await run('umount', ['--lazy', '--', target]);
  await removeCgroup(cgroup);
  await rm(room, { recursive: true, force: true });
}

/** The last mounted first. */
async function mountsBelow(folder: string): Promise<string[]> {
  const table = await readFile('/proc/self/mounts', 'utf8');
  return table
    .split('\n')
    .map((line) => (line.split(' ')[1] ?? '').replaceAll('\\040', ' '))
    .filter((target) => target.startsWith(`${folder}/`))
    .toReversed();
}

/** The same, for a layer store whose making was interrupted; what another process makes there is left to it. */
export async function sweepStore(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter(isAbandoned)) {
    const partial = join(folder, name);
    for (const target of await mountsBelow(partial)) await run('umount', ['--lazy', '--', target]);
    await rm(partial, { recursive: true, force: true });
  }
}
