import { constants } from 'node:fs';
import { access, copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { archiveFormatOf, unpackArchive } from '@skyarc/lib/archive';
import { AppError } from '@skyarc/lib/errors';
import type { Fetched, Revision, Source } from './source.ts';

export interface UploadOptions {
  /** Where the bytes are. */
  readonly file: string;
  readonly sha256: string;
  readonly fileName: string;
  /** Of all its files together. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

const maxEntries = 200_000;
const maxRatio = 200;
/** Equal bytes become equal layers, whenever they were sent. */
const timeSec = 315_619_200;

/** An archive that the team uploaded; a Java archive is a file of the source, any other is unpacked. */
export class UploadSource implements Source {
  private readonly options: UploadOptions;

  constructor(options: UploadOptions) {
    this.options = options;
  }

  get description(): string {
    return `upload ${this.options.fileName}`;
  }

  async identify(): Promise<Revision> {
    const { file, sha256, fileName } = this.options;
    await access(file).catch((cause: unknown) => {
      throw new AppError('NOT_FOUND', `Cannot fetch ${fileName}: it is kept no longer; upload it again`, {
        cause,
      });
    });
    return { id: sha256, ref: fileName };
  }

  async fetch({ id }: Revision, folder: string): Promise<Fetched> {
    const { file, fileName, maxBytes, signal } = this.options;
    const format = archiveFormatOf(fileName);
    await mkdir(folder, { recursive: true });
    if (format === null) await copyFile(file, join(folder, fileName), constants.COPYFILE_FICLONE);
    else {
      const limits = { bytes: maxBytes, entries: maxEntries, ratio: maxRatio };
      await unpackArchive({ file, format, to: folder, limits, signal });
      await withoutWrapper(folder);
    }
    return { id, author: null, message: fileName, timeSec };
  }
}

/** An archive of one folder is that folder. */
async function withoutWrapper(folder: string): Promise<void> {
  const [only, ...others] = await readdir(folder, { withFileTypes: true });
  if (!only?.isDirectory() || others.length > 0) return;
  const aside = `${folder}.unwrapped`;
  await rename(join(folder, only.name), aside);
  await rm(folder, { recursive: true });
  await rename(aside, folder);
}
