import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createInflateRaw } from 'node:zlib';

/** One file of a zip, as its directory says. */
export interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly packedSize: number;
  readonly size: number;
  readonly offset: number;
}

const endMark = Buffer.from([0x50, 0x4b, 0x05, 0x06]);
const entrySignature = 0x02014b50;

/** A zip archive by its central directory (APPNOTE.TXT 4.3.12). Each method throws when the file is none. */
export class ZipDirectory {
  readonly entries: readonly ZipEntry[];
  /** The archive's own; git writes the commit there. */
  readonly comment: string;
  private readonly file: string;
  private readonly handle: FileHandle;

  private constructor(
    file: string,
    handle: FileHandle,
    { entries, comment }: Pick<ZipDirectory, 'entries' | 'comment'>,
  ) {
    this.file = file;
    this.handle = handle;
    this.entries = entries;
    this.comment = comment;
  }

  /** Does something with the archive while it is open. */
  static async use<T>(file: string, work: (zip: ZipDirectory) => Promise<T>): Promise<T> {
    const handle = await open(file, 'r');
    try {
      return await work(new ZipDirectory(file, handle, await readDirectory(handle)));
    } finally {
      await handle.close();
    }
  }

  /** What an entry unpacks to; ends with an error when that is more than the directory says. */
  async *read(entry: ZipEntry): AsyncGenerator<Buffer> {
    const header = await read(this.handle, entry.offset, 30);
    const start = entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
    if (entry.packedSize === 0) return;
    const packed = createReadStream(this.file, { start, end: start + entry.packedSize - 1 });
    const content = entry.method === 0 ? packed : packed.pipe(createInflateRaw());
    packed.on('error', (error) => content.destroy(error));
    let size = 0;
    for await (const chunk of content as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > entry.size) throw new Error('longer than it says');
      yield chunk;
    }
  }
}

async function readDirectory(handle: FileHandle): Promise<Pick<ZipDirectory, 'entries' | 'comment'>> {
  const { size } = await handle.stat();
  const tail = await read(handle, Math.max(0, size - 65_557), Math.min(size, 65_557));
  const end = tail.lastIndexOf(endMark);
  if (end < 0) throw new Error('no directory');
  const count = tail.readUInt16LE(end + 10);
  const directory = await read(handle, tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12));
  const entries: ZipEntry[] = [];
  for (let at = 0; entries.length < count;) {
    if (directory.readUInt32LE(at) !== entrySignature) throw new Error('broken directory');
    const nameLength = directory.readUInt16LE(at + 28);
    entries.push({
      method: directory.readUInt16LE(at + 10),
      packedSize: directory.readUInt32LE(at + 20),
      size: directory.readUInt32LE(at + 24),
      offset: directory.readUInt32LE(at + 42),
      name: directory.toString('utf8', at + 46, at + 46 + nameLength),
    });
    at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return { entries, comment: tail.toString('latin1', end + 22, end + 22 + tail.readUInt16LE(end + 20)) };
}

/** Not more than there is: what a directory says of lengths may be a lie. */
async function read(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  if (position + length > (await handle.stat()).size) throw new Error('too short');
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
  if (bytesRead !== length) throw new Error('too short');
  return buffer;
}
