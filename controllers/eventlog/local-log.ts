import type { StreamBlock } from '@skyarc/lib/log-block';
import {
  type EventLog,
  everything,
  type FollowBatch,
  type FollowPosition,
  type LogBlockPage,
  type LogPage,
} from './event-log.ts';
import type { Followers, LiveSink } from './followers.ts';
import { framesOf } from './store/frame.ts';
import type { LogStore } from './store/log-store.ts';
import type { ReadQuery } from './store/read.ts';

const pageLines = 1_000;

/** The event log of one node. */
export class LocalLog implements EventLog {
  readonly store: LogStore;
  readonly followers: Followers;

  constructor(store: LogStore, followers: Followers) {
    this.store = store;
    this.followers = followers;
  }

  append(items: readonly StreamBlock[]): Promise<number> {
    return this.store.append(items);
  }

  room(bytes: number): Promise<() => void> {
    return this.store.room(bytes);
  }

  async read(stream: string, query: ReadQuery): Promise<LogPage> {
    return { ...(await this.store.read(stream, query)), missingNodes: [] };
  }

  async readBlocks(stream: string, query: ReadQuery): Promise<LogBlockPage> {
    return { ...(await this.store.readBlocks(stream, query)), missingNodes: [] };
  }

  async remove(streams: readonly string[]): Promise<void> {
    for (const stream of streams) await this.store.remove(stream);
  }

  async *follow(name: string, position: FollowPosition, signal: AbortSignal): AsyncGenerator<FollowBatch> {
    let stream = await this.store.stream(name);
    let cursor = await this.beginning(name, position);
    yield { frames: [], gap: null, cursor };
    while (cursor < stream.lastSequence && !signal.aborted) {
      const { frames } = await this.read(name, { ...everything, cursor, backward: false, limit: pageLines });
      cursor = frames.at(-1)?.sequence ?? stream.lastSequence;
      if (frames.length > 0) yield { frames, gap: null, cursor };
      stream = await this.store.stream(name);
    }
    // Nothing is awaited between the comparison above and the first live line, so none falls between.
    yield* this.live(name, signal, position.sink);
  }

  /** Lines from now on; ends when the stream goes on elsewhere. */
  async *live(name: string, signal: AbortSignal, sink?: LiveSink): AsyncGenerator<FollowBatch> {
    const live = this.followers.attach(name, sink);
    const detach = (): void => live.detach();
    signal.addEventListener('abort', detach);
    try {
      if (signal.aborted) return;
      for (let batch = await live.take(); batch && !signal.aborted; batch = await live.take()) {
        if (batch.gap) yield { frames: [], gap: batch.gap, cursor: batch.gap.to };
        for (const block of batch.blocks)
          yield { frames: framesOf(block), block, gap: null, cursor: block.last };
      }
    } finally {
      signal.removeEventListener('abort', detach);
      detach();
    }
  }

  /** A cursor beyond the end belongs to a removed stream of that name. */
  private async beginning(name: string, { cursor, tail }: FollowPosition): Promise<number> {
    const { lastSequence } = await this.store.stream(name);
    if (tail > 0) {
      const query = { ...everything, cursor: 0, backward: true, limit: Math.min(tail, 10_000) };
      const { frames } = await this.store.read(name, query);
      return frames[0] ? frames[0].sequence - 1 : lastSequence;
    }
    return cursor < 0 ? lastSequence : Math.min(cursor, lastSequence);
  }
}
