import type { Block, StoredFrame, StreamBlock } from '@skyarc/lib/log-block';
import type { LiveSink } from './followers.ts';
import type { ReadPage, ReadQuery } from './store/read.ts';
import type { BlockPage } from './store/read-blocks.ts';

/** Where a follower begins. */
export interface FollowPosition {
  /** Lines strictly after this sequence; -1 = only new ones. */
  readonly cursor: number;
  /** Instead of the cursor: begin with this many of the newest stored lines. 0 = use the cursor. */
  readonly tail: number;
  /** Is offered live lines in place of the generator, which gives what it refuses. */
  readonly sink?: LiveSink;
}

export interface FollowBatch {
  /** Stored lines, or live ones of `block`. */
  readonly frames: readonly StoredFrame[];
  /** Set when the frames are exactly those of one live block. */
  readonly block?: Block;
  readonly gap: { readonly from: number; readonly to: number } | null;
  /** Follow again from here. */
  readonly cursor: number;
}

interface Reachable {
  /** Names of nodes that may hold more of it and cannot be reached now. */
  readonly missingNodes: readonly string[];
}

export interface LogPage extends ReadPage, Reachable {}
export interface LogBlockPage extends BlockPage, Reachable {}

/** What the doors (RPC, TCP, WebSocket) know of the event log, be it one node or a cluster. */
export interface EventLog {
  /**
   * Answers how many lines were new, once they are durable; from then on the memory of the items is not looked
   * at any more. Throws EXHAUSTED, UNAVAILABLE, INVALID.
   */
  append(items: readonly StreamBlock[]): Promise<number>;
  /** Keeps room for so many bytes once there is some; the answer gives it back, right before `append` takes it. */
  room(bytes: number): Promise<() => void>;
  read(stream: string, query: ReadQuery): Promise<LogPage>;
  /** The same for those who pass lines on, at a fraction of the work. */
  readBlocks(stream: string, query: ReadQuery): Promise<LogBlockPage>;
  /** Stored lines, then live ones until the signal fires; may end earlier: then follow again from the cursor. */
  follow(stream: string, position: FollowPosition, signal: AbortSignal): AsyncGenerator<FollowBatch>;
  remove(streams: readonly string[]): Promise<void>;
}

/** Reads everything of a stream. */
export const everything = { contains: '', pattern: '', source: '', fromMs: 0, untilMs: 0 } as const;
