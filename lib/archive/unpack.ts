import { stat } from 'node:fs/promises';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { Landing } from './landing.ts';
import { readTar } from './tar.ts';
import { readZip } from './zip.ts';

export type ArchiveFormat = 'zip' | 'tar' | 'tar.gz';

export interface ArchiveLimits {
  /** Of all files together. */
  readonly bytes: number;
  readonly entries: number;
  /** Unpacked bytes for each byte of the archive; counted from 16 MiB on. */
  readonly ratio: number;
}

export interface UnpackOptions {
  readonly file: string;
  readonly format: ArchiveFormat;
  /** An empty folder that is there. */
  readonly to: string;
  readonly limits: ArchiveLimits;
  readonly signal?: AbortSignal;
}

/** The format that a file's name tells, or null. */
export function archiveFormatOf(name: string): ArchiveFormat | null {
  if (/\.(tar\.gz|tgz)$/i.test(name)) return 'tar.gz';
  if (/\.tar$/i.test(name)) return 'tar';
  return /\.zip$/i.test(name) ? 'zip' : null;
}

/**
 * Unpacks an archive that a stranger made. Files are 644 or 755, links are made last and lead nowhere outside.
 * Throws INVALID with the entry for one that is damaged, encrypted or means harm, EXHAUSTED beyond a limit. What
 * was written until then stays in the folder.
 */
export async function unpackArchive({ file, format, to, limits, signal }: UnpackOptions): Promise<void> {
  const { size } = await stat(file);
  const landing = new Landing(to, limits, size);
  try {
    if (format === 'zip') await readZip(file, landing, signal);
    else await readTar(file, { isCompressed: format === 'tar.gz' }, landing, signal);
    await landing.finish();
  } catch (error) {
    if (error instanceof AppError) throw error;
    signal?.throwIfAborted();
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw new AppError('EXHAUSTED', 'Cannot unpack the archive: the disk for it is full', { cause: error });
    throw new AppError('INVALID', `Cannot unpack the archive: it is damaged (${messageOf(error)})`, {
      cause: error,
    });
  }
}
