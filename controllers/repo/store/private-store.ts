import type { Readable } from 'node:stream';
import { AppError } from '@skyarc/lib/errors';
import type { RepoMetrics } from '../metrics.ts';
import type { BlobStore, PartialBlob } from './blobs.ts';
import type { FileCache } from './cache.ts';
import type { Catalogue, FileRecord } from './catalogue.ts';
import type { Digests } from './digests.ts';

export interface Publication {
  readonly team: string;
  readonly format: string;
  readonly name: string;
  readonly path: string;
  readonly type: string;
  /** What the publisher says it is. */
  readonly digests?: Digests;
  readonly limitBytes: number;
  /** False: what was published stays as it is. */
  readonly mayReplace: boolean;
}

/** Files that teams published: only their own team finds them, and nothing drops them. */
export class PrivateStore {
  private readonly blobs: BlobStore;
  private readonly catalogue: Catalogue;
  private readonly cache: FileCache;
  private readonly metrics: RepoMetrics;

  constructor(parts: {
    readonly blobs: BlobStore;
    readonly catalogue: Catalogue;
    readonly cache: FileCache;
    readonly metrics: RepoMetrics;
  }) {
    this.blobs = parts.blobs;
    this.catalogue = parts.catalogue;
    this.cache = parts.cache;
    this.metrics = parts.metrics;
  }

  find(team: string, format: string, path: string): FileRecord | null {
    return this.catalogue.find(`${team}/${format}/${path}`);
  }

  list(team: string, format: string, prefix: string): FileRecord[] {
    return this.catalogue.listPrivate(team, format, prefix);
  }

  has(team: string, format: string, prefix: string): boolean {
    return this.catalogue.listPrivate(team, format, prefix, 1).length > 0;
  }

  read(record: FileRecord): Readable {
    return this.blobs.read(record.digest);
  }

  /** Takes a file in; throws CONFLICT when it is there with another content, INVALID when it is not what it should be. */
  async publish(publication: Publication, body: AsyncIterable<Uint8Array>): Promise<FileRecord> {
    const { team, format, name, path, type, digests, limitBytes } = publication;
    const partial = await this.blobs.begin(digests);
    try {
      for await (const chunk of body) {
        if (partial.size + chunk.length > limitBytes)
          throw new AppError('EXHAUSTED', `Cannot publish ${path}: it has more than ${limitBytes} bytes`);
        await partial.write(chunk);
      }
      const { digest, mismatch } = await partial.seal();
      if (mismatch !== undefined) throw new AppError('INVALID', `Cannot publish ${path}: ${mismatch}`);
      const record: FileRecord = {
        key: `${team}/${format}/${path}`,
        format,
        team,
        name,
        path,
        digest,
        size: partial.size,
        type,
        etag: '',
        checkedAt: Date.now(),
      };
      return await this.keep(partial, record, publication.mayReplace);
    } finally {
      await partial.drop();
    }
  }

  /** True when there was such a file. */
  async remove(team: string, format: string, path: string): Promise<boolean> {
    const record = this.find(team, format, path);
    if (!record) return false;
    await this.cache.exclusively(() => this.drop(record));
    return true;
  }

  private keep(partial: PartialBlob, record: FileRecord, mayReplace: boolean): Promise<FileRecord> {
    return this.cache.exclusively(async () => {
      const earlier = this.catalogue.find(record.key);
      if (earlier?.digest === record.digest) return earlier;
      if (earlier && !mayReplace)
        throw new AppError(
          'CONFLICT',
          `Cannot publish ${record.path}: it is published already; use another version`,
        );
      if (earlier) await this.drop(earlier);
      await partial.place(record.digest);
      this.catalogue.put(record);
      this.metrics.count(record.format, 'published');
      return record;
    });
  }

  private async drop(record: FileRecord): Promise<void> {
    this.catalogue.forget(record.key);
    if (!this.catalogue.hasDigest(record.digest)) await this.blobs.remove(record.digest);
  }
}
