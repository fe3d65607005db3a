import { AppError } from '@skyarc/lib/errors';
import type { LogStream } from './log-stream.ts';
import { decodeFrame, type StoredFrame } from './record.ts';

export interface ReadQuery {
  /** Frames strictly after it, or strictly before it when backward (0 = from the end). */
  readonly cursor: number;
  readonly backward: boolean;
  readonly limit: number;
  readonly contains: string;
  readonly source: string;
}

export interface ReadPage {
  readonly frames: readonly StoredFrame[];
  readonly more: boolean;
}

/** An answer is cut at about this size, whatever its limit. */
const maxPageBytes = 4 << 20;

/** Frames in ascending sequence, whatever the direction. Throws INVALID. */
export async function readStream(stream: LogStream, query: ReadQuery): Promise<ReadPage> {
  if (query.limit < 1 || query.limit > 10_000) {
    throw new AppError('INVALID', `Cannot read "${stream.name}": limit must be 1 to 10000`);
  }
  const { backward } = query;
  const end = stream.lastSequence;
  const start = backward ? (query.cursor > 0 ? Math.min(query.cursor - 1, end) : end) : query.cursor + 1;
  const step = backward ? -1 : 1;
  const frames: StoredFrame[] = [];
  const matches = matcherOf(query);
  let bytes = 0;
  let more = false;
  if (start < 1 || start > end) return { frames, more };
  files: for await (const file of stream.files(start, backward)) {
    let sequence = backward ? Math.min(start, file.last) : Math.max(start, file.first);
    for (; sequence >= file.first && sequence <= file.last; sequence += step) {
      const payload = file.payload(sequence);
      const frame = payload === null ? null : matches(payload);
      if (!frame) continue;
      if (frames.length === query.limit || bytes > maxPageBytes) {
        more = true;
        break files;
      }
      bytes += frame.line.length + 100;
      frames.push(frame);
    }
  }
  if (backward) frames.reverse();
  return { frames, more };
}

function matcherOf({ contains, source }: ReadQuery): (payload: string) => StoredFrame | null {
  // The stored text is JSON: what it does not contain in escaped form, the line does not contain.
  const escaped = JSON.stringify(contains).slice(1, -1);
  return (payload) => {
    if (contains && !payload.includes(escaped)) return null;
    const frame = decodeFrame(payload);
    if (contains && !frame.line.includes(contains)) return null;
    if (source && frame.source !== source && !frame.source.startsWith(`${source.replace(/\/$/, '')}/`))
      return null;
    return frame;
  };
}
