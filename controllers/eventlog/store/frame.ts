import type { Block } from '@skyarc/lib/log-block';
import { Records } from '@skyarc/lib/log-block';

/** A line as it is given to readers. */
export interface StoredFrame {
  readonly sequence: number;
  readonly timeMs: number;
  readonly line: string;
  readonly source: string;
  readonly level: string;
  readonly channel: string;
  readonly producer: string;
  readonly producerSeq: number;
}

const decoded = new WeakMap<Block, readonly StoredFrame[]>();

/** Its lines, decoded once however many readers ask. */
export function framesOf(block: Block): readonly StoredFrame[] {
  let frames = decoded.get(block);
  if (!frames) decoded.set(block, (frames = decode(block)));
  return frames;
}

function decode(block: Block): StoredFrame[] {
  const frames: StoredFrame[] = [];
  const { origins, first, text } = block;
  for (const records = new Records(block); records.next();) {
    const { ordinal, timeMs, producerSeq, origin, start, end } = records;
    const line = text.toString('utf8', start, end);
    frames.push({
      sequence: first + ordinal,
      timeMs,
      line,
      ...(origins[origin] as (typeof origins)[number]),
      producerSeq,
    });
  }
  return frames;
}
