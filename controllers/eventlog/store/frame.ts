import { type Block, framesOf as decode, type StoredFrame } from '@skyarc/lib/log-block';

const decoded = new WeakMap<Block, readonly StoredFrame[]>();

/** Its lines, decoded once however many readers ask. */
export function framesOf(block: Block): readonly StoredFrame[] {
  let frames = decoded.get(block);
  if (!frames) decoded.set(block, (frames = decode(block)));
  return frames;
}
