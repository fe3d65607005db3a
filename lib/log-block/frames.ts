import { AppError } from '@skyarc/lib/errors';
import { Block, maxLineBytes, type Origin } from './block.ts';
import { BlockBuilder } from './builder.ts';
import { Records } from './records.ts';

/** A line as it is given to readers. */
export interface StoredFrame extends Origin {
  readonly sequence: number;
  /** Milliseconds since 1970 UTC. */
  readonly timeMs: number;
  readonly line: string;
  readonly producerSeq: number;
}

/** Sequences of the first and the last line that is meant. */
export interface Bounds {
  readonly first: number;
  readonly last: number;
}

const unbounded: Bounds = { first: 0, last: Number.POSITIVE_INFINITY };

/** Lines of a block as text, ascending. */
export function framesOf(block: Block, { first, last }: Bounds = unbounded): StoredFrame[] {
  const frames: StoredFrame[] = [];
  const { origins, text } = block;
  for (const records = new Records(block); records.next();) {
    const { ordinal, timeMs, producerSeq, origin, start, end } = records;
    const sequence = block.first + ordinal;
    if (sequence < first) continue;
    if (sequence > last) break;
    const { producer, source, level, channel } = origins[origin] as Origin;
    const line = text.toString('utf8', start, end);
    frames.push({ sequence, timeMs, line, source, level, channel, producer, producerSeq });
  }
  return frames;
}

/** Lines as blocks one after the other, each of lines whose sequences have no hole between them. */
export function encodeFrames(frames: readonly StoredFrame[]): Buffer {
  const blocks: Buffer[] = [];
  for (let from = 0, at = 1; at <= frames.length; at += 1) {
    if (frames[at]?.sequence === (frames[at - 1] as StoredFrame).sequence + 1) continue;
    blocks.push(blockOf(frames.slice(from, at)).data);
    from = at;
  }
  return blocks.length === 1 ? (blocks[0] as Buffer) : Buffer.concat(blocks);
}

/** Lines of blocks that lie one after the other. Throws INTERNAL when there is anything else. */
export function decodeFrames(data: Uint8Array, bounds?: Bounds): StoredFrame[] {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const parts: StoredFrame[][] = [];
  for (let at = 0; at < bytes.length;) {
    const block = Block.tryParse(bytes, at);
    if (!block) throw new AppError('INTERNAL', 'Lines arrived damaged');
    parts.push(framesOf(block, bounds));
    at += block.size;
  }
  return parts.length === 1 ? (parts[0] as StoredFrame[]) : parts.flat();
}

function blockOf(frames: readonly StoredFrame[]): Block {
  const builder = new BlockBuilder(frames.reduce((sum, { line }) => sum + line.length + 1, 0));
  for (const frame of frames) {
    const { line, timeMs, producerSeq } = frame;
    const placed = { origin: frame, timeMs, producerSeq };
    // Bytes that are no UTF-8 have become longer than a line may be; nothing is cut from what is stored.
    if (line.length * 3 > maxLineBytes) builder.addBytes(placed, Buffer.from(line));
    else builder.add(placed, line);
  }
  return builder.build(frames[0]?.sequence, new Map());
}
