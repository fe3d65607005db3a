import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import type { PodSpec } from '../pod.ts';

type HostPath = NonNullable<NonNullable<PodSpec['volumes']>[number]['hostPath']>;

/** Checks or makes a hostPath by its type and answers its path. Throws INVALID when it is something else. */
export async function ensureHostPath({ path, type = '' }: HostPath): Promise<string> {
  const found = await stat(path).catch(() => null);
  if (!found) {
    if (type === 'DirectoryOrCreate' || type === '') await mkdir(path, { recursive: true, mode: 0o755 });
    else if (type === 'FileOrCreate') {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, '', { flag: 'a', mode: 0o644 });
    } else throw new AppError('INVALID', `hostPath ${path} does not exist`);
    return path;
  }
  const isRight: Record<string, boolean> = {
    Directory: found.isDirectory(),
    DirectoryOrCreate: found.isDirectory(),
    File: found.isFile(),
    FileOrCreate: found.isFile(),
    Socket: found.isSocket(),
    CharDevice: found.isCharacterDevice(),
    BlockDevice: found.isBlockDevice(),
  };
  if (isRight[type] === false) throw new AppError('INVALID', `hostPath ${path} is not of type ${type}`);
  return path;
}
