import type { Client } from '@connectrpc/connect';
import type { EventLogService } from '@skyarc/lib/contracts/generated/skyarc/eventlog/v1/eventlog_pb.js';
import { toAppError } from '@skyarc/lib/errors';
import { decodeFrames, type StoredFrame } from '@skyarc/lib/log-block';
import { backoffMs, sleep } from '@skyarc/lib/retry';
import { type LogFrame, logFrameOf } from './frame.ts';

export interface FollowOptions {
  readonly stream: string;
  /** Frames strictly after this sequence; -1 = only new ones; default 0. */
  readonly cursor?: number;
  /** Instead of a cursor: begin with this many of the newest stored frames. */
  readonly tail?: number;
  readonly signal: AbortSignal;
}

export interface LogBatch {
  readonly frames: readonly LogFrame[];
  /** Sequences that were not delivered because the reader was too slow; read them if they matter. */
  readonly gap: { readonly from: number; readonly to: number } | null;
}

/** Producers whose positions are kept; the longest silent one is forgotten first. */
const maxProducers = 1_000;

/**
 * Knows lines again that came before: a node of the event log that stored lines and was lost before it
 * answered gave them to readers, and the next one gives them again when their producer has repeated them.
 */
class Repeats {
  private readonly positions = new Map<string, number>();

  isNew({ producer, producerSeq }: StoredFrame): boolean {
    if (!producer) return true;
    const last = this.positions.get(producer);
    if (last !== undefined && producerSeq <= last) return false;
    this.positions.delete(producer);
    this.positions.set(producer, producerSeq);
    if (this.positions.size > maxProducers)
      this.positions.delete(this.positions.keys().next().value as string);
    return true;
  }

  forget(): void {
    this.positions.clear();
  }
}

export async function* follow(
  calls: Client<typeof EventLogService>,
  options: FollowOptions,
): AsyncGenerator<LogBatch> {
  const { stream, signal } = options;
  const repeats = new Repeats();
  let position = { cursor: BigInt(options.cursor ?? 0), tail: options.tail ?? 0 };
  for (let attempt = 1; !signal.aborted; attempt += 1) {
    // Leaving the loop early must end the call, which only a signal can do.
    const left = new AbortController();
    try {
      const responses = calls.follow(
        { stream, ...position, asBlocks: true },
        { signal: AbortSignal.any([signal, left.signal]) },
      );
      for await (const response of responses) {
        attempt = 0;
        const gap =
          response.gapTo > 0n ? { from: Number(response.gapFrom), to: Number(response.gapTo) } : null;
        // A cursor that goes back belongs to a new stream of that name.
        if (response.cursor < position.cursor) repeats.forget();
        const frames = decodeFrames(response.blocks)
          .filter((frame) => repeats.isNew(frame))
          .map((frame) => logFrameOf(stream, frame));
        if (gap || frames.length > 0) yield { frames, gap };
        position = { cursor: response.cursor, tail: 0 };
      }
    } catch (error) {
      if (signal.aborted) return;
      if (toAppError(error).code === 'INVALID') throw error;
    } finally {
      left.abort();
    }
    await sleep(backoffMs(Math.max(attempt, 1), 50, 2_000), signal).catch(() => undefined);
  }
}
