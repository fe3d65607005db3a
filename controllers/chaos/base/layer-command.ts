import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { runContainer } from '../sandbox/container.ts';
import { mountOverlay, unmount } from '../sandbox/overlay.ts';
import { removeAll } from './base.ts';
import type { InstallPlace } from './install.ts';
import type { LayerCommand } from './runtimes.ts';

/**
 * Runs a program of layers, for what it writes below them: that lands in `root`. Throws UNAVAILABLE with its
 * last line when it fails.
 */
export async function runOverLayers(place: InstallPlace, command: LayerCommand): Promise<void> {
  const { args, env, over, root, scratch } = command;
  const rootfs = join(scratch, 'command');
  const work = join(scratch, 'command.work');
  for (const folder of [rootfs, work]) await mkdir(folder, { recursive: true });
  const lines: string[] = [];
  await mountOverlay({ lowers: over, upper: root, work, target: rootfs });
  try {
    const { code } = await runContainer({
      id: place.id,
      stateDir: place.stateDir,
      bundle: join(place.stateDir, `${place.id}.bundle`),
      cgroup: `${place.cgroup}/${place.id}`,
      role: 'installer',
      args,
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', ...env },
      cwd: '/',
      rootfs,
      mounts: [],
      scratch: ['/run'],
      netns: null,
      cpuMillis: 4000,
      memoryMb: 2048,
      processes: 512,
      onLine: (line) => lines.push(line),
    });
    if (code !== 0) throw new AppError('UNAVAILABLE', `${args[0]} failed: ${lines.at(-1) ?? 'no answer'}`);
  } finally {
    await unmount(rootfs);
  }
  await removeAll(root, ['tmp', 'run', 'dev', 'proc', 'sys', 'etc/resolv.conf']);
}
