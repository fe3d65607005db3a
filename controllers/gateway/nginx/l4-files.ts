import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '@skyarc/lib/files';

/** The files by which l4.js knows the endpoints of ports: `<protocol>-<port>`, replaced in one step. */
export class L4Files {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  async set(name: string, lines: string): Promise<void> {
    await replaceFile(join(this.folder, name), lines, { mode: 0o644 });
  }

  async delete(name: string): Promise<void> {
    await rm(join(this.folder, name), { force: true });
  }

  /** Makes the folder equal to what is wanted; answers how many files it wrote or removed. */
  async sync(wanted: ReadonlyMap<string, string>): Promise<number> {
    let writes = 0;
    for (const name of await readdir(this.folder).catch(() => [])) {
      if (wanted.has(name)) continue;
      await this.delete(name);
      writes += 1;
    }
    for (const [name, lines] of wanted) {
      if ((await readFile(join(this.folder, name), 'utf8').catch(() => null)) === lines) continue;
      await this.set(name, lines);
      writes += 1;
    }
    return writes;
  }
}
