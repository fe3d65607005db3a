import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface TreeEntry {
  /** Relative to the folder, with "/" between names. */
  readonly path: string;
  readonly absolute: string;
  readonly stats: Stats;
}

/**
 * Everything below a folder, parents before children and names in byte order, never through a link.
 * A path for which `exclude` is true is left out with all below it.
 */
export async function* walk(
  folder: string,
  exclude: (path: string) => boolean = () => false,
  prefix = '',
): AsyncGenerator<TreeEntry> {
  const names = (await readdir(folder)).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  for (const name of names) {
    const path = prefix + name;
    if (exclude(path)) continue;
    const absolute = join(folder, name);
    const stats = await lstat(absolute);
    yield { path, absolute, stats };
    if (stats.isDirectory()) yield* walk(absolute, exclude, `${path}/`);
  }
}
