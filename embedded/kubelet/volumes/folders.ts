import { chmod, chown, lstat, mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { run } from '@skyarc/lib/process';

/** Mounts a tmpfs; `sizeBytes` bounds it. No effect when something is mounted there. */
export async function mountTmpfs(folder: string, sizeBytes?: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  if (await isMountPoint(folder)) return;
  const options = sizeBytes ? ['-o', `size=${Math.ceil(sizeBytes)},mode=0777`] : ['-o', 'mode=0755'];
  const { code, stderr } = await run('mount', ['-t', 'tmpfs', ...options, 'tmpfs', folder]);
  if (code !== 0) throw new AppError('INTERNAL', `Cannot mount a tmpfs at ${folder}: ${stderr.trim()}`);
}

async function isMountPoint(folder: string): Promise<boolean> {
  return (await mountPointsUnder(folder)).includes(folder);
}

/** Mount points at or below a folder, deepest first. */
async function mountPointsUnder(folder: string): Promise<string[]> {
  const table = await readFile('/proc/self/mountinfo', 'utf8');
  return table
    .split('\n')
    .map((line) => line.split(' ')[4]?.replace(/\\040/g, ' ') ?? '')
    .filter((path) => path === folder || path.startsWith(`${folder}/`))
    .toReversed();
}

/** Unmounts everything at or below a folder. Throws CONFLICT when something is still in use. */
export async function unmountAll(folder: string): Promise<void> {
  for (const path of await mountPointsUnder(folder)) {
    const { code, stderr } = await run('umount', ['--', path]);
    if (code !== 0) throw new AppError('CONFLICT', `Cannot unmount ${path}: ${stderr.trim()}`);
  }
}

/** Unmounts everything below a folder, then removes it; never deletes into a mount that would not go. */
export async function removeMounted(folder: string): Promise<void> {
  await unmountAll(folder);
  await rm(folder, { recursive: true, force: true });
}

/**
 * Gives a folder to a pod's fsGroup: group, group rights, and set-gid on folders so that new files follow.
 * The root is changed last: when it is right, all below it is, unless the policy is `Always`.
 */
export async function giveToGroup(folder: string, group: number, policy?: string): Promise<void> {
  const { mode, gid } = await lstat(folder);
  const isRight = gid === group && (mode & 0o2000) !== 0;
  if (isRight && policy !== 'Always') return;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await giveToGroup(path, group, policy);
    else if (entry.isFile()) await giveFileToGroup(path, group);
  }
  if (isRight) return;
  await chown(folder, (await lstat(folder)).uid, group);
  await chmod(folder, (mode & 0o7777) | 0o2770);
}

async function giveFileToGroup(path: string, group: number): Promise<void> {
  const { uid, gid, mode } = await lstat(path);
  if (gid === group && (mode & 0o660) === 0o660) return;
  await chown(path, uid, group);
  await chmod(path, (mode & 0o7777) | 0o660);
}
