import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface TreeEntry {
  /** Relative to the folder, with "/" between names. */
  readonly path: string;
  readonly absolute: string;
  readonly stats: Stats;
}

const statsAtOnce = 32;

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
  const wanted = names.filter((name) => !exclude(prefix + name));
  for (let from = 0; from < wanted.length; from += statsAtOnce) {
    const some = wanted.slice(from, from + statsAtOnce);
    const stats = await Promise.all(some.map((name) => lstat(join(folder, name))));
    for (const [index, name] of some.entries()) {
      const path = prefix + name;
      const absolute = join(folder, name);
      const entry = { path, absolute, stats: stats[index] as Stats };
      yield entry;
      if (entry.stats.isDirectory()) yield* walk(absolute, exclude, `${path}/`);
    }
  }
}
