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
import {
  BlockBuilder,
  decodeBatch,
  encodeFrames,
  maxLineBytes,
  type StoredFrame,
  type StreamBlock,
} from '@skyarc/lib/log-block';
import type { EventLog, FollowBatch, LogPage } from './event-log.ts';
import type { LocalLog } from './local-log.ts';
import type { Cluster } from './cluster/cluster.ts';

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
        const reader = request.local ? local : log;
        const query = {
          cursor: Number(request.cursor),
          backward: request.backward,
          limit: request.limit || 1_000,
          contains: request.contains,
          pattern: request.pattern,
          source: request.source,
          fromMs: Number(request.fromUnixMs),
          untilMs: Number(request.untilUnixMs),
        };
        const stream = checkedStream(request.stream);
        if (!request.asBlocks) {
          const { frames, ...page } = await reader.read(stream, query);
          return { ...pageOf(page), frames: frames.map((frame) => wireOf(stream, frame)) };
        }
        const { blocks, first, last, ...page } = await reader.readBlocks(stream, query);
        return { ...pageOf(page), blocks, first: BigInt(first), last: BigInt(last) };
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
  for await (const batch of log.follow(stream, position, signal)) {
    const { frames, gap, cursor } = batch;
    if (frames.length === 0)
      yield { cursor: BigInt(cursor), gapFrom: BigInt(gap?.from ?? 0), gapTo: BigInt(gap?.to ?? 0) };
    else if (request.asBlocks) yield { ...linesOf(request, batch), cursor: BigInt(cursor) };
    else
      for (let at = 0; at < frames.length; at += messageLines) {
        const part = frames.slice(at, at + messageLines);
        const end = part.at(-1)?.sequence ?? cursor;
        yield { ...linesOf(request, { frames: part }), cursor: BigInt(end) };
      }
  }
}

function pageOf({ more, cursor, missingNodes }: Omit<LogPage, 'frames'>) {
  return { more, cursor: BigInt(cursor), missingNodes: [...missingNodes] };
}

/** Lines as the caller wants them. */
function linesOf(
  { stream, asBlocks }: { readonly stream: string; readonly asBlocks: boolean },
  { frames, block }: Pick<FollowBatch, 'frames' | 'block'>,
) {
  if (asBlocks) return { blocks: block?.data ?? encodeFrames(frames) };
  return { frames: frames.map((frame) => wireOf(stream, frame)) };
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
