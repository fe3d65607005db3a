import { createHash } from 'node:crypto';
import { chown, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from '@skyarc/lib/files';

export interface GitCopyOptions {
  readonly url: string;
  /** Where the files go; empty. */
  readonly folder: string;
  /** Where repositories may stay; absent: this one does not. */
  readonly keep?: string;
  /** As whom git runs. */
  readonly owner: { readonly uid: number; readonly gid: number };
}

/** Each fetch adds a line to it, and objects that nobody clears away. */
const maxFetches = 100;
/** A repository that takes more is not kept: its space is the build's. */
const maxKeptBytes = 256 * 2 ** 20;

/** A repository of its own beside the files that come out of it: what a later fetch finds there is not sent again. */
export class GitCopy {
  readonly folder: string;
  /** What git has there was fetched earlier. */
  isKept = false;
  private readonly gitDir: string;
  private readonly options: GitCopyOptions;

  private constructor(options: GitCopyOptions, gitDir: string) {
    this.options = options;
    this.folder = options.folder;
    this.gitDir = gitDir;
  }

  /** With what was kept of the same address; what another address left is removed. */
  static async open(options: GitCopyOptions): Promise<GitCopy> {
    const { url, folder, keep } = options;
    if (keep === undefined) return new GitCopy(options, `${folder}.git`);
    const copy = new GitCopy(options, join(keep, nameOf(url)));
    const names = await readdir(keep).catch(() => []);
    const others = names.filter((name) => name !== nameOf(url));
    await Promise.all(others.map((name) => rm(join(keep, name), { recursive: true, force: true })));
    if ((await copy.fetches()) > maxFetches) await copy.remove();
    await mkdir(keep, { recursive: true, mode: 0o700 });
    await chown(keep, options.owner.uid, options.owner.gid);
    return copy;
  }

  isThere(): Promise<boolean> {
    return exists(join(this.gitDir, 'HEAD'));
  }

  /** The commit of a name that git has just written; empty when there is none. */
  async read(ref: string): Promise<string> {
    return (await readFile(join(this.gitDir, ref), 'utf8').catch(() => '')).trim();
  }

  /** That of a submodule, which stays as long as this one. */
  below(url: string, folder: string): GitCopy {
    const gitDir = join(this.gitDir, 'skyarc-modules', nameOf(url));
    return new GitCopy({ ...this.options, url, folder }, gitDir);
  }

  /** Options of git for commands that touch no file of the source. */
  get repository(): readonly string[] {
    return [`--git-dir=${this.gitDir}`];
  }

  get whole(): readonly string[] {
    return [...this.repository, `--work-tree=${this.folder}`];
  }

  /** Makes folder and repository where there are none. */
  async make(git: (args: readonly string[]) => Promise<unknown>): Promise<void> {
    const { uid, gid } = this.options.owner;
    await mkdir(this.folder, { recursive: true });
    await chown(this.folder, uid, gid);
    this.isKept = await this.isThere();
    if (!this.isKept) await git(['init', '--quiet', '--bare', '--template=', '--', this.gitDir]);
  }

  /** Forgets all that was fetched. */
  async renew(): Promise<void> {
    await this.remove();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Leaves what is worth keeping. */
  async close(): Promise<void> {
    if (this.options.keep === undefined || (await this.packedBytes()) > maxKeptBytes) await this.remove();
  }

  private async remove(): Promise<void> {
    await rm(this.gitDir, { recursive: true, force: true });
  }

  private async fetches(): Promise<number> {
    const text = await readFile(join(this.gitDir, 'shallow'), 'utf8').catch(() => '');
    return text.split('\n').length - 1;
  }

  private async packedBytes(): Promise<number> {
    const folder = join(this.gitDir, 'objects/pack');
    const names = await readdir(folder).catch(() => []);
    const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
    return sizes.reduce((sum, size) => sum + size, 0);
  }
}

function nameOf(url: string): string {
  return createHash('sha256').update(url).digest('hex').slice(0, 32);
}
