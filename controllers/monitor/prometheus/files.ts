import { readFile } from 'node:fs/promises';
import { replaceFile } from '@skyarc/lib/files';

/** Replaces a file as a whole, so that no reader sees half of it; false when it said the same already. */
export async function writeIfChanged(file: string, content: string): Promise<boolean> {
  const present = await readFile(file, 'utf8').catch(() => null);
  if (present === content) return false;
  await replaceFile(file, content);
  return true;
}
