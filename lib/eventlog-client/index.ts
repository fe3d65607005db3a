import { EventLogService } from '@skyarc/lib/contracts/generated/skyarc/eventlog/v1/eventlog_pb.js';
import { decodeFrames } from '@skyarc/lib/log-block';
import { createRpcClient } from '@skyarc/lib/rpc';
import { follow, type FollowOptions, type LogBatch } from './follow.ts';
import { type LogFrame, logFrameOf, type NewFrame, toWire } from './frame.ts';
import { LogWriter, type WriterOptions } from './writer.ts';

export type { FollowOptions, LogBatch } from './follow.ts';
export type { LogFrame, NewFrame } from './frame.ts';
export { createIngestClient, type IngestClient } from './ingest.ts';
export type { LogWriter, WriterOptions } from './writer.ts';

export interface ReadOptions {
  readonly stream: string;
  /** Frames strictly after this sequence, or strictly before it when backward (0 = from the end). */
  readonly cursor?: number;
  readonly backward?: boolean;
  /** At most 10 000; default 1 000. */
  readonly limit?: number;
  /** Only frames that contain this text. */
  readonly contains?: string;
  /** Only frames in whose line this RE2 pattern is found. */
  readonly pattern?: string;
  /** Only frames of this source, or below it: `pod` finds `pod/container`. */
  readonly source?: string;
  /** Only frames written at this time or later; milliseconds since 1970 UTC. */
  readonly fromMs?: number;
  /** Only frames written before this time. */
  readonly untilMs?: number;
  readonly signal?: AbortSignal;
}

export interface ReadAnswer {
  /** In ascending sequence, whatever the direction. */
  readonly frames: LogFrame[];
  /** True when there may be others in the direction that was read; a search of much text ends early. */
  readonly more: boolean;
  /** Where to go on: everything up to here (down to here when backward) was looked at. */
  readonly cursor: number;
  /** Names of nodes that may hold more of the stream and cannot be reached now. */
  readonly missingNodes: readonly string[];
}

export interface EventLogClient {
  /** A writer of one stream; close it to be sure that everything is stored. */
  writer(options: WriterOptions): LogWriter;
  /** Stores frames now; answers how many were new. Safe to repeat when they name producer and producerSeq. */
  append(frames: readonly NewFrame[], signal?: AbortSignal): Promise<number>;
  /** Stored frames. Throws INVALID for a pattern that RE2 does not know. */
  read(options: ReadOptions): Promise<ReadAnswer>;
  /** Stored frames, then live ones, until the signal fires; resumes by sequence after a lost connection. */
  follow(options: FollowOptions): AsyncIterable<LogBatch>;
  remove(streams: readonly string[], signal?: AbortSignal): Promise<void>;
  close(): void;
}

/** A client of the event log at e.g. `http://127.0.0.1:6366`, or of several nodes of it with commas between them. */
export function createEventLogClient(url: string): EventLogClient {
  const rpc = createRpcClient(EventLogService, { url });
  const append: EventLogClient['append'] = async (frames, signal) => {
    const response = await rpc.calls.append({ frames: frames.map(toWire) }, { signal, timeoutMs: 15_000 });
    return Number(response.stored);
  };
  return {
    append,
    writer: (options) => new LogWriter(append, options),
    async read({ cursor = 0, fromMs = 0, untilMs = 0, signal, ...options }) {
      const response = await rpc.calls.read(
        {
          ...options,
          cursor: BigInt(cursor),
          fromUnixMs: BigInt(fromMs),
          untilUnixMs: BigInt(untilMs),
          asBlocks: true,
        },
        { signal, timeoutMs: 30_000 },
      );
      const bounds = { first: Number(response.first), last: Number(response.last) };
      return {
        frames: decodeFrames(response.blocks, bounds).map((frame) => logFrameOf(options.stream, frame)),
        more: response.more,
        cursor: Number(response.cursor),
        missingNodes: response.missingNodes,
      };
    },
    follow: (options) => follow(rpc.calls, options),
    async remove(streams, signal) {
      await rpc.calls.remove({ streams: [...streams] }, { signal, timeoutMs: 30_000 });
    },
    close: () => rpc.close(),
  };
}
