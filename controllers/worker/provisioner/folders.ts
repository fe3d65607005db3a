import { chmod, mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { exists } from '@skyarc/lib/files';

/** Whose folder, by names that are safe in a path. */
export interface FolderName {
  readonly team: string;
  readonly app: string;
  /** With the claim's uid in it, so that no name is ever used twice. */
  readonly volume: string;
}

const trash = '.trash';
const safeName = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,200}$/;

/**
 * The folders of volumes: `<root>/<team>/<app>/<volume>`. Nothing is erased in place: a folder is first moved
 * into the trash of the leader's term. A new leader takes the trash of earlier terms away before it does
 * anything else, so the move of a leader of the past fails, whenever it comes.
 */
export class VolumeFolders {
  readonly root: string;
  private readonly token: number;

  private constructor(root: string, token: number) {
    this.root = resolve(root);
    this.token = token;
  }

  /** Revokes all earlier terms. Throws CONFLICT when a later one was here. */
  static async open(root: string, token: number): Promise<VolumeFolders> {
    const folders = new VolumeFolders(root, token);
    // The root keeps strangers of the machine out; in the folders any user of any container may write.
    await mkdir(folders.root, { recursive: true, mode: 0o711 });
    await mkdir(folders.mine, { recursive: true, mode: 0o700 });
    for (const term of await readdir(join(folders.root, trash))) {
      if (Number(term) > token) throw new AppError('CONFLICT', `Term ${term} has taken over the volumes`);
      if (Number(term) === token) continue;
      await rename(join(folders.root, trash, term), join(folders.mine, `term-${term}`)).catch(ignoreMissing);
    }
    return folders;
  }

  pathOf({ team, app, volume }: FolderName): string {
    for (const part of [team, app, volume]) {
      if (!safeName.test(part)) throw new AppError('INVALID', `"${part}" cannot name a folder`);
    }
    return join(this.root, team, app, volume);
  }

  /** True for the path of a volume below the root. */
  owns(path: string): boolean {
    const parts = relative(this.root, path).split('/');
    return parts.length === 3 && parts.every((part) => safeName.test(part));
  }

  async make(path: string): Promise<void> {
    if (!this.owns(path)) throw new AppError('INVALID', `${path} is not the folder of a volume`);
    await mkdir(path, { recursive: true });
    await chmod(path, 0o777);
  }

  /** Takes a volume's folder away at once. Throws CONFLICT for a leader of the past; no error when it is gone. */
  async discard(path: string): Promise<void> {
    if (!this.owns(path)) throw new AppError('INVALID', `${path} is not the folder of a volume`);
    const name = relative(this.root, path).replaceAll('/', '_');
    try {
      await rename(path, join(this.mine, `${Date.now()}-${name}`));
    } catch (error) {
      ignoreMissing(error);
      const isOurs = await exists(this.mine);
      if (!isOurs) throw new AppError('CONFLICT', 'Another worker has taken over the volumes');
    }
    // Of an app or team that has no other volume; one that has stays, as rmdir of a full folder fails.
    await removeEmpty(join(path, '..'));
    await removeEmpty(join(path, '../..'));
  }

  /** Erases what lies in the trash for longer; answers how many folders it erased. */
  async erase(olderThanMs: number): Promise<number> {
    let erased = 0;
    for (const name of await readdir(this.mine).catch(() => [])) {
      const path = join(this.mine, name);
      const at = name.startsWith('term-')
        ? (await stat(path).catch(() => undefined))?.ctimeMs
        : Number.parseInt(name, 10);
      if (at === undefined || Date.now() - at < olderThanMs) continue;
      await rm(path, { recursive: true, force: true });
      erased += 1;
    }
    return erased;
  }

  /** Paths of all volumes' folders. */
  async *list(): AsyncGenerator<string> {
    for (const team of await namesIn(this.root)) {
      for (const app of await namesIn(join(this.root, team))) {
        for (const volume of await namesIn(join(this.root, team, app))) {
          yield join(this.root, team, app, volume);
        }
      }
    }
  }

  /** True when the folder was made or moved so long ago; false when it is gone. */
  async isOlder(path: string, ms: number): Promise<boolean> {
    const found = await stat(path).catch(() => undefined);
    return found !== undefined && Date.now() - found.ctimeMs > ms;
  }

  private get mine(): string {
    return join(this.root, trash, String(this.token));
  }
}

async function namesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory() && safeName.test(entry.name)).map(({ name }) => name);
}

async function removeEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch(() => undefined);
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
