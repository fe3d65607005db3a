import { once } from 'node:events';
import http from 'node:http';
import type { Duplex } from 'node:stream';
import { logStreamGrant } from '@skyarc/lib/contracts';
import { AppError, closeCodeOf, publicMessageOf, toAppError } from '@skyarc/lib/errors';
import { listen, type RunningService } from '@skyarc/lib/lifecycle';
import type { Block, StoredFrame } from '@skyarc/lib/log-block';
import { GrantVerifier } from '@skyarc/lib/signed-grant';
import { sleep } from '@skyarc/lib/retry';
import { type WebSocket, WebSocketServer } from 'ws';
import type { EventLog, FollowBatch } from './event-log.ts';
import type { LiveSink } from './followers.ts';
import { framesOf } from './store/frame.ts';

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
    void serve({ socket, wire: request.socket, url }, verifier, options.log);
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

interface Connection {
  readonly socket: WebSocket;
  /** What the socket writes its messages to. */
  readonly wire: Duplex;
  readonly url: URL;
}

async function serve(
  { socket, wire, url }: Connection,
  verifier: GrantVerifier,
  log: EventLog,
): Promise<void> {
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
    const sink: LiveSink = (blocks) => {
      if (socket.readyState !== socket.OPEN || socket.bufferedAmount > maxBufferedBytes) return false;
      wire.write(liveFrames(blocks));
      return true;
    };
    const position = { cursor: numberOf(url, 'cursor'), tail: numberOf(url, 'tail'), sink };
    for await (const batch of log.follow(stream, position, gone.signal)) {
      if (batch.block) wire.write(blockFrame(batch.block));
      else socket.send(textOf(batch));
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

function textOf({ frames, gap, cursor }: FollowBatch): string {
  return JSON.stringify({ cursor, ...(gap ? { gap } : { frames: frames.map(present) }) });
}

/** Live lines that were stored together are one message up to this text, else one a block. */
const messageBytes = 64 << 10;
const encoded = new WeakMap<Block | readonly Block[], Buffer>();

/** Messages of live blocks, encoded once for all readers of their stream. */
function liveFrames(blocks: readonly Block[]): Buffer {
  return encodedOnce(blocks, () => {
    const textBytes = blocks.reduce((sum, block) => sum + block.textBytes, 0);
    if (textBytes > messageBytes) return Buffer.concat(blocks.map(blockFrame));
    const cursor = blocks.at(-1)?.last ?? 0;
    return textFrame(textOf({ frames: blocks.flatMap(framesOf), gap: null, cursor }));
  });
}

function blockFrame(block: Block): Buffer {
  return encodedOnce(block, () =>
    textFrame(textOf({ frames: framesOf(block), gap: null, cursor: block.last })),
  );
}

function encodedOnce(key: Block | readonly Block[], encode: () => Buffer): Buffer {
  let frames = encoded.get(key);
  if (!frames) encoded.set(key, (frames = encode()));
  return frames;
}

/** A final text frame as servers send it, without a mask (RFC 6455, section 5.2). */
function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const headBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(headBytes + length);
  frame[0] = 0x81;
  if (headBytes === 2) frame[1] = length;
  else if (headBytes === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.write(text, headBytes);
  return frame;
}

function present({ sequence, timeMs, line, source, level, channel }: StoredFrame) {
  return { sequence, timeMs, line, source, level, channel };
}
