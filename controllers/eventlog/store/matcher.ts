import { AppError } from '@skyarc/lib/errors';
import { type Block, type Origin, Records, type StoredFrame } from '@skyarc/lib/log-block';
import { RE2JS } from 're2js';
import { needleOf } from './needle.ts';

export interface LineFilter {
  /** Only lines that contain this text. */
  readonly contains: string;
  /** Only lines in which this pattern is found: RE2 syntax, which is matched in linear time. */
  readonly pattern: string;
  /** Only lines of this source, or below it. */
  readonly source: string;
  /** Only lines written at this time or later; 0 for all. Milliseconds since 1970. */
  readonly fromMs: number;
  /** Only lines written before this time; 0 for all. */
  readonly untilMs: number;
}

/** Lines between two sequences, ascending, that pass the filter. */
export type Matcher = (block: Block, from: number, to: number) => StoredFrame[];

/** Throws INVALID for a pattern that RE2 does not know. */
export function matcherOf(filter: LineFilter): Matcher {
  const pattern = filter.pattern ? compile(filter.pattern) : null;
  const needle = needleOf(filter);
  return (block, from, to) => {
    const { origins, text } = block;
    let hit = needle.length > 0 ? text.indexOf(needle) : 0;
    if (hit === -1) return [];
    const passes = origins.map(({ source }) => isBelow(source, filter.source));
    if (!passes.includes(true)) return [];
    const found: StoredFrame[] = [];
    const records = new Records(block);
    while (hit !== -1 && records.next()) {
      const { ordinal, timeMs, producerSeq, origin, start, end } = records;
      const sequence = block.first + ordinal;
      if (sequence > to) break;
      if (needle.length > 0) {
        if (hit < start) hit = text.indexOf(needle, start);
        // One that goes beyond the line's end belongs to two lines, that is to none.
        if (hit === -1 || hit + needle.length > end) continue;
      }
      if (sequence < from || !passes[origin]) continue;
      if (timeMs < filter.fromMs || (filter.untilMs > 0 && timeMs >= filter.untilMs)) continue;
      const line = text.toString('utf8', start, end);
      if (pattern && !pattern.test(line)) continue;
      const { producer, source, level, channel } = origins[origin] as Origin;
      found.push({ sequence, timeMs, line, source, level, channel, producer, producerSeq });
    }
    return found;
  };
}

function isBelow(source: string, wanted: string): boolean {
  return !wanted || source === wanted || source.startsWith(`${wanted.replace(/\/$/, '')}/`);
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'it is not understood';
    throw new AppError('INVALID', `Cannot search for the pattern "${pattern}": ${reason}`, {
      cause,
      details: { field: 'pattern' },
    });
  }
}
