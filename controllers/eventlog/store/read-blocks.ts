import { type Block, type Bounds, decodeFrames, encodeFrames, framesOf } from '@skyarc/lib/log-block';
import type { LogStream } from './log-stream.ts';
import { maxPageBytes, rangeOf, type ReadPage, type ReadQuery, readStream } from './read.ts';
import type { Scanner } from './scanner.ts';

/** A page whose lines, those within the bounds, are still in blocks: only who wants the text unpacks them. */
export interface BlockPage extends Bounds, Omit<ReadPage, 'frames'> {
  /** One after the other. */
  readonly blocks: Buffer;
}

/** More and smaller blocks than that are put together, since each has its own head and origins. */
const maxBlocks = 16;

/** What `readStream` finds. Without a filter stored blocks are passed on as they are. Throws INVALID. */
export async function readBlocks(stream: LogStream, scanner: Scanner, query: ReadQuery): Promise<BlockPage> {
  const isFiltered = query.contains || query.pattern || query.source || query.fromMs || query.untilMs;
  const range = rangeOf(stream, query);
  if (isFiltered || !range) return encodePage(await readStream(stream, scanner, query));
  const { backward, limit } = query;
  const { start, from, to, end } = range;
  const blocks: Block[] = [];
  let room = limit;
  let bytes = 0;
  let reached: number | undefined;
  for await (const source of stream.blocks(start, backward, everyBlock)) {
    const block = await source.load();
    if (!block) continue;
    const [first, last] = [Math.max(block.first, from), Math.min(block.last, to)];
    const count = Math.min(last - first + 1, room);
    if (count < 1) continue;
    blocks.push(block);
    room -= count;
    bytes += block.textBytes;
    reached = backward ? last - count + 1 : first + count - 1;
    if (room === 0 || bytes > maxPageBytes) break;
    reached = undefined;
  }
  const more = reached !== undefined && (backward ? reached > 1 : reached < end);
  const cursor = reached ?? (backward ? 1 : end);
  const bounds = backward ? { first: cursor, last: start } : { first: start, last: cursor };
  const ordered = backward ? blocks.toReversed() : blocks;
  return { ...bounds, blocks: joined(ordered, bounds), more, cursor };
}

function joined(blocks: readonly Block[], bounds: Bounds): Buffer {
  if (blocks.length > maxBlocks) return encodeFrames(blocks.flatMap((block) => framesOf(block, bounds)));
  return Buffer.concat(blocks.map(({ data }) => data));
}

const everyBlock = { skipsFile: async () => false, wants: () => true, look: null };

export function encodePage<Page extends ReadPage>({ frames, ...page }: Page) {
  const [first, last] = [frames[0]?.sequence ?? 0, frames.at(-1)?.sequence ?? 0];
  return { ...page, blocks: encodeFrames(frames), first, last };
}

export function decodePage<Page extends BlockPage>({ blocks, first, last, ...page }: Page) {
  return { ...page, frames: decodeFrames(blocks, { first, last }) };
}
