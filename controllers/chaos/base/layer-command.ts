import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { mountOverlay, unmount } from '../sandbox/overlay.ts';
import { removeAll } from './base.ts';
import { type InstallPlace, runInstaller } from './installer.ts';
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
  await mountOverlay({ lowers: over, upper: root, work, target: rootfs });
  try {
    const { code, lines } = await runInstaller(place, { args, env, rootfs, scratch: ['/run'] });
    if (code !== 0) throw new AppError('UNAVAILABLE', `${args[0]} failed: ${lines.at(-1) ?? 'no answer'}`);
  } finally {
    await unmount(rootfs);
  }
  await removeAll(root, ['tmp', 'run', 'dev', 'proc', 'sys', 'etc/resolv.conf']);
}
