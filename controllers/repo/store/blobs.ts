import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { exists } from '@skyarc/lib/files';
import { DigestMeter, type Digests } from './digests.ts';

/** Whole files by their SHA-256. A file appears under its name only when it is complete and on disk. */
export class BlobStore {
  private readonly folder: string;
  private count = 0;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Opens the store; what an earlier process left unfinished is removed. */
  static async open(folder: string): Promise<BlobStore> {
    await rm(join(folder, 'partial'), { recursive: true, force: true });
    await mkdir(join(folder, 'partial'), { recursive: true, mode: 0o700 });
    return new BlobStore(folder);
  }

  pathOf(digest: string): string {
    return join(this.folder, 'sha256', digest.slice(0, 2), digest);
  }

  async has(digest: string): Promise<boolean> {
    return exists(this.pathOf(digest));
  }

  read(digest: string, range?: { readonly start: number; readonly end: number }): Readable {
    return createReadStream(this.pathOf(digest), range);
  }

  async remove(digest: string): Promise<void> {
    await rm(this.pathOf(digest), { force: true });
  }

  /** A place to write one file to; nothing of it stays unless it is kept. */
  async begin(expected?: Digests): Promise<PartialBlob> {
    this.count += 1;
    const path = join(this.folder, 'partial', String(this.count));
    return new PartialBlob(this, path, await open(path, 'wx', 0o600), expected);
  }

  /** Digests of all files, in folders of their first two characters. */
  async *list(): AsyncGenerator<string> {
    const root = join(this.folder, 'sha256');
    for (const folder of await readdir(root).catch(() => [])) yield* await readdir(join(root, folder));
  }
}

/** A file on its way in. */
export class PartialBlob {
  /** Where it is now. */
  path: string;
  size = 0;
  private isPlaced = false;
  private readonly store: BlobStore;
  private readonly file: FileHandle;
  private readonly meter: DigestMeter;

  constructor(store: BlobStore, path: string, file: FileHandle, expected?: Digests) {
    this.store = store;
    this.path = path;
    this.file = file;
    this.meter = new DigestMeter(expected);
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.meter.update(chunk);
    for (let done = 0; done < chunk.length;) {
      const { bytesWritten } = await this.file.write(chunk, done);
      done += bytesWritten;
    }
    this.size += chunk.length;
  }

  /** Says what it is, and why it is not what was expected, if so; it is on disk then. */
  async seal(): Promise<{ readonly digest: string; readonly mismatch: string | undefined }> {
    const { sha256, mismatch } = this.meter.end();
    if (mismatch === undefined) await this.file.sync();
    await this.file.close();
    return { digest: sha256, mismatch };
  }

  /** Gives a sealed file its name. */
  async place(digest: string): Promise<void> {
    const target = this.store.pathOf(digest);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    await rename(this.path, target);
    this.path = target;
    this.isPlaced = true;
  }

  /** Removes what has no name yet; no effect on what has. */
  async drop(): Promise<void> {
    await this.file.close().catch(() => undefined);
    if (!this.isPlaced) await rm(this.path, { force: true });
  }
}
