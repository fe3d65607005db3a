import { AppError } from '@skyarc/lib/errors';
import type { StoredFrame } from '@skyarc/lib/log-block';
import type { BlockChoice, LogStream } from './log-stream.ts';
import { type LineFilter, matcherOf } from './matcher.ts';
import { needleOf } from './needle.ts';
import type { Scanner } from './scanner.ts';

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
export const maxPageBytes = 4 << 20;
/** One call looks at no more than this much text, so that a rare word does not hold it for ever. */
const maxScannedBytes = 1 << 30;
/** Clocks of those who write lines may be ahead of ours by this. */
const clockSlackMs = 600_000;

/** Sequences that a query reaches, and the stream's end; null when there are none. Throws INVALID. */
export function rangeOf(stream: LogStream, { cursor, backward, limit }: ReadQuery) {
  if (limit < 1 || limit > 10_000)
    throw new AppError('INVALID', `Cannot read "${stream.name}": limit must be 1 to 10000`);
  const end = stream.lastSequence;
  const start = backward ? (cursor > 0 ? Math.min(cursor - 1, end) : end) : cursor + 1;
  if (start < 1 || start > end) return null;
  return { start, end, from: backward ? 1 : start, to: backward ? start : end };
}

/** Throws INVALID. */
export async function readStream(stream: LogStream, scanner: Scanner, query: ReadQuery): Promise<ReadPage> {
  const { backward, limit } = query;
  const matches = matcherOf(query);
  const range = rangeOf(stream, query);
  if (!range) return { frames: [], more: false, cursor: query.cursor };
  const { start, end, from, to } = range;
  const page: StoredFrame[] = [];
  const answer = (cursor: number, more: boolean): ReadPage => ({
    frames: backward ? page.toReversed() : page,
    more,
    cursor,
  });
  let cursor = query.cursor;
  let bytes = 0;
  let scanned = 0;
  for await (const source of stream.blocks(start, backward, choiceOf(query, scanner))) {
    if (scanned > maxScannedBytes) return answer(cursor, true);
    scanned += source.textBytes;
    const block = await source.load();
    const found = block ? matches(block, from, to) : [];
    for (const frame of backward ? found.toReversed() : found) {
      bytes += frame.line.length + 100;
      page.push(frame);
      const { sequence } = frame;
      if (page.length === limit || bytes > maxPageBytes)
        return answer(sequence, backward ? sequence > 1 : sequence < end);
    }
    cursor = backward ? Math.min(source.first, start) : Math.min(source.first + source.count - 1, end);
  }
  return answer(backward ? 1 : end, false);
}

function choiceOf(query: ReadQuery, scanner: Scanner): BlockChoice {
  const { fromMs, untilMs } = query;
  const needle = needleOf(query);
  return {
    // Lines reach a file after they were written, so an old file has none that are younger than itself.
    skipsFile: async (file) => fromMs > 0 && (await file.writtenAtMs()) < fromMs - clockSlackMs,
    wants: ({ minTimeMs, maxTimeMs }) => maxTimeMs >= fromMs && (untilMs === 0 || minTimeMs < untilMs),
    look: needle.length > 0 ? (file, places) => scanner.look(file.path, places, needle) : null,
  };
}
