import { AppError } from '@skyarc/lib/errors';
import type { Block } from '@skyarc/lib/log-block';
import type { StoredFrame } from './frame.ts';
import type { BlockSource, LogStream } from './log-stream.ts';
import { type LineFilter, matcherOf } from './matcher.ts';

export interface ReadQuery extends LineFilter {
  /** Lines strictly after it, or strictly before it when backward (0 = from the end). */
  readonly cursor: number;
  readonly backward: boolean;
  readonly limit: number;
}

export interface ReadPage {
  /** In ascending sequence, whatever the direction. */
  readonly frames: readonly StoredFrame[];
  /** True when there may be more in the direction that was read. */
  readonly more: boolean;
  /** Everything up to here, or down to here when backward, was looked at: where to go on. */
  readonly cursor: number;
}

/** An answer is cut at about this size, whatever its limit. */
const maxPageBytes = 4 << 20;
/** One call looks at no more than this much text, so that a rare word does not hold it for ever. */
const maxScannedBytes = 1 << 30;
/** Blocks that are read ahead while one is searched. */
const maxReadAhead = 8;
/** Clocks of those who write lines may be ahead of ours by this. */
const clockSlackMs = 600_000;

/** Throws INVALID. */
export async function readStream(stream: LogStream, query: ReadQuery): Promise<ReadPage> {
  if (query.limit < 1 || query.limit > 10_000) {
    throw new AppError('INVALID', `Cannot read "${stream.name}": limit must be 1 to 10000`);
  }
  const { backward, limit, fromMs, untilMs } = query;
  const matches = matcherOf(query);
  const end = stream.lastSequence;
  const start = backward ? (query.cursor > 0 ? Math.min(query.cursor - 1, end) : end) : query.cursor + 1;
  if (start < 1 || start > end) return { frames: [], more: false, cursor: query.cursor };
  const [from, to] = backward ? [1, start] : [start, end];
  const isOutside = (block: BlockSource): boolean =>
    block.maxTimeMs < fromMs || (untilMs > 0 && block.minTimeMs >= untilMs);
  // Lines reach a file after they were written, so an old file has none that are younger than itself.
  const skipFile = async (file: { writtenAtMs: () => Promise<number> }): Promise<boolean> =>
    fromMs > 0 && (await file.writtenAtMs()) < fromMs - clockSlackMs;
  const page: StoredFrame[] = [];
  let cursor = query.cursor;
  let bytes = 0;
  let scanned = 0;
  const wanted = filtered(stream.blocks(start, backward, skipFile), (block) => !isOutside(block));
  for await (const block of loaded(wanted)) {
    if (scanned > maxScannedBytes) return { frames: ordered(page, backward), more: true, cursor };
    scanned += block.textBytes;
    const found = matches(block, from, to);
    for (const frame of backward ? found.toReversed() : found) {
      if (page.length === limit || bytes > maxPageBytes) {
        const last = page.at(-1)?.sequence ?? cursor;
        return { frames: ordered(page, backward), more: true, cursor: last };
      }
      bytes += frame.line.length + 100;
      page.push(frame);
    }
    cursor = backward ? Math.min(block.first, start) : Math.min(block.last, end);
  }
  return { frames: ordered(page, backward), more: false, cursor: backward ? 1 : end };
}

function ordered(page: readonly StoredFrame[], backward: boolean): readonly StoredFrame[] {
  return backward ? page.toReversed() : page;
}

async function* filtered(
  blocks: AsyncIterable<BlockSource>,
  isWanted: (block: BlockSource) => boolean,
): AsyncGenerator<BlockSource> {
  for await (const block of blocks) if (isWanted(block)) yield block;
}

/** Blocks read from their files, after the first one some ahead of the one that is searched. */
async function* loaded(blocks: AsyncGenerator<BlockSource>): AsyncGenerator<Block> {
  const waiting: Promise<Block | null>[] = [];
  try {
    for (let isOver = false, ahead = 1; !isOver || waiting.length > 0; ahead = maxReadAhead) {
      while (!isOver && waiting.length < ahead) {
        const next = await blocks.next();
        if (next.done) isOver = true;
        else waiting.push(next.value.load());
      }
      const block = await waiting.shift();
      if (block) yield block;
    }
  } finally {
    await Promise.allSettled(waiting);
    await blocks.return(undefined);
  }
}
