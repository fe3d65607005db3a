import type { LogPage } from '../event-log.ts';
import type { StoredFrame } from '@skyarc/lib/log-block';
import type { ReadQuery } from '../store/read.ts';

/** One page of what several nodes hold of a stream; sequences are unique over all of them. */
export function mergePages(
  pages: readonly LogPage[],
  { backward, limit, cursor: asked }: Pick<ReadQuery, 'backward' | 'limit' | 'cursor'>,
): Omit<LogPage, 'missingNodes'> {
  const cut = pages.filter(({ more }) => more).map(({ cursor }) => cursor);
  // A node that has more may hold frames between those of others, so the page ends where the first one ended.
  const bound = backward ? Math.max(...cut, 0) : Math.min(...cut, Number.POSITIVE_INFINITY);
  const frames = withoutRepeats(
    pages
      .flatMap((page) => page.frames)
      .filter(({ sequence }) => (backward ? sequence >= bound : sequence <= bound))
      .toSorted((a, b) => a.sequence - b.sequence),
  );
  const chosen = backward ? frames.slice(-limit) : frames.slice(0, limit);
  if (chosen.length < frames.length) {
    const cursor = (backward ? chosen[0] : chosen.at(-1))?.sequence ?? asked;
    return { frames: chosen, more: true, cursor };
  }
  if (cut.length > 0) return { frames: chosen, more: true, cursor: bound };
  const ends = pages.map(({ cursor }) => cursor);
  return { frames: chosen, more: false, cursor: backward ? Math.min(...ends) : Math.max(...ends, asked) };
}

/** A batch that a node stored, but could not answer before it was lost, was stored again by the next owner. */
function withoutRepeats(frames: readonly StoredFrame[]): StoredFrame[] {
  const last = new Map<string, number>();
  return frames.filter(({ producer, producerSeq }) => {
    if (!producer) return true;
    if (producerSeq <= (last.get(producer) ?? Number.NEGATIVE_INFINITY)) return false;
    last.set(producer, producerSeq);
    return true;
  });
}
