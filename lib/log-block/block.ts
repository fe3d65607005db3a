import { crc32, zstdDecompressSync } from 'node:zlib';
import { AppError } from '@skyarc/lib/errors';
import { compress } from './compress.ts';

/** Who wrote a line and as what. */
export interface Origin {
  /** Empty: its lines are not checked for repeats. */
  readonly producer: string;
  readonly source: string;
  readonly level: string;
  readonly channel: string;
}

/** Producers and the position of the last line of each. */
export type Positions = ReadonlyMap<string, number>;

interface OriginsPart {
  readonly origins: readonly (readonly [string, string, string, string])[];
  readonly positions?: Readonly<Record<string, number>>;
}

export const headBytes = 64;
export const maxLineBytes = 64 * 1024;
/** Larger ones are refused, whatever they claim. */
export const maxBlockBytes = 16 << 20;

const magic = 0x314b_4c53;
const packedFlag = 1;

/** Parts of a block that `assemble` puts together. */
export interface BlockParts {
  readonly first: number;
  readonly count: number;
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
  readonly origins: readonly Origin[];
  readonly positions?: Positions;
  readonly index: Buffer;
  readonly text: Buffer;
}

/** What can be known of a block without its lines. */
export interface BlockHead {
  readonly size: number;
  readonly first: number;
  readonly count: number;
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
  /** Of its lines, unpacked. */
  readonly textBytes: number;
}

/** A view of a block's bytes; nothing is copied or decoded until it is asked for. */
export class Block {
  readonly data: Buffer;
  private known: OriginsPart | undefined;
  private unpackedBody: Buffer | undefined;

  private constructor(data: Buffer) {
    this.data = data;
  }

  /** The block that begins at the offset, null when it is torn or changed. */
  static tryParse(data: Buffer, offset = 0): Block | null {
    const size = sizeAt(data, offset);
    if (size === null || offset + size > data.length) return null;
    const block = new Block(data.subarray(offset, offset + size));
    if (block.textOffset > size || (!block.isPacked && block.textOffset + block.textBytes !== size))
      return null;
    return block.isWhole ? block : null;
  }

  /** What a head alone says; null when these bytes are none. */
  static headOf(head: Buffer): BlockHead | null {
    const size = sizeAt(head, 0);
    return size === null ? null : { ...presentHead(new Block(head)), size };
  }

  static assemble(parts: BlockParts): Block {
    const origins = Buffer.from(JSON.stringify(presentOrigins(parts)));
    const { index, text } = parts;
    const data = Buffer.allocUnsafe(headBytes + origins.length + index.length + text.length);
    writeHead(data, {
      ...parts,
      originsBytes: origins.length,
      indexBytes: index.length,
      textBytes: text.length,
    });
    let at = headBytes;
    for (const part of [origins, index, text]) at += part.copy(data, at);
    const block = new Block(data);
    block.seal();
    return block;
  }

  get head(): BlockHead {
    return presentHead(this);
  }

  get size(): number {
    return this.data.length;
  }

  get isPacked(): boolean {
    return (this.data.readUInt8(12) & packedFlag) !== 0;
  }

  get first(): number {
    return this.data.readDoubleLE(16);
  }

  get count(): number {
    return this.data.readUInt32LE(24);
  }

  get last(): number {
    return this.first + this.count - 1;
  }

  get minTimeMs(): number {
    return this.data.readDoubleLE(40);
  }

  get maxTimeMs(): number {
    return this.data.readDoubleLE(48);
  }

  get origins(): readonly Origin[] {
    return this.originsPart.origins.map(([producer, source, level, channel]) => ({
      producer,
      source,
      level,
      channel,
    }));
  }

  /** As they were stored with it; empty for one that was not. */
  get positions(): Positions {
    return new Map(Object.entries(this.originsPart.positions ?? {}));
  }

  get textBytes(): number {
    return this.data.readUInt32LE(36);
  }

  /** Lengths and places of its lines, see `Records`. */
  get index(): Buffer {
    return this.body.subarray(0, this.indexBytes);
  }

  /** All lines, each with a newline behind it. */
  get text(): Buffer {
    return this.body.subarray(this.indexBytes);
  }

  get isWhole(): boolean {
    return crc32(this.data.subarray(12)) === this.data.readUInt32LE(8);
  }

  /** Gives its lines their sequences; changes the bytes in place. */
  stamp(first: number): void {
    this.data.writeDoubleLE(first, 16);
    this.seal();
  }

  /** The same in memory of its own. */
  copied(): Block {
    return new Block(Buffer.from(this.data));
  }

  /** The same lines compressed, or itself when that does not help; reads of the new one are as fast until `forget`. */
  async packed(level: number): Promise<Block> {
    if (this.isPacked) return this;
    const bodyAt = headBytes + this.originsBytes;
    const body = this.data.subarray(bodyAt);
    const small = await compress(body, level);
    if (small.length >= body.length) return this;
    const block = new Block(Buffer.concat([this.data.subarray(0, bodyAt), small]));
    block.data.writeUInt32LE(block.size, 4);
    block.data.writeUInt8(packedFlag, 12);
    block.seal();
    block.unpackedBody = body;
    return block;
  }

  /** Lets go of what was unpacked; it is unpacked again when asked for. */
  forget(): void {
    this.unpackedBody = undefined;
  }

  /**
   * Index and text. Unpacking one costs less in place than another thread's answer: about 0.2 ms for 256 KiB.
   * Throws INTERNAL for a packed part that does not match its head.
   */
  private get body(): Buffer {
    const packed = this.data.subarray(headBytes + this.originsBytes);
    if (!this.isPacked) return packed;
    if (!this.unpackedBody) {
      const length = this.indexBytes + this.textBytes;
      // One byte more than it needs: with a full buffer Node would ask once again, into a new one.
      const chunkSize = Math.max(length + 1, 1024);
      const body = zstdDecompressSync(packed, { chunkSize, maxOutputLength: chunkSize });
      if (body.length !== length) throw new AppError('INTERNAL', 'A block is damaged');
      this.unpackedBody = body;
    }
    return this.unpackedBody;
  }

  private get originsPart(): OriginsPart {
    return (this.known ??= readOrigins(this.data.subarray(headBytes, headBytes + this.originsBytes)));
  }

  private get originsBytes(): number {
    return this.data.readUInt32LE(28);
  }

  private get indexBytes(): number {
    return this.data.readUInt32LE(32);
  }

  private get textOffset(): number {
    return headBytes + this.originsBytes + (this.isPacked ? 0 : this.indexBytes);
  }

  private seal(): void {
    this.data.writeUInt32LE(crc32(this.data.subarray(12)), 8);
  }
}

/** Size of the block whose head is at the offset; null when there is none. */
export function sizeAt(data: Buffer, offset: number): number | null {
  if (offset + headBytes > data.length || data.readUInt32LE(offset) !== magic) return null;
  const size = data.readUInt32LE(offset + 4);
  return size >= headBytes && size <= maxBlockBytes ? size : null;
}

function presentHead({ size, first, count, minTimeMs, maxTimeMs, textBytes }: Block): BlockHead {
  return { size, first, count, minTimeMs, maxTimeMs, textBytes };
}

function writeHead(
  data: Buffer,
  head: Pick<BlockParts, 'first' | 'count' | 'minTimeMs' | 'maxTimeMs'> & {
    originsBytes: number;
    indexBytes: number;
    textBytes: number;
  },
): void {
  data.fill(0, 0, headBytes);
  data.writeUInt32LE(magic, 0);
  data.writeUInt32LE(data.length, 4);
  data.writeDoubleLE(head.first, 16);
  data.writeUInt32LE(head.count, 24);
  data.writeUInt32LE(head.originsBytes, 28);
  data.writeUInt32LE(head.indexBytes, 32);
  data.writeUInt32LE(head.textBytes, 36);
  data.writeDoubleLE(head.minTimeMs, 40);
  data.writeDoubleLE(head.maxTimeMs, 48);
}

function presentOrigins({ origins, positions }: BlockParts): OriginsPart {
  return {
    origins: origins.map(({ producer, source, level, channel }) => [producer, source, level, channel]),
    ...(positions && positions.size > 0 ? { positions: Object.fromEntries(positions) } : {}),
  };
}

function readOrigins(data: Buffer): OriginsPart {
  const part = JSON.parse(data.toString('utf8')) as Partial<OriginsPart>;
  const isGood =
    Array.isArray(part.origins) &&
    part.origins.every(
      (origin) =>
        Array.isArray(origin) && origin.length === 4 && origin.every((text) => typeof text === 'string'),
    );
  if (!isGood) throw new AppError('INVALID', 'A block has no readable origins');
  return part as OriginsPart;
}
