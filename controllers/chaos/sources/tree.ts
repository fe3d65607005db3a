import { constants } from 'node:fs';
import { open, readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';

const largestText = 1 << 20;

/** Fetched files, read without leaving their folder: a link out of it counts as missing. */
export class SourceTree {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Names at the top, folders with a "/" behind, in order. */
  async names(): Promise<string[]> {
    const entries = await readdir(this.folder, { withFileTypes: true });
    return entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
  }

  async has(path: string): Promise<boolean> {
    return (await this.resolve(path)) !== null;
  }

  /** A folder of it as a tree of its own, or null when there is none. */
  async sub(path: string): Promise<SourceTree | null> {
    const real = await this.resolve(path);
    return real !== null && (await stat(real)).isDirectory() ? new SourceTree(real) : null;
  }

  /** The first of the paths that is there. */
  async firstOf(paths: readonly string[]): Promise<string | undefined> {
    for (const path of paths) if (await this.has(path)) return path;
    return undefined;
  }

  /** At most 1 MiB of a text file, or null when there is none. */
  async readText(path: string): Promise<string | null> {
    const real = await this.resolve(path);
    if (real === null) return null;
    const file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      if (!(await file.stat()).isFile()) return null;
      const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(largestText) });
      return buffer.toString('utf8', 0, bytesRead).replace(/^\uFEFF/, '');
    } finally {
      await file.close();
    }
  }

  /** Where a path of it is on this machine, or null when it is not there or leads out. */
  async resolve(path: string): Promise<string | null> {
    const root = await realpath(this.folder);
    const real = await realpath(join(root, path)).catch(() => null);
    return real !== null && real.startsWith(root + sep) ? real : null;
  }
}
