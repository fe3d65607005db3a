import type { ConnectRouter } from '@connectrpc/connect';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { streamName } from '@skyarc/lib/contracts';
import {
  EventLogService,
  type FollowRequest,
  type FollowResponseSchema,
  type Frame,
} from '@skyarc/lib/contracts/generated/skyarc/eventlog/v1/eventlog_pb.js';
import { AppError } from '@skyarc/lib/errors';
import type { Followers } from './followers.ts';
import type { IncomingFrame, LogStore } from './store/log-store.ts';
import type { StoredFrame } from './store/record.ts';

const maxLineBytes = 64 * 1024;

/** The RPC face of the store. */
export function routesOf(store: LogStore, followers: Followers): (router: ConnectRouter) => void {
  return (router) =>
    router.service(EventLogService, {
      append: async (request) => ({ stored: BigInt(await store.append(incomingOf(request.frames))) }),
      async read(request) {
        const page = await store.read(checkedStream(request.stream), {
          cursor: Number(request.cursor),
          backward: request.backward,
          limit: request.limit || 1_000,
          contains: request.contains,
          source: request.source,
        });
        return { frames: page.frames.map((frame) => wireOf(request.stream, frame)), more: page.more };
      },
      follow: (request, context) => follow(store, followers, request, context.signal),
      async remove(request) {
        for (const stream of request.streams.map(checkedStream)) await store.remove(stream);
        return {};
      },
    });
}

/** Frames of a request, checked. Throws INVALID. */
export function incomingOf(frames: readonly Frame[]): IncomingFrame[] {
  return frames.map((frame) => {
    if (frame.line.length * 3 > maxLineBytes && Buffer.byteLength(frame.line) > maxLineBytes) {
      throw new AppError('INVALID', `Cannot append to "${frame.stream}": a line is longer than 64 KiB`);
    }
    const { source, level, channel, line, producer } = frame;
    return {
      stream: checkedStream(frame.stream),
      timeMs: Number(frame.timeUnixMs),
      producerSeq: Number(frame.producerSeq),
      source,
      level,
      channel,
      line,
      producer,
    };
  });
}

async function* follow(
  store: LogStore,
  followers: Followers,
  request: FollowRequest,
  signal: AbortSignal,
): AsyncGenerator<MessageInitShape<typeof FollowResponseSchema>> {
  const name = checkedStream(request.stream);
  let stream = await store.stream(name);
  let cursor = beginning(request, stream.lastSequence);
  yield { cursor: BigInt(cursor) };
  while (cursor < stream.lastSequence && !signal.aborted) {
    const page = await stored(store, name, cursor);
    cursor = page.at(-1)?.sequence ?? stream.lastSequence;
    if (page.length > 0) yield { frames: page.map((frame) => wireOf(name, frame)), cursor: BigInt(cursor) };
    stream = await store.stream(name);
  }
  // Nothing is awaited between the comparison above and this, so no frame falls between.
  const live = followers.attach(name);
  const detach = (): void => live.detach();
  signal.addEventListener('abort', detach);
  try {
    if (signal.aborted) return;
    for (let batch = await live.take(); batch; batch = await live.take()) {
      const end = batch.frames.at(-1)?.sequence ?? batch.gap?.to ?? cursor;
      yield {
        frames: batch.frames.map((frame) => wireOf(name, frame)),
        gapFrom: BigInt(batch.gap?.from ?? 0),
        gapTo: BigInt(batch.gap?.to ?? 0),
        cursor: BigInt(end),
      };
    }
  } finally {
    detach();
  }
}

async function stored(store: LogStore, name: string, cursor: number): Promise<readonly StoredFrame[]> {
  const query = { cursor, backward: false, limit: 1_000, contains: '', source: '' };
  return (await store.read(name, query)).frames;
}

/** Where to begin; a cursor beyond the end belongs to a removed stream of that name. */
function beginning(request: FollowRequest, lastSequence: number): number {
  if (request.tail > 0) return Math.max(0, lastSequence - request.tail);
  const cursor = Number(request.cursor);
  return cursor < 0 ? lastSequence : Math.min(cursor, lastSequence);
}

function checkedStream(name: string): string {
  if (streamName.safeParse(name).success) return name;
  throw new AppError('INVALID', `"${name.slice(0, 200)}" is not a name of a stream`, {
    details: { field: 'stream' },
  });
}

function wireOf(stream: string, frame: StoredFrame) {
  const { sequence, timeMs, producerSeq, ...rest } = frame;
  return {
    ...rest,
    stream,
    sequence: BigInt(sequence),
    timeUnixMs: BigInt(timeMs),
    producerSeq: BigInt(producerSeq),
  };
}
