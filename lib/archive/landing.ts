import { createWriteStream } from 'node:fs';
import { chmod, link, lstat, mkdir, readlink, rm, symlink } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError } from '@skyarc/lib/errors';
import type { ArchiveLimits } from './unpack.ts';

const ratioFromBytes = 16 << 20;
const maxDepth = 64;
/** As Linux follows (path_resolution(7)). */
const maxLinks = 40;

/**
 * The folder that entries land in. While files are written there is no link in it that could lead a later one
 * astray: links are made at the end, and looked at once more when all are there.
 */
export class Landing {
  private readonly root: string;
  private readonly limits: ArchiveLimits;
  private readonly archiveBytes: number;
  private readonly symlinks = new Map<string, string>();
  private bytes = 0;
  private entries = 0;

  constructor(root: string, limits: ArchiveLimits, archiveBytes: number) {
    this.root = root;
    this.limits = limits;
    this.archiveBytes = archiveBytes;
  }

  async folder(name: string): Promise<void> {
    const path = this.count(name);
    if (path !== '')
      await this.refuseCollisions(name, () => mkdir(join(this.root, path), { recursive: true }));
  }

  /** Writes what the stream gives, within the limits. */
  async file(
    name: string,
    content: AsyncIterable<Buffer>,
    isExecutable: boolean,
    signal?: AbortSignal,
  ): Promise<void> {
    const path = this.count(name);
    if (path === '') throw refusal(name, 'a file needs a name');
    const target = join(this.root, path);
    this.symlinks.delete(path);
    await this.refuseCollisions(name, async () => {
      await mkdir(dirname(target), { recursive: true });
      // A second entry of this name must not write through a hard link of the first.
      await rm(target, { force: true });
      await pipeline(content, this.meter(), createWriteStream(target, { mode: 0o600, flags: 'wx' }), {
        signal,
      });
      await chmod(target, isExecutable ? 0o755 : 0o644);
    });
  }

  /** Another name of a file that is here already. */
  async hardLink(name: string, to: string): Promise<void> {
    const path = this.count(name);
    const existing = join(this.root, this.clean(to));
    const isFile = await lstat(existing).then(
      (stats) => stats.isFile(),
      () => false,
    );
    if (path === '' || !isFile) throw refusal(name, 'it is a link to something that is not in the archive');
    await this.refuseCollisions(name, async () => {
      await mkdir(dirname(join(this.root, path)), { recursive: true });
      if (existing !== join(this.root, path)) {
        await rm(join(this.root, path), { force: true });
        await link(existing, join(this.root, path));
      }
    });
  }

  /** Remembers a link; it is made when all files are there. */
  symlink(name: string, to: string): void {
    const path = this.count(name);
    if (path === '') throw refusal(name, 'a link needs a name');
    const inside = posix.normalize(posix.join(posix.dirname(path), to));
    if (to === '' || to.includes('\0') || posix.isAbsolute(to) || inside === '..' || inside.startsWith('../'))
      throw refusal(name, 'it is a link out of the archive');
    this.symlinks.set(path, to);
  }

  /** Throws INVALID when there is nothing, or when links together lead out. */
  async finish(): Promise<void> {
    if (this.entries === 0) throw new AppError('INVALID', 'Cannot unpack the archive: it is empty');
    for (const [path, to] of this.symlinks) {
      const target = join(this.root, path);
      await this.refuseCollisions(path, async () => {
        await this.requireInside(path, posix.dirname(path));
        await mkdir(dirname(target), { recursive: true });
        await symlink(to, target);
      });
    }
    for (const path of this.symlinks.keys()) await this.requireInside(path, path);
  }

  /** Follows a path link by link, there or not: at no point may it leave the root. */
  private async requireInside(name: string, path: string): Promise<void> {
    const at: string[] = [];
    const ahead = path.split('/');
    for (let links = 0; ahead.length > 0 && links <= maxLinks;) {
      const part = ahead.shift() as string;
      if (part === '' || part === '.') continue;
      if (part === '..') {
        if (at.pop() === undefined) throw refusal(name, 'it is a link out of the archive');
        continue;
      }
      const target = await readlink(join(this.root, ...at, part)).catch(() => null);
      if (target === null) at.push(part);
      else {
        links += 1;
        ahead.unshift(...target.split('/'));
      }
    }
  }

  private count(name: string): string {
    this.entries += 1;
    if (this.entries > this.limits.entries)
      throw new AppError(
        'EXHAUSTED',
        `Cannot unpack the archive: it has more than ${this.limits.entries} entries`,
      );
    return this.clean(name);
  }

  /** The path of an entry without `./` and doubled slashes; '' for the root itself. */
  private clean(name: string): string {
    if (name.includes('\0') || name.includes('\\'))
      throw refusal(name, 'its name has a character that is not allowed');
    if (posix.isAbsolute(name) || /^[A-Za-z]:/.test(name)) throw refusal(name, 'its name is absolute');
    const parts = name.split('/').filter((part) => part !== '' && part !== '.');
    if (parts.includes('..')) throw refusal(name, 'its name leads out of the archive');
    if (parts.length > maxDepth || parts.some((part) => Buffer.byteLength(part) > 255) || name.length > 2_048)
      throw refusal(name, 'its name is too long');
    return parts.join('/');
  }

  private meter(): Transform {
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        this.bytes += chunk.length;
        done(this.excess(), chunk);
      },
    });
  }

  private excess(): AppError | null {
    const { bytes, ratio } = this.limits;
    if (this.bytes > bytes) {
      const megabytes = Math.floor(bytes / 2 ** 20);
      return new AppError('EXHAUSTED', `Cannot unpack the archive: it has more than ${megabytes} MiB`);
    }
    if (this.bytes > ratioFromBytes && this.bytes > this.archiveBytes * ratio)
      return new AppError(
        'EXHAUSTED',
        `Cannot unpack the archive: it grows to more than ${ratio} times its size`,
      );
    return null;
  }

  private async refuseCollisions<T>(name: string, work: () => Promise<T>): Promise<T> {
    return work().catch((error: unknown) => {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (['EEXIST', 'EISDIR', 'ENOTDIR', 'ERR_FS_EISDIR', 'ELOOP'].includes(code))
        throw refusal(name, 'another entry has its name');
      throw error;
    });
  }
}

/** An archive is refused for one of its entries. */
export function refusal(name: string, why: string): AppError {
  const shown = JSON.stringify(name.length > 120 ? `${name.slice(0, 120)}...` : name);
  return new AppError('INVALID', `Cannot unpack the archive: ${shown}: ${why}`);
}
