import {
  chmod,
  chown,
  mkdir,
  readFile,
  readdir,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { AppError } from '@skyarc/lib/errors';

export interface PayloadFile {
  readonly content: Buffer;
  readonly mode: number;
}

/** Files of a volume by their relative path. */
export type Payload = ReadonlyMap<string, PayloadFile>;

/**
 * Writes files so that a reader sees all of the old ones or all of the new: they live in a dated folder
 * that `..data` points to, and the visible names point through it (the kubelet's AtomicWriter layout).
 * Nothing is touched when the payload is what is there.
 */
export async function writePayload(
  folder: string,
  payload: Payload,
  group: number | undefined,
): Promise<void> {
  const current = await readlink(join(folder, '..data')).catch(() => undefined);
  if (current !== undefined && (await isSame(join(folder, current), payload, group))) return;
  const fresh = `..${new Date().toISOString().replace(/[-:.]/g, '_')}`;
  await mkdir(join(folder, fresh), { recursive: true, mode: 0o755 });
  for (const [path, { content, mode }] of payload) {
    const file = join(folder, fresh, safePath(path));
    await mkdir(dirname(file), { recursive: true, mode: 0o755 });
    await writeFile(file, content);
    if (group !== undefined) await chown(file, 0, group);
    await chmod(file, modeOf(mode, group));
  }
  // Left by a process that died here.
  await rm(join(folder, '..data_tmp'), { force: true });
  await symlink(fresh, join(folder, '..data_tmp'));
  await rename(join(folder, '..data_tmp'), join(folder, '..data'));
  await linkNames(folder, new Set([...payload.keys()].map((path) => path.split('/')[0] as string)));
  for (const name of await readdir(folder)) {
    const isOld = name.startsWith('..2') && name !== fresh;
    if (isOld) await rm(join(folder, name), { recursive: true, force: true });
  }
}

async function linkNames(folder: string, names: ReadonlySet<string>): Promise<void> {
  const present = new Set((await readdir(folder)).filter((name) => !name.startsWith('..')));
  for (const name of names) if (!present.has(name)) await symlink(join('..data', name), join(folder, name));
  for (const name of present) if (!names.has(name)) await rm(join(folder, name));
}

/** A group that owns the files may read them. */
function modeOf(mode: number, group: number | undefined): number {
  return group === undefined ? mode : mode | 0o440;
}

async function isSame(folder: string, payload: Payload, group: number | undefined): Promise<boolean> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  if (files.filter((entry) => entry.isFile()).length !== payload.size) return false;
  for (const [path, { content, mode }] of payload) {
    const written = await readFile(join(folder, path)).catch(() => undefined);
    if (!written?.equals(content)) return false;
    if (((await stat(join(folder, path))).mode & 0o7777) !== modeOf(mode, group)) return false;
  }
  return true;
}

/** Refuses a path that would leave the volume. */
function safePath(path: string): string {
  const clean = normalize(path);
  if (clean.startsWith('/') || clean.split('/').includes('..') || path === '') {
    throw new AppError('INVALID', `"${path}" is not a path inside a volume`);
  }
  return clean;
}
