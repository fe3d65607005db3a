import { access, rename, writeFile } from 'node:fs/promises';

/** Whether there is something at the path that this process may see. */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

export interface ReplaceOptions {
  /** Permissions of a new file; the owner's alone by default. */
  readonly mode?: number;
  /** Waits until the content is on the disk, for what cannot be made again after a power cut. */
  readonly flush?: boolean;
}

/** Writes a file in one step: a reader sees the old content or the new, also after a crash. */
export async function replaceFile(
  file: string,
  content: string,
  options: ReplaceOptions = {},
): Promise<void> {
  const { mode = 0o600, flush = false } = options;
  await writeFile(`${file}.new`, content, { mode, flush });
  await rename(`${file}.new`, file);
}
