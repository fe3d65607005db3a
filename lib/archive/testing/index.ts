import { crc32, deflateRawSync } from 'node:zlib';

export { type Gem, gemOf } from './gem.ts';

/** One file of a zip; everything that is not its text can be a lie. */
export interface ZipEntry {
  readonly name: string;
  readonly text?: string;
  readonly mode?: number;
  readonly flags?: number;
  readonly size?: number;
}

/** A zip of these files, path -> text. */
export function zipOf(files: Readonly<Record<string, string>>): Buffer {
  return zipOfEntries(...Object.entries(files).map(([name, text]) => ({ name, text })));
}

/** A zip by hand, so that it can be as bad as wanted (APPNOTE 4.3). */
export function zipOfEntries(...entries: readonly ZipEntry[]): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, text = '', mode = 0o100_644, flags = 0x800, size } of entries) {
    const content = Buffer.from(text);
    const packed = deflateRawSync(content);
    const head = Buffer.alloc(26);
    head.writeUInt16LE(20, 0);
    head.writeUInt16LE(flags, 2);
    head.writeUInt16LE(8, 4);
    head.writeUInt32LE(crc32(content), 10);
    head.writeUInt32LE(packed.length, 14);
    head.writeUInt32LE(size ?? content.length, 18);
    head.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), head, Buffer.from(name), packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((mode << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    central.push(Buffer.concat([Buffer.from('PK\x01\x02\x1e\x03'), head, tail, Buffer.from(name)]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, directory, Buffer.from('PK\x05\x06'), end]);
}
