export { decodeBatch, encodeBatch, maxBatchBytes, type StreamBlock } from './batch.ts';
export {
  Block,
  headBytes,
  maxBlockBytes,
  maxLineBytes,
  type BlockHead,
  type Origin,
  type Positions,
} from './block.ts';
export { BlockBuilder, type BlockLine } from './builder.ts';
export { type Bounds, decodeFrames, encodeFrames, framesOf, type StoredFrame } from './frames.ts';
export { Records } from './records.ts';
