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
import { BlockBuilder, decodeBatch, maxLineBytes, type StreamBlock } from '@skyarc/lib/log-block';
import type { EventLog } from './event-log.ts';
import type { LocalLog } from './local-log.ts';
import type { Cluster } from './cluster/cluster.ts';
import type { StoredFrame } from './store/frame.ts';

/** A message of a follower carries at most this many lines. */
const messageLines = 1_000;

/** What the RPC face serves: the whole event log, and this node alone to the other nodes. */
export interface Served {
  readonly log: EventLog;
  readonly local: LocalLog;
  /** Null for a node that is alone. */
  readonly cluster: Cluster | null;
}

export function routesOf({ log, local, cluster }: Served): (router: ConnectRouter) => void {
  return (router) =>
    router.service(EventLogService, {
      async append({ frames, blocks }) {
        if (blocks.length === 0) return { stored: BigInt(await log.append(blocksOf(frames))) };
        const items = checkedItems(decodeBatch(Buffer.from(blocks)));
        return { stored: BigInt(await (cluster?.appendOwned(items) ?? local.append(items))) };
      },
      async read(request) {
        const page = await (request.local ? local : log).read(checkedStream(request.stream), {
          cursor: Number(request.cursor),
          backward: request.backward,
          limit: request.limit || 1_000,
          contains: request.contains,
          pattern: request.pattern,
          source: request.source,
          fromMs: Number(request.fromUnixMs),
          untilMs: Number(request.untilUnixMs),
        });
        return {
          frames: page.frames.map((frame) => wireOf(request.stream, frame)),
          more: page.more,
          cursor: BigInt(page.cursor),
          missingNodes: [...page.missingNodes],
        };
      },
      follow: (request, context) => follow(request.local ? (cluster ?? local) : log, request, context.signal),
      async remove(request) {
        await (request.local ? local : log).remove(request.streams.map(checkedStream));
        return {};
      },
      describe: ({ stream }) => cluster?.describe(stream && checkedStream(stream)) ?? {},
      async release({ stream, epoch }) {
        if (!cluster) throw new AppError('INVALID', 'This event log belongs to no cluster');
        return cluster.release(checkedStream(stream), Number(epoch));
      },
    });
}

/** Checks the names of streams. Throws INVALID. */
export function checkedItems(items: readonly StreamBlock[]): readonly StreamBlock[] {
  for (const { stream } of items) checkedStream(stream);
  return items;
}

/** Frames of a request as blocks, one a stream. Throws INVALID. */
function blocksOf(frames: readonly Frame[]): StreamBlock[] {
  const builders = new Map<string, BlockBuilder>();
  for (const frame of frames) {
    if (frame.line.length * 3 > maxLineBytes && Buffer.byteLength(frame.line) > maxLineBytes) {
      throw new AppError('INVALID', `Cannot append to "${frame.stream}": a line is longer than 64 KiB`);
    }
    const { source, level, channel, producer } = frame;
    const builder = builders.get(frame.stream) ?? new BlockBuilder();
    builders.set(checkedStream(frame.stream), builder);
    const origin = { producer, source, level, channel };
    const [timeMs, producerSeq] = [Number(frame.timeUnixMs), Number(frame.producerSeq)];
    builder.add({ origin, timeMs, producerSeq }, frame.line);
  }
  return [...builders].map(([stream, builder]) => ({ stream, block: builder.build() }));
}

async function* follow(
  log: Pick<EventLog, 'follow'>,
  request: FollowRequest,
  signal: AbortSignal,
): AsyncGenerator<MessageInitShape<typeof FollowResponseSchema>> {
  const stream = checkedStream(request.stream);
  const position = { cursor: Number(request.cursor), tail: request.tail };
  for await (const { frames, gap, cursor } of log.follow(stream, position, signal)) {
    if (frames.length === 0)
      yield { cursor: BigInt(cursor), gapFrom: BigInt(gap?.from ?? 0), gapTo: BigInt(gap?.to ?? 0) };
    for (let at = 0; at < frames.length; at += messageLines) {
      const part = frames.slice(at, at + messageLines);
      const end = part.at(-1)?.sequence ?? cursor;
      yield { frames: part.map((frame) => wireOf(stream, frame)), cursor: BigInt(end) };
    }
  }
}

export function checkedStream(name: string): string {
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
