import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@skyarc/lib/process';

/** A folder on a file system of its own in memory, small enough to be filled. Needs root. */
export class SmallDisk {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async mount(folder: string, bytes: number): Promise<SmallDisk> {
    await mkdir(folder, { recursive: true });
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder]);
    return new SmallDisk(folder);
  }

  private get ballast(): string {
    return join(this.folder, '.ballast');
  }

  /** No space left from here on. */
  async fill(): Promise<void> {
    const block = Buffer.alloc(64 << 10);
    for (const size of [block.length, 4_096]) {
      try {
        for (;;) await writeFile(this.ballast, block.subarray(0, size), { flag: 'a' });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    }
  }

  /** Gives back what `fill` took. */
  async free(): Promise<void> {
    await rm(this.ballast, { force: true });
  }

  /** Whoever still has files open keeps them until it ends. */
  async unmount(): Promise<void> {
    await run('umount', ['--lazy', this.folder]);
  }
}
