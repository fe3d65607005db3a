import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

const hexDigest = /^[0-9a-f]{64}$/;
const sha256 = /^sha256:([0-9a-f]{64})$/;

/** A file of the registry that names or is content, and when it was written. */
export interface StoredFile {
  readonly hex: string;
  readonly file: string;
  readonly sizeBytes: number;
  readonly writtenAt: number;
}

/**
 * The registry's folder as Distribution lays it out
 * (https://github.com/distribution/distribution/blob/v2.8.2/registry/storage/paths.go). Everything may vanish while it is read.
 */
export class RegistryStore {
  /** `<root>/docker/registry/v2`. */
  readonly folder: string;

  constructor(root: string) {
    this.folder = join(root, 'docker/registry/v2');
  }

  /** `<team>/<app>`, by name. */
  async repositories(): Promise<string[]> {
    const root = join(this.folder, 'repositories');
    const owners = await names(root);
    const found = await Promise.all(
      owners.map(async (owner) => (await names(join(root, owner))).map((name) => `${owner}/${name}`)),
    );
    return found.flat().filter((name) => /^[a-z0-9-]+\/[a-z0-9-]+$/.test(name));
  }

  blobFolder(hex: string): string {
    return join(this.folder, 'blobs/sha256', hex.slice(0, 2), hex);
  }

  layerFolder(repository: string, hex: string): string {
    return join(this.folder, 'repositories', repository, '_layers/sha256', hex);
  }

  /** Manifests of a repository, by when each was put last. */
  manifests(repository: string): Promise<StoredFile[]> {
    return this.links(join(this.folder, 'repositories', repository, '_manifests/revisions/sha256'));
  }

  /** Blobs that a repository may read. */
  layers(repository: string): Promise<StoredFile[]> {
    return this.links(join(this.folder, 'repositories', repository, '_layers/sha256'));
  }

  /** What the tags of a repository lead to. */
  async tags(repository: string): Promise<ReadonlyMap<string, string>> {
    const folder = join(this.folder, 'repositories', repository, '_manifests/tags');
    const pairs: (readonly [string, string])[] = [];
    for (const tag of await names(folder)) {
      const text = await readFile(join(folder, tag, 'current/link'), 'utf8').catch(() => '');
      const hex = sha256.exec(text.trim())?.[1];
      if (hex) pairs.push([tag, hex]);
    }
    return new Map(pairs);
  }

  /** All content of all repositories. */
  async *blobs(): AsyncGenerator<StoredFile> {
    const root = join(this.folder, 'blobs/sha256');
    for (const prefix of await names(root)) {
      for (const hex of await names(join(root, prefix))) {
        const found = hexDigest.test(hex) ? await this.findBlob(hex) : null;
        if (found) yield found;
      }
    }
  }

  async findBlob(hex: string): Promise<StoredFile | null> {
    return look(hex, join(this.blobFolder(hex), 'data'));
  }

  /** Digests that a manifest or index needs, itself among them; null when its content is not there. */
  async partsOf(hex: string): Promise<readonly string[] | null> {
    const text = await readFile(join(this.blobFolder(hex), 'data'), 'utf8').catch(() => null);
    return text === null ? null : [hex, ...digestsIn(text)];
  }

  private async links(folder: string): Promise<StoredFile[]> {
    const found = await Promise.all(
      (await names(folder))
        .filter((hex) => hexDigest.test(hex))
        .map((hex) => look(hex, join(folder, hex, 'link'))),
    );
    return found.filter((one) => one !== null);
  }
}

/** Names in a folder; none when it is not there. */
async function names(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
}

async function look(hex: string, file: string): Promise<StoredFile | null> {
  const found = await stat(file).catch(() => null);
  return found && { hex, file, sizeBytes: found.size, writtenAt: found.mtimeMs };
}

/** Every digest that the text names: of a manifest its config, layers and subject, of an index its manifests. */
function digestsIn(text: string): string[] {
  return [...text.matchAll(/"sha256:([0-9a-f]{64})"/g)].map((match) => match[1] as string);
}
