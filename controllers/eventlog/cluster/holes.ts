import type { FollowBatch } from '../event-log.ts';
import type { StoredFrame } from '@skyarc/lib/log-block';

/** Part of a stream as nodes within reach know it: everything after the cursor up to the end. */
export interface KnownPart {
  readonly frames: readonly StoredFrame[];
  readonly cursor: number;
  readonly end: number;
  /** Nodes out of reach may hold sequences up to here; 0 when none is out of reach. */
  readonly unknownUpTo: number;
}

/** The frames in order, and a gap wherever a node out of reach may hold lines between them. */
export function withGaps({ frames, cursor, end, unknownUpTo }: KnownPart): FollowBatch[] {
  const batches: FollowBatch[] = [];
  let after = cursor;
  let group: StoredFrame[] = [];
  const close = (): void => {
    if (group.length > 0) batches.push({ frames: group, gap: null, cursor: after });
    group = [];
  };
  const skipTo = (next: number): void => {
    const to = Math.min(next - 1, unknownUpTo);
    if (to <= after) return;
    close();
    batches.push({ frames: [], gap: { from: after + 1, to }, cursor: next - 1 });
  };
  for (const frame of frames) {
    skipTo(frame.sequence);
    group.push(frame);
    after = frame.sequence;
  }
  skipTo(end + 1);
  close();
  return batches;
}
