import { createHash, type Hash } from 'node:crypto';
import { constants, createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, lstat, open, readlink, rename, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError } from '@skyarc/lib/errors';
import { pack, type Pack } from 'tar-stream';
import { gzip, inPieces } from './gzip.ts';
import { type TreeEntry, walk } from './walk.ts';

/** Media types of OCI image-spec 1.1. */
export const mediaTypes = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  index: 'application/vnd.oci.image.index.v1+json',
} as const;

export interface Descriptor {
  readonly mediaType: string;
  /** `sha256:<hex>` of the bytes as stored. */
  readonly digest: string;
  readonly size: number;
}

/** A compressed layer; `diffId` is the digest of its tar before compression. */
export interface Layer extends Descriptor {
  readonly diffId: string;
}

export interface WriteLayerOptions {
  /** What goes in: a folder, or a tar file that is only compressed. */
  readonly from: { readonly folder: string } | { readonly tar: string };
  /** Where the compressed layer is written; appears whole or not at all. */
  readonly to: string;
  /** Place of the folder within the image, without a leading "/"; the root when absent. */
  readonly prefix?: string;
  /** Paths relative to the folder that stay out. */
  readonly exclude?: (path: string) => boolean;
  /** Owner of everything; modes are then 755 and 644. Absent: owners and modes as they are. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Modification time of everything, seconds since 1970. */
  readonly mtimeSec?: number;
  /** All files together, as they are read: one with holes, or many names of one, can be more than their disk has. */
  readonly limitBytes?: number;
  readonly signal?: AbortSignal;
}

/** What tar-stream takes; its types ask for more than it needs. */
type EntryHeader = Parameters<Pack['entry']>[0];

/** zip and others know no time before 1980. */
const defaultMtimeSec = 315_619_200;

export function digestOf(bytes: Buffer | string): string {
  return named(createHash('sha256').update(bytes));
}

function named(hash: Hash): string {
  return `sha256:${hash.digest('hex')}`;
}

/**
 * Writes a gzip layer; equal content and options give equal bytes, on any machine. Throws INVALID when there is more
 * than the limit.
 */
export async function writeLayer(options: WriteLayerOptions): Promise<Layer> {
  const { from, to, signal } = options;
  const partial = join(dirname(to), `.${basename(to)}.partial`);
  const tar = 'tar' in from ? createReadStream(from.tar) : packFolder(from.folder, options);
  const diff = createHash('sha256');
  const whole = createHash('sha256');
  await pipeline(tar, inPieces, tap(diff), gzip, tap(whole), createWriteStream(partial), { signal });
  await rename(partial, to);
  const { size } = await stat(to);
  return { mediaType: mediaTypes.layer, digest: named(whole), size, diffId: named(diff) };
}

/** Hashes what passes. */
const tap = (hash: Hash) =>
  async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
  };

function packFolder(folder: string, options: WriteLayerOptions): Readable {
  const tar = pack();
  const fill = async () => {
    if (!(await lstat(folder)).isDirectory()) throw new Error(`${folder} is not a folder`);
    const prefix = options.prefix ? `${options.prefix}/` : '';
    for (const parent of parentsOf(prefix)) {
      tar.entry({ ...common(options), name: parent, type: 'directory', mode: 0o755 });
    }
    let left = options.limitBytes ?? Infinity;
    const begun: Begun[] = [];
    const addNext = () => addEntry(tar, prefix, begun.shift() as Begun, options);
    for await (const entry of walk(folder, options.exclude)) {
      if (entry.stats.isFile()) left -= entry.stats.size;
      if (left < 0) throw tooLarge(entry, options.limitBytes ?? 0);
      begun.push(begin(entry));
      if (begun.length > readAhead) await addNext();
    }
    while (begun.length > 0) await addNext();
    tar.finalize();
  };
  fill().catch((error: Error) => tar.destroy(error));
  return Readable.from(tar);
}

/** Files whose reading has begun while earlier ones are packed: one after the other each waits for the disk. */
const readAhead = 16;
const maxAheadBytes = 128 << 10;

interface Begun {
  readonly entry: TreeEntry;
  /** Of a small file. */
  readonly content: Promise<Buffer> | null;
}

function begin(entry: TreeEntry): Begun {
  const { stats, absolute } = entry;
  const content = stats.isFile() && stats.size <= maxAheadBytes ? readRegular(absolute) : null;
  content?.catch(() => undefined);
  return { entry, content };
}

function tooLarge({ path, stats }: TreeEntry, limitBytes: number): AppError {
  return new AppError(
    'INVALID',
    `The files are more than the limit of ${megabytes(limitBytes)}: "${path.slice(0, 200)}" has ${megabytes(stats.size)}`,
  );
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

/** "opt/venv/" has the parents "opt/" and "opt/venv/". */
function parentsOf(prefix: string): string[] {
  const names = prefix.split('/').filter(Boolean);
  return names.map((_, index) => `${names.slice(0, index + 1).join('/')}/`);
}

function common(options: WriteLayerOptions): { mtime: Date; uid: number; gid: number } {
  return {
    mtime: new Date((options.mtimeSec ?? defaultMtimeSec) * 1000),
    uid: options.owner?.uid ?? 0,
    gid: options.owner?.gid ?? 0,
  };
}

async function addEntry(tar: Pack, prefix: string, { entry, content }: Begun, options: WriteLayerOptions) {
  const { stats, absolute } = entry;
  const name = prefix + entry.path;
  const base: EntryHeader = options.owner
    ? { ...common(options), name, mode: stats.isDirectory() || stats.mode & 0o100 ? 0o755 : 0o644 }
    : { ...common(options), name, mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid };
  if (stats.isDirectory()) {
    tar.entry({ ...base, name: `${name}/`, type: 'directory' });
  } else if (stats.isSymbolicLink()) {
    tar.entry({ ...base, type: 'symlink', mode: 0o777, linkname: await readlink(absolute) });
  } else if (stats.isFile()) {
    const header: EntryHeader = { ...base, type: 'file', size: stats.size };
    if (content) tar.entry(header, await content);
    else await addFile(tar, absolute, header);
  } else if (stats.isCharacterDevice() && stats.rdev === 0) {
    // An overlay's whiteout becomes a layer's (image-spec, layer.md).
    tar.entry({ ...base, name: join(dirname(name), `.wh.${basename(name)}`), type: 'file', mode: 0o644 }, '');
  }
}

async function readRegular(path: string): Promise<Buffer> {
  const file = await openRegular(path);
  try {
    return await file.readFile();
  } finally {
    await file.close();
  }
}

async function addFile(tar: Pack, path: string, header: EntryHeader): Promise<void> {
  const file = await openRegular(path);
  try {
    await pipeline(file.createReadStream({ autoClose: false }), tar.entry(header));
  } finally {
    await file.close();
  }
}

function openRegular(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
}
