import { mkdir } from 'node:fs/promises';
import { AppError } from '@skyarc/lib/errors';
import { run } from '@skyarc/lib/process';

export interface OverlayOptions {
  /** Read-only layers, the highest first. */
  readonly lowers: readonly string[];
  readonly upper: string;
  readonly work: string;
  readonly target: string;
}

/** Mounts layers as one root; what is written goes to `upper`. Undo with `unmount`. */
export async function mountOverlay({ lowers, upper, work, target }: OverlayOptions): Promise<void> {
  for (const folder of [upper, work, target]) await mkdir(folder, { recursive: true, mode: 0o755 });
  const options = `lowerdir=${lowers.join(':')},upperdir=${upper},workdir=${work}`;
  const { code, stderr } = await run('mount', ['-t', 'overlay', '-o', options, '--', 'overlay', target]);
  if (code !== 0) throw new AppError('UNAVAILABLE', `Cannot mount the root of a build: ${stderr.trim()}`);
}

export async function unmount(target: string): Promise<void> {
  const { code } = await run('umount', ['--', target]);
  if (code !== 0) await run('umount', ['--lazy', '--', target]);
}
