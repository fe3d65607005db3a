import { type Block, BlockBuilder, type Positions, Records } from '@skyarc/lib/log-block';

/** A block and the last position of each of its producers. */
export interface PlacedBlock {
  readonly block: Block;
  readonly positions: Positions;
}

/** A block of this text is worth its own head; smaller ones are stored together. */
const largeBytes = 128 << 10;
const mergedBytes = 256 << 10;

/** The same lines with the same sequences in fewer blocks. */
export function mergeBlocks(blocks: readonly PlacedBlock[]): Block[] {
  const merged: Block[] = [];
  let group: PlacedBlock[] = [];
  let bytes = 0;
  const close = (): void => {
    if (group.length > 0) merged.push(joined(group));
    group = [];
    bytes = 0;
  };
  for (const placed of blocks) {
    const { textBytes } = placed.block;
    // Where another node had the stream meanwhile, sequences jump; within a block they never do.
    const isNext = group.length === 0 || group.at(-1)?.block.last === placed.block.first - 1;
    if (!isNext || textBytes >= largeBytes || bytes + textBytes > mergedBytes) close();
    group.push(placed);
    bytes += textBytes;
    if (textBytes >= largeBytes) close();
  }
  close();
  return merged;
}

function joined(group: readonly PlacedBlock[]): Block {
  const [{ block: first, positions }] = group as [PlacedBlock, ...PlacedBlock[]];
  // What came from outside may name positions that nobody checked.
  if (group.length === 1 && sameEntries(first.positions, positions)) return first;
  const builder = new BlockBuilder(group.reduce((sum, { block }) => sum + block.textBytes, 0));
  for (const { block } of group) {
    const { origins, text } = block;
    for (const records = new Records(block); records.next();) {
      const { timeMs, producerSeq, origin, start, end } = records;
      const line = { origin: origins[origin] as (typeof origins)[number], timeMs, producerSeq };
      builder.addBytes(line, text.subarray(start, end));
    }
  }
  return builder.build(first.first);
}

function sameEntries(one: Positions, other: Positions): boolean {
  return one.size === other.size && [...one].every(([producer, seq]) => other.get(producer) === seq);
}
