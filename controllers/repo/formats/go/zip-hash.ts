import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { createInflateRaw } from 'node:zlib';
import { sha256Of } from '../../store/digests.ts';

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly packedSize: number;
  readonly size: number;
  readonly offset: number;
}

const endSignature = 0x06054b50;
const entrySignature = 0x02014b50;
/** Go's own limit on what a module's zip unpacks to. */
const limitBytes = 500 << 20;

/** The `h1:` hash of a go.mod (golang.org/x/mod/sumdb/dirhash). */
export async function hashGoMod(file: string): Promise<string> {
  return hashOf([['go.mod', sha256Of(await readFile(file))]]);
}

/** The `h1:` hash of a module's zip. Throws when it is not a zip archive or unpacks to more than a module may. */
export async function hashZip(file: string): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const entries = (await readDirectory(handle)).filter(({ name }) => !name.endsWith('/'));
    if (entries.reduce((sum, { size }) => sum + size, 0) > limitBytes) throw new Error('too large');
    const hashes: [string, string][] = [];
    for (const entry of entries) hashes.push([entry.name, await hashEntry(file, handle, entry)]);
    return hashOf(hashes);
  } finally {
    await handle.close();
  }
}

function hashOf(files: readonly (readonly [name: string, hash: string])[]): string {
  const lines = files.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, one]) => `${one}  ${name}\n`);
  return `h1:${createHash('sha256').update(lines.join('')).digest('base64')}`;
}

/** Entries by the central directory (APPNOTE.TXT 4.3.12). */
async function readDirectory(handle: FileHandle): Promise<Entry[]> {
  const { size } = await handle.stat();
  const tail = await read(handle, Math.max(0, size - 65_557), Math.min(size, 65_557));
  const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0 || tail.readUInt32LE(end) !== endSignature) throw new Error('no directory');
  const count = tail.readUInt16LE(end + 10);
  const directory = await read(handle, tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12));
  const entries: Entry[] = [];
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
  return entries;
}

async function hashEntry(file: string, handle: FileHandle, entry: Entry): Promise<string> {
  const header = await read(handle, entry.offset, 30);
  const start = entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const hash = createHash('sha256');
  if (entry.packedSize === 0) return hash.digest('hex');
  const packed = createReadStream(file, { start, end: start + entry.packedSize - 1 });
  const content = entry.method === 0 ? packed : packed.pipe(createInflateRaw());
  packed.on('error', (error) => content.destroy(error));
  let size = 0;
  for await (const chunk of content as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > entry.size) throw new Error('longer than it says');
    hash.update(chunk);
  }
  return hash.digest('hex');
}

async function read(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
  if (bytesRead !== length) throw new Error('too short');
  return buffer;
}
