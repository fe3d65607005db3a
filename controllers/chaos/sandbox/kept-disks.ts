import { mkdir, rmdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { run } from '@skyarc/lib/process';

interface Kept {
  readonly place: string;
  /** Of the disk's file and of the file system in it: under the same path there may be another one later. */
  readonly inode: number;
  readonly device: number;
  readonly timer: NodeJS.Timeout;
  /** Fulfils once what the build wrote is on the disk; until then it cannot be unmounted. */
  readonly written: Promise<unknown>;
}

/**
 * Disks that stay mounted for a while after a build: a push seldom comes alone, and what the next build of the app reads
 * again is then still in the kernel's memory. Of a disk that is mounted anew each file is read from its file once more.
 */
export class KeptDisks {
  private readonly folder: string;
  private readonly limits: { readonly most: number; readonly forMs: number };
  /** By file, the one used longest ago first. */
  private readonly kept = new Map<string, Kept>();

  /** Mounts are below the folder, whose owner unmounts what a crash leaves there. */
  constructor(folder: string, limits: KeptDisks['limits'] = { most: 8, forMs: 600_000 }) {
    this.folder = folder;
    this.limits = limits;
  }

  /** Shows the disk at another place, too. False: it is not kept. */
  async show(file: string, mountPoint: string): Promise<boolean> {
    const kept = this.kept.get(file);
    if (!kept) return false;
    if (
      (await isStill(file, kept)) &&
      (await run('mount', ['--bind', '--', kept.place, mountPoint])).code === 0
    ) {
      if ((await stat(mountPoint)).dev === kept.device) return true;
      await run('umount', ['--', mountPoint]);
    }
    await this.drop(file);
    return false;
  }

  /** Keeps a disk that is mounted somewhere, from now on. */
  async keep(file: string, mountPoint: string): Promise<void> {
    const known = this.kept.get(file);
    clearTimeout(known?.timer);
    this.kept.delete(file);
    const place = known?.place ?? join(this.folder, basename(file));
    if (!known) {
      await mkdir(place, { recursive: true, mode: 0o700 });
      if ((await run('mount', ['--bind', '--', mountPoint, place])).code !== 0) return;
    }
    const [{ ino: inode }, { dev: device }] = await Promise.all([stat(file), stat(place)]);
    const timer = setTimeout(() => void this.drop(file), this.limits.forMs).unref();
    // A machine that loses its power loses nothing of it then.
    const written = (known?.written ?? Promise.resolve())
      .then(() => run('sync', ['--file-system', '--', place]))
      .catch(() => undefined);
    this.kept.set(file, { place, inode, device, timer, written });
    for (const one of [...this.kept.keys()].slice(0, -this.limits.most)) await this.drop(one);
  }

  /** Lets go of disks whose files were removed or made anew. */
  async dropGone(): Promise<void> {
    for (const [file, kept] of this.kept) if (!(await isStill(file, kept))) await this.drop(file);
  }

  async stop(): Promise<void> {
    for (const file of this.kept.keys()) await this.drop(file);
  }

  private async drop(file: string): Promise<void> {
    const kept = this.kept.get(file);
    if (!kept) return;
    clearTimeout(kept.timer);
    this.kept.delete(file);
    await kept.written;
    await run('umount', ['--', kept.place]);
    await rmdir(kept.place).catch(() => undefined);
  }
}

async function isStill(file: string, { place, inode, device }: Kept): Promise<boolean> {
  const [disk, root] = await Promise.all([file, place].map((path) => stat(path).catch(() => null)));
  return disk?.ino === inode && root?.dev === device;
}
