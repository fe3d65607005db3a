import { once } from 'node:events';
import http from 'node:http';
import { logStreamGrant } from '@skyarc/lib/contracts';
import { AppError, closeCodeOf, publicMessageOf, toAppError } from '@skyarc/lib/errors';
import { listen, type RunningService } from '@skyarc/lib/lifecycle';
import type { Block } from '@skyarc/lib/log-block';
import { GrantVerifier } from '@skyarc/lib/signed-grant';
import { sleep } from '@skyarc/lib/retry';
import { type WebSocket, WebSocketServer } from 'ws';
import type { EventLog, FollowBatch } from './event-log.ts';
import type { StoredFrame } from './store/frame.ts';

export interface SocketsOptions {
  readonly host: string;
  readonly port: number;
  /** PEM of the key that checks grants. */
  readonly grantKey: string;
  readonly log: EventLog;
}

/** Bytes that may wait in a socket before its reader counts as slow; then the follower's own queue fills. */
const maxBufferedBytes = 1 << 20;
const pingMs = 20_000;

/**
 * Followers by WebSocket: `/follow?grant=...&cursor=...` or `&tail=...`. Each message is JSON: `{"cursor",
 * "frames": [{"sequence", "timeMs", "line", "source", "level", "channel"}]}` or `{"cursor", "gap": {"from",
 * "to"}}`. After a lost connection: again with the last cursor.
 */
export async function startSockets(options: SocketsOptions): Promise<RunningService> {
  const verifier = new GrantVerifier(options.grantKey);
  const server = http.createServer((_request, response) => void response.writeHead(426).end());
  const sockets = new WebSocketServer({ server, maxPayload: 1024 });
  sockets.on('connection', (socket, request) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    socket.on('error', () => socket.terminate());
    void serve(socket, url, verifier, options.log);
  });
  const port = await listen(server, options);
  return {
    url: `ws://${options.host}:${port}`,
    async stop() {
      for (const socket of sockets.clients) socket.close(1012, 'restarting');
      const closed = once(server, 'close');
      sockets.close();
      server.close();
      setTimeout(() => {
        for (const socket of sockets.clients) socket.terminate();
      }, 1_000).unref();
      await closed;
    },
  };
}

async function serve(socket: WebSocket, url: URL, verifier: GrantVerifier, log: EventLog): Promise<void> {
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  let isAnswering = true;
  socket.on('pong', () => (isAnswering = true));
  const pinging = setInterval(() => {
    if (!isAnswering) socket.terminate();
    isAnswering = false;
    socket.ping();
  }, pingMs);
  try {
    if (url.pathname !== '/follow')
      throw new AppError('NOT_FOUND', 'There is nothing here: follow by /follow');
    const { stream } = verifier.open(logStreamGrant, url.searchParams.get('grant') ?? '');
    const position = { cursor: numberOf(url, 'cursor'), tail: numberOf(url, 'tail') };
    for await (const batch of log.follow(stream, position, gone.signal)) {
      socket.send(textOf(batch));
      while (socket.bufferedAmount > maxBufferedBytes && !gone.signal.aborted) await sleep(20);
    }
    socket.close(1012, 'follow again from the cursor');
  } catch (error) {
    const appError = toAppError(error);
    socket.close(closeCodeOf[appError.code], publicMessageOf(appError).slice(0, 120));
  } finally {
    clearInterval(pinging);
  }
}

function numberOf(url: URL, name: 'cursor' | 'tail'): number {
  const text = url.searchParams.get(name) ?? '0';
  if (!/^(-1|\d{1,16})$/.test(text)) throw new AppError('INVALID', `Cannot follow: ${name} is not a number`);
  return name === 'tail' ? Math.min(Math.max(Number(text), 0), 10_000) : Number(text);
}

const encoded = new WeakMap<Block, string>();

/** Encoded once for all readers of a live block. */
function textOf({ frames, block, gap, cursor }: FollowBatch): string {
  if (!block) return JSON.stringify({ cursor, ...(gap ? { gap } : { frames: frames.map(present) }) });
  let text = encoded.get(block);
  if (text === undefined)
    encoded.set(block, (text = JSON.stringify({ cursor, frames: frames.map(present) })));
  return text;
}

function present({ sequence, timeMs, line, source, level, channel }: StoredFrame) {
  return { sequence, timeMs, line, source, level, channel };
}
