import { type FileHandle, open, readdir, readFile, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { Block, BlockBuilder, type BlockHead, headBytes, type Positions } from '@skyarc/lib/log-block';
import { writeParts } from './files.ts';

/** Where a block lies in its file and what its head says: the offset index. */
export interface BlockPlace extends BlockHead {
  readonly offset: number;
}

/** A stream's file: an empty block that names the producers' positions, then blocks one after the other. */
export class Segment {
  readonly first: number;
  readonly path: string;
  bytes = 0;
  private places: BlockPlace[] | undefined;
  private file: FileHandle | undefined;

  constructor(folder: string, first: number) {
    this.first = first;
    this.path = join(folder, `${String(first).padStart(16, '0')}.seg`);
  }

  /** First sequences of a stream's files, ascending. */
  static async list(folder: string): Promise<number[]> {
    const names = await readdir(folder).catch(() => []);
    return names
      .flatMap((name) => (/^\d{16}\.seg$/.test(name) ? [Number.parseInt(name, 10)] : []))
      .toSorted((a, b) => a - b);
  }

  /** A new file; what has this name already is overwritten. */
  static async create(folder: string, first: number, positions: Positions): Promise<Segment> {
    const segment = new Segment(folder, first);
    segment.places = [];
    await using file = await open(segment.path, 'w', 0o600);
    const head = emptyBlock(first, positions);
    segment.bytes = await writeParts(file, [head.data], 0);
    return segment;
  }

  /** Reads all of it; answers its blocks' heads and cuts off a torn end, null when not even the first is whole. */
  async repair(onCut: (bytes: number) => void): Promise<readonly Block[] | null> {
    const data = await readFile(this.path);
    const blocks: Block[] = [];
    this.places = [];
    let at = 0;
    for (let block = Block.tryParse(data, 0); block; block = Block.tryParse(data, at)) {
      if (block.count > 0) this.places.push(placeOf(block, at));
      blocks.push(block);
      at += block.size;
    }
    if (at < data.length) {
      onCut(data.length - at);
      await truncate(this.path, at);
    }
    this.bytes = at;
    return blocks.length > 0 ? blocks : null;
  }

  /** Appends; a failed call may be repeated as it is. */
  async append(blocks: readonly Block[]): Promise<void> {
    this.file ??= await open(this.path, 'r+');
    let at = this.bytes;
    const added = blocks.map((block) => {
      const place = placeOf(block, at);
      at += block.size;
      return place;
    });
    await writeParts(
      this.file,
      blocks.map(({ data }) => data),
      this.bytes,
    );
    this.bytes = at;
    this.places = [...(this.places ?? []), ...added];
  }

  /** Makes everything appended so far durable. */
  async sync(): Promise<void> {
    if (this.file) return this.file.datasync();
    await using file = await open(this.path, 'r');
    await file.datasync();
  }

  /** Closes the file that was opened to append. */
  async close(): Promise<void> {
    const { file } = this;
    this.file = undefined;
    await file?.close();
  }

  async remove(): Promise<void> {
    await this.close();
    await rm(this.path, { force: true });
  }

  /** Its blocks' places, ascending; none when the file was dropped meanwhile. */
  async index(): Promise<readonly BlockPlace[]> {
    return (this.places ??= await this.readPlaces());
  }

  /** When its last line was written, milliseconds since 1970; 0 when it is gone. */
  async writtenAtMs(): Promise<number> {
    return (await stat(this.path).catch(() => null))?.mtimeMs ?? 0;
  }

  private async readPlaces(): Promise<BlockPlace[]> {
    const places: BlockPlace[] = [];
    try {
      // One read of a few MiB costs less than one of each head.
      const data = await readFile(this.path);
      for (let at = 0; at < data.length;) {
        const known = Block.headOf(data.subarray(at, at + headBytes));
        if (!known) break;
        if (known.count > 0) places.push({ ...known, offset: at });
        at += known.size;
      }
      this.bytes = data.length;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return places;
  }
}

/** The block at a place; null when the file was dropped meanwhile or the block is damaged. */
export async function readBlock(file: FileHandle, place: BlockPlace): Promise<Block | null> {
  const data = Buffer.allocUnsafeSlow(place.size);
  const { bytesRead } = await file.read(data, 0, place.size, place.offset);
  return bytesRead === place.size ? Block.tryParse(data) : null;
}

function placeOf(block: Block, offset: number): BlockPlace {
  return { ...block.head, offset };
}

function emptyBlock(first: number, positions: Positions): Block {
  return new BlockBuilder(0).build(first, positions);
}
