import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Text files of a folder, path -> content, as a git server takes them. */
export async function readFiles(folder: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const entry of glob('**/*', { cwd: folder, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) files[path.slice(folder.length + 1)] = await readFile(path, 'utf8');
  }
  return files;
}
