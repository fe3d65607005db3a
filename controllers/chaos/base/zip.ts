import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import { AppError } from '@skyarc/lib/errors';

const inflate = promisify(inflateRaw);

export interface ZipEntry {
  readonly name: string;
  /** 0 stored, 8 deflated; others cannot be read. */
  readonly method: number;
  readonly crc: number;
  readonly storedSize: number;
  readonly size: number;
  /** Of its local header. */
  readonly offset: number;
}

const endMark = 0x06054b50;
const end64Mark = 0x06064b50;
const entryMark = 0x02014b50;
const localMark = 0x04034b50;
const largestDirectory = 256 << 20;
const largestEntry = 1 << 30;
/** Entries that are unpacked beside each other. */
const mostAtOnce = 16;
const mostBytesAtOnce = 32 << 20;

/** A zip file, as jars, wars and Go modules are (APPNOTE.TXT 6.3.10); nothing in it is trusted. */
export class ZipFile implements AsyncDisposable {
  /** The last of each name wins, as for Java. */
  readonly entries: ReadonlyMap<string, ZipEntry>;
  private readonly file: FileHandle;

  private constructor(file: FileHandle, entries: ReadonlyMap<string, ZipEntry>) {
    this.file = file;
    this.entries = entries;
  }

  /** Throws INVALID when it is not a zip file. */
  static async open(path: string): Promise<ZipFile> {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      return new ZipFile(file, await readDirectory(file));
    } catch (error) {
      await file.close();
      if (error instanceof RangeError) throw broken(error);
      throw error;
    }
  }

  /** Throws INVALID when it is damaged or larger than the limit. */
  async read(entry: ZipEntry, limitBytes = largestEntry): Promise<Buffer> {
    if (entry.size > limitBytes) throw broken(`${entry.name} is too large`);
    const stored = await this.readStored(entry);
    if (entry.method === 0) return stored;
    if (entry.method !== 8) throw broken(`${entry.name} is packed in an unusual way`);
    const options = { maxOutputLength: Math.max(entry.size, 1) };
    return inflate(stored, options).catch((error: unknown) => Promise.reject(broken(error)));
  }

  /** The bytes as they are packed. */
  async readStored(entry: ZipEntry): Promise<Buffer> {
    const header = await readAt(this.file, entry.offset, 30);
    if (header.readUInt32LE(0) !== localMark) throw broken('an entry is not where it should be');
    const start = entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
    return readAt(this.file, start, entry.storedSize);
  }

  /**
   * Writes the files into a folder that nobody else writes to. `place` answers a file's path in it, or null
   * to leave it out. Throws INVALID for a path that leads out.
   */
  async extract(folder: string, place: (name: string) => string | null = (name) => name): Promise<void> {
    const made = new Set<string>();
    const begun: Promise<void>[] = [];
    let begunBytes = 0;
    for (const entry of this.entries.values()) {
      if (entry.name.endsWith('/')) continue;
      const path = place(entry.name);
      if (path === null) continue;
      if (!isInside(path)) {
        await Promise.allSettled(begun);
        throw broken(`"${path.slice(0, 100)}" leads out of it`);
      }
      const target = join(folder, path);
      if (!made.has(dirname(target))) await mkdir(dirname(target), { recursive: true });
      made.add(dirname(target));
      if (begun.length === mostAtOnce || begunBytes + entry.size > mostBytesAtOnce) {
        await allOf(begun.splice(0));
        begunBytes = 0;
      }
      const writing = this.read(entry).then((bytes) => writeFile(target, bytes, { mode: 0o644 }));
      writing.catch(() => undefined);
      begun.push(writing);
      begunBytes += entry.size;
    }
    await allOf(begun);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.file.close();
  }
}

/** Nothing of them is left under way when one of them has failed. */
async function allOf(begun: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(begun);
  await Promise.all(begun);
}

function isInside(path: string): boolean {
  const parts = path.split('/');
  return !/[\0\\]/.test(path) && !parts.some((part) => part === '' || part === '.' || part === '..');
}

function broken(reason: unknown): AppError {
  const text = reason instanceof Error ? reason.message : String(reason);
  return new AppError('INVALID', `The archive is damaged: ${text}`, { cause: reason });
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  if (length > largestEntry || position < 0) throw broken('a length in it makes no sense');
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  if (bytesRead !== length) throw broken('it ends too early');
  return buffer;
}

async function readDirectory(file: FileHandle): Promise<Map<string, ZipEntry>> {
  const stats = await file.stat();
  if (!stats.isFile()) throw broken('it is not a file');
  const tailSize = Math.min(stats.size, 65_557);
  const tail = await readAt(file, stats.size - tailSize, tailSize);
  let at = tail.length - 22;
  while (at >= 0 && tail.readUInt32LE(at) !== endMark) at -= 1;
  if (at < 0) throw broken('it is not a zip file');
  let size = tail.readUInt32LE(at + 12);
  let offset = tail.readUInt32LE(at + 16);
  let end = stats.size - tailSize + at;
  if (offset === 0xffff_ffff || tail.readUInt16LE(at + 10) === 0xffff) {
    const large = await readAt(file, Number(tail.readBigUInt64LE(at - 12)), 56);
    if (large.readUInt32LE(0) !== end64Mark) throw broken('its directory is not where it should be');
    size = Number(large.readBigUInt64LE(40));
    offset = Number(large.readBigUInt64LE(48));
    end = offset + size;
  }
  if (size > largestDirectory) throw broken('its directory is too large');
  // A script may stand before the first entry: all offsets are then counted from behind it.
  const shift = end - size - offset;
  return parseDirectory(await readAt(file, end - size, size), shift);
}

function parseDirectory(bytes: Buffer, shift: number): Map<string, ZipEntry> {
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  while (at < bytes.length) {
    if (bytes.readUInt32LE(at) !== entryMark) throw broken('its directory is not in order');
    const lengths = [28, 30, 32].map((place) => bytes.readUInt16LE(at + place)) as [number, number, number];
    const name = bytes.toString('utf8', at + 46, at + 46 + lengths[0]);
    const entry = {
      name,
      method: bytes.readUInt16LE(at + 10),
      crc: bytes.readUInt32LE(at + 16),
      storedSize: bytes.readUInt32LE(at + 20),
      size: bytes.readUInt32LE(at + 24),
      offset: bytes.readUInt32LE(at + 42) + shift,
    };
    entries.delete(name);
    entries.set(name, entry);
    at += 46 + lengths[0] + lengths[1] + lengths[2];
  }
  return entries;
}

/** A file for `writeZip`: packed already, as `readStored` gives it. */
export interface PackedFile extends Pick<ZipEntry, 'name' | 'method' | 'crc' | 'size'> {
  readonly bytes: Buffer;
}

/** Writes a new zip file of files in this order, all of the same time: equal files give equal bytes. */
export async function writeZip(path: string, files: readonly PackedFile[]): Promise<void> {
  if (files.length > 0xfffe) throw new AppError('INVALID', 'The archive has too many files');
  const file = await open(path, 'wx', 0o644);
  try {
    const directory: Buffer[] = [];
    let offset = 0;
    const write = async (bytes: Buffer) => {
      await file.write(bytes);
      offset += bytes.length;
    };
    for (const entry of files) {
      const name = Buffer.from(entry.name);
      directory.push(headerOf(entry, name, offset), name);
      await write(headerOf(entry, name, null));
      await write(name);
      await write(entry.bytes);
    }
    const table = Buffer.concat(directory);
    const end = Buffer.alloc(22);
    end.writeUInt32LE(endMark, 0);
    end.writeUInt16LE(files.length, 8);
    end.writeUInt16LE(files.length, 10);
    end.writeUInt32LE(table.length, 12);
    end.writeUInt32LE(offset, 16);
    await write(table);
    await write(end);
  } finally {
    await file.close();
  }
}

/** 1 January 1980, the first day that zip knows. */
const firstDay = 0x21;

/** A local header, or with an offset the directory's. */
function headerOf(entry: PackedFile, name: Buffer, offset: number | null): Buffer {
  const shift = offset === null ? 0 : 2;
  const header = Buffer.alloc(offset === null ? 30 : 46);
  header.writeUInt32LE(offset === null ? localMark : entryMark, 0);
  if (offset !== null) header.writeUInt16LE(20, 4);
  header.writeUInt16LE(20, 4 + shift);
  header.writeUInt16LE(0x0800, 6 + shift);
  header.writeUInt16LE(entry.method, 8 + shift);
  header.writeUInt16LE(firstDay, 12 + shift);
  header.writeUInt32LE(entry.crc, 14 + shift);
  header.writeUInt32LE(entry.bytes.length, 18 + shift);
  header.writeUInt32LE(entry.size, 22 + shift);
  header.writeUInt16LE(name.length, 26 + shift);
  if (offset !== null) header.writeUInt32LE(offset, 42);
  return header;
}
