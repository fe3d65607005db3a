import { EventLogService } from '@skyarc/lib/contracts/generated/skyarc/eventlog/v1/eventlog_pb.js';
import { decodeFrames } from '@skyarc/lib/log-block';
import { createRpcClient, type RpcClient } from '@skyarc/lib/rpc';
import type { FollowBatch, FollowPosition, LogBlockPage } from '../event-log.ts';
import type { ReadQuery } from '../store/read.ts';

const callMs = 10_000;

/** The other nodes, each over one connection. */
export class Peers {
  private readonly clients = new Map<string, RpcClient<typeof EventLogService>>();

  calls(url: string): RpcClient<typeof EventLogService>['calls'] {
    let client = this.clients.get(url);
    if (!client) this.clients.set(url, (client = createRpcClient(EventLogService, { url })));
    return client.calls;
  }

  async append(url: string, blocks: Buffer): Promise<number> {
    return Number((await this.calls(url).append({ blocks }, { timeoutMs: callMs })).stored);
  }

  /** What that node itself holds. */
  async read(url: string, stream: string, query: ReadQuery): Promise<LogBlockPage> {
    const { cursor, fromMs, untilMs, ...rest } = query;
    const answer = await this.calls(url).read(
      {
        ...rest,
        stream,
        cursor: BigInt(cursor),
        fromUnixMs: BigInt(fromMs),
        untilUnixMs: BigInt(untilMs),
        local: true,
        asBlocks: true,
      },
      { timeoutMs: 3 * callMs },
    );
    return {
      blocks: Buffer.from(answer.blocks.buffer, answer.blocks.byteOffset, answer.blocks.byteLength),
      first: Number(answer.first),
      last: Number(answer.last),
      more: answer.more,
      cursor: Number(answer.cursor),
      missingNodes: [],
    };
  }

  async *follow(
    url: string,
    stream: string,
    { cursor, tail }: FollowPosition,
    signal: AbortSignal,
  ): AsyncGenerator<FollowBatch> {
    const left = new AbortController();
    const request = { stream, cursor: BigInt(cursor), tail, local: true, asBlocks: true };
    try {
      const answers = this.calls(url).follow(request, { signal: AbortSignal.any([signal, left.signal]) });
      for await (const { blocks, gapFrom, gapTo, cursor: end } of answers) {
        const gap = gapTo > 0n ? { from: Number(gapFrom), to: Number(gapTo) } : null;
        yield { frames: decodeFrames(blocks), gap, cursor: Number(end) };
      }
    } finally {
      left.abort();
    }
  }

  close(): void {
    for (const client of this.clients.values()) client.close();
  }
}
