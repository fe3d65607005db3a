import { chmod, mkdir, open, readdir, rename, rm, stat, statfs, truncate, utimes } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { exists } from '@skyarc/lib/files';
import { run } from '@skyarc/lib/process';
import type { KeptDisks } from './kept-disks.ts';

/** Of one app's caches, in bytes. */
export interface CacheUse {
  readonly usedBytes: number;
  /** Caches that take more are dropped before the next build. */
  readonly limitBytes: number;
}

interface AppDiskOptions {
  readonly file: string;
  readonly mountPoint: string;
  readonly sizeMb: number;
  /** Where it stays mounted after; absent: nowhere. */
  readonly kept?: KeptDisks;
}

/** Share of the disk that caches may take. */
const cacheShare = 0.5;
/** Below it a builder's disk counts as full. */
const leastFreeBytes = 32 * 2 ** 20;

/**
 * One app's file system of a fixed size, in a sparse file: its workspace while it builds, and its caches
 * from build to build. Nothing that a build writes lands elsewhere, so its limit is the file system's own,
 * and no app sees another's cache.
 */
export class AppDisk {
  readonly mountPoint: string;

  private readonly file: string;
  private readonly kept: KeptDisks | undefined;

  private constructor({ file, mountPoint, kept }: AppDiskOptions) {
    this.file = file;
    this.mountPoint = mountPoint;
    this.kept = kept;
  }

  /** Mounts the disk in the file, made or made anew when missing, damaged or of another size. */
  static async open(options: AppDiskOptions): Promise<AppDisk> {
    const { file, mountPoint, sizeMb, kept } = options;
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await mkdir(mountPoint, { recursive: true, mode: 0o711 });
    const sizeBytes = sizeMb * 1024 * 1024;
    const isUsable = await stat(file).then(
      (stats) => stats.size === sizeBytes,
      () => false,
    );
    if (!isUsable) await format(file, sizeBytes);
    if (!(await kept?.show(file, mountPoint)) && (await mount(file, mountPoint)) !== 0) {
      await format(file, sizeBytes);
      const code = await mount(file, mountPoint);
      if (code !== 0)
        throw new AppError('UNAVAILABLE', 'Cannot mount a disk for the build; are loop devices there?');
    }
    await utimes(file, new Date(), new Date());
    const disk = new AppDisk(options);
    const { usedBytes, limitBytes } = await disk.use();
    if (usedBytes > limitBytes) await disk.remove('cache');
    return disk;
  }

  path(...names: readonly string[]): string {
    return join(this.mountPoint, ...names);
  }

  /** An empty folder of that name, whatever was there. */
  async freshFolder(name: string, mode = 0o755): Promise<string> {
    await this.remove(name);
    return this.folder(name, mode);
  }

  async folder(name: string, mode = 0o755): Promise<string> {
    await mkdir(this.path(name), { recursive: true });
    await chmod(this.path(name), mode);
    return this.path(name);
  }

  async isMissing(path: string): Promise<boolean> {
    return !(await exists(path));
  }

  async remove(name: string): Promise<void> {
    await rm(this.path(name), { recursive: true, force: true });
  }

  /** Whether what it lies on has next to no room left, which hits it before it is full itself. */
  async isBuilderFull(): Promise<boolean> {
    const { bavail, bsize } = await statfs(dirname(this.file));
    return bavail * bsize < leastFreeBytes;
  }

  /** What is on it now. */
  async use(): Promise<CacheUse> {
    const { bfree, blocks, bsize } = await statfs(this.mountPoint);
    return { usedBytes: (blocks - bfree) * bsize, limitBytes: Math.floor(blocks * bsize * cacheShare) };
  }

  async close(): Promise<void> {
    await this.kept?.keep(this.file, this.mountPoint).catch(() => undefined);
    const { code } = await run('umount', ['--', this.mountPoint]);
    // A process that is still dying holds it: detach now, the kernel frees it with the last one.
    if (code !== 0) await run('umount', ['--lazy', '--', this.mountPoint]);
  }
}

/**
 * Removes the disks used longest ago until all together take less than the limit. One that is mounted lives
 * on until its build ends, and is missing after.
 */
export async function trimDisks(folder: string, limitMb: number): Promise<void> {
  await removeBeyond(limitMb * 2 ** 20, await disksIn(folder));
}

/** Removes the half of what disks take, as `trimDisks` does; answers how many bytes that are. */
export async function halveDisks(folder: string): Promise<number> {
  const disks = await disksIn(folder);
  const usedBytes = disks.reduce((sum, disk) => sum + disk.usedBytes, 0);
  return removeBeyond(usedBytes / 2, disks);
}

interface FoundDisk {
  readonly file: string;
  readonly usedBytes: number;
}

/** The one used last first. */
async function disksIn(folder: string): Promise<FoundDisk[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const files = await Promise.all(
    names
      .filter((name) => name.endsWith('.ext4'))
      .map(async (name) => ({ file: join(folder, name), stats: await stat(join(folder, name)) })),
  );
  files.sort((a, b) => b.stats.mtimeMs - a.stats.mtimeMs);
  return files.map(({ file, stats }) => ({ file, usedBytes: stats.blocks * 512 }));
}

async function removeBeyond(limitBytes: number, disks: readonly FoundDisk[]): Promise<number> {
  let [keptBytes, freedBytes] = [0, 0];
  for (const { file, usedBytes } of disks) {
    keptBytes += usedBytes;
    if (keptBytes <= limitBytes) continue;
    await rm(file, { force: true });
    freedBytes += usedBytes;
  }
  return freedBytes;
}

/** Removes the disks of apps that are gone, whoever built them last; `living` names those that are not. */
export async function removeDisksOfGone(
  folder: string,
  living: (appIds: readonly string[]) => Promise<ReadonlySet<string>>,
): Promise<void> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const disks = names.filter((name) => name.endsWith('.ext4'));
  const there = await living(disks.map((name) => basename(name, '.ext4')));
  for (const name of disks)
    if (!there.has(basename(name, '.ext4'))) await rm(join(folder, name), { force: true });
}

async function format(file: string, sizeBytes: number): Promise<void> {
  const partial = `${file}.partial`;
  await rm(partial, { force: true });
  await (await open(partial, 'w', 0o600)).close();
  await truncate(partial, sizeBytes);
  // No journal: a disk that a crash left dirty is only a cache, and is made anew when it does not mount.
  const options = 'lazy_itable_init=1,nodiscard,root_owner=0:0';
  const { code, stderr } = await run('mkfs.ext4', [
    '-q',
    '-F',
    '-m',
    '0',
    '-O',
    '^has_journal',
    '-E',
    options,
    partial,
  ]);
  if (code !== 0) throw new AppError('UNAVAILABLE', `Cannot make a disk for the build: ${stderr.trim()}`);
  await rename(partial, file);
}

async function mount(file: string, mountPoint: string): Promise<number> {
  // A sparse file is zero already, nobody asks when its files were read, and its loss is a cache's.
  const options = 'loop,discard,nodev,nosuid,noatime,noinit_itable,nobarrier';
  const { code } = await run('mount', ['-t', 'ext4', '-o', options, '--', file, mountPoint]);
  return code;
}
