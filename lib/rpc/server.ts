import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import type { ConnectRouter } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { AppError } from '@skyarc/lib/errors';
import { listen, type RunningService } from '@skyarc/lib/lifecycle';
import { sleep } from '@skyarc/lib/retry';
import { answersDirectly, type DirectCall } from './direct.ts';
import type { DirectStream } from './direct-stream.ts';
import { serverErrors } from './errors.ts';
import { jsonLines } from './json-lines.ts';

export interface RpcTls {
  readonly cert: string;
  readonly key: string;
  /** Given: clients must show a certificate of this authority. */
  readonly clientCa?: string;
}

export interface RpcServerOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly routes?: (router: ConnectRouter) => void;
  /** Unary calls of which there are many: binary ones over HTTP/2 pass Connect by, and have no end but the client's. */
  readonly direct?: readonly DirectCall[];
  /** Streams both ways of which there are many: by gRPC they pass Connect by, and by nothing else they are served. */
  readonly directStreams?: readonly DirectStream[];
  readonly tls?: RpcTls;
  /** Largest request that is read; default 4 MiB. */
  readonly readMaxBytes?: number;
  /** How long `stop()` waits for running calls; streams are ended at once. Default 5 000 ms. */
  readonly drainMs?: number;
}

/** Whether a stream of HTTP/2 was taken. */
type IsAnswered = (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => boolean;
type Handler = http.RequestListener & Parameters<typeof http2.createServer>[1];

/**
 * Serves gRPC and Connect over HTTP/2 and Connect JSON over HTTP/1.1 on one port, with or without TLS. A stream of
 * answers comes as lines of JSON to who asks with plain JSON.
 * Handlers throw AppErrors. `stop()` takes no new work, ends streams, then waits for running calls.
 * Throws UNAVAILABLE when the port is taken.
 */
export async function startRpcServer(options: RpcServerOptions): Promise<RunningService> {
  const shutdown = new AbortController();
  const readMaxBytes = options.readMaxBytes ?? 4 << 20;
  const direct = {
    calls: new Map(options.direct?.map((call) => [call.path, call])),
    streams: new Map(options.directStreams?.map((stream) => [stream.path, stream])),
    readMaxBytes,
    signal: shutdown.signal,
  };
  const isAnswered: IsAnswered = (stream, headers) => answersDirectly(direct, stream, headers);
  const routes = options.routes ?? (() => undefined);
  const routing = {
    interceptors: [serverErrors],
    readMaxBytes,
    // Over loopback and inside a cluster, compressing costs more than it saves.
    acceptCompression: [],
    shutdownSignal: shutdown.signal,
  };
  const answersInLines = jsonLines(routes, routing);
  const answersRest = connectNodeAdapter({ routes, ...routing });
  const handler = ((...exchange: Parameters<typeof answersRest>) => {
    if (!answersInLines(...exchange)) answersRest(...exchange);
  }) as Handler;
  const { listener, drain } = options.tls
    ? secureServer(handler, isAnswered, options.tls)
    : plainServer(handler, isAnswered);
  const sockets = new Set<net.Socket>();
  listener.on('connection', (socket: net.Socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.once('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
  });
  const port = await listen(listener, options);
  const stop = async (): Promise<void> => {
    const closed = once(listener, 'close');
    listener.close();
    shutdown.abort(new AppError('UNAVAILABLE', 'The server is stopping'));
    drain();
    const timer = new AbortController();
    await Promise.race([closed, sleep(options.drainMs ?? 5_000, timer.signal).catch(() => undefined)]);
    timer.abort();
    for (const socket of sockets) socket.destroy();
  };
  let stopping: Promise<void> | undefined;
  return {
    url: `${options.tls ? 'https' : 'http'}://${options.host}:${port}`,
    stop: () => (stopping ??= stop()),
  };
}

interface Listener {
  readonly listener: net.Server;
  /** Lets every connection end once its calls have ended. */
  readonly drain: () => void;
}

/** Node's HTTP/2 server cannot speak HTTP/1.1 without TLS, so the first bytes choose (RFC 9113, 3.4). */
function plainServer(handler: Handler, isAnswered: IsAnswered): Listener {
  const http1 = http.createServer(handler);
  const h2 = http2.createServer(handler);
  answerFirst(h2, isAnswered);
  const sessions = trackSessions(h2);
  const idle = new Set<net.Socket>();
  let draining = false;
  http1.on('request', ({ socket }: http.IncomingMessage, response: http.ServerResponse) => {
    idle.delete(socket);
    response.once('close', () => (draining ? socket.destroySoon() : idle.add(socket)));
    socket.once('close', () => idle.delete(socket));
  });
  const listener = net.createServer((socket) => {
    choose(socket, (isHttp2) => (isHttp2 ? h2 : http1).emit('connection', socket));
  });
  return {
    listener,
    drain() {
      // A server that never listened itself does not know its idle connections.
      draining = true;
      for (const socket of idle) socket.destroy();
      for (const session of sessions) session.close();
    },
  };
}

function secureServer(handler: Handler, isAnswered: IsAnswered, tls: RpcTls): Listener {
  const listener = http2.createSecureServer(
    {
      allowHTTP1: true,
      cert: tls.cert,
      key: tls.key,
      ...(tls.clientCa === undefined
        ? {}
        : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }),
    },
    handler as Parameters<typeof http2.createSecureServer>[1],
  );
  answerFirst(listener, isAnswered);
  const sessions = trackSessions(listener);
  return {
    listener,
    drain() {
      for (const session of sessions) session.close();
    },
  };
}

/** Puts ours before what Node makes of a stream for its handler of requests. */
function answerFirst(server: http2.Http2Server | http2.Http2SecureServer, isAnswered: IsAnswered): void {
  const others = server.listeners('stream') as ((...args: unknown[]) => void)[];
  server.removeAllListeners('stream');
  server.on('stream', (stream, headers, ...rest) => {
    if (isAnswered(stream, headers)) return;
    for (const other of others) other.call(server, stream, headers, ...rest);
  });
}

function trackSessions(server: http2.Http2Server | http2.Http2SecureServer): Set<http2.Http2Session> {
  const sessions = new Set<http2.Http2Session>();
  server.on('session', (session: http2.Http2Session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session)).on('error', () => session.destroy());
  });
  return sessions;
}

/** Looks at the first three bytes and puts them back. */
function choose(socket: net.Socket, decide: (isHttp2: boolean) => void): void {
  let seen = Buffer.alloc(0);
  const onReadable = (): void => {
    for (let chunk: Buffer | null; seen.length < 3 && (chunk = socket.read() as Buffer | null);) {
      seen = Buffer.concat([seen, chunk]);
    }
    if (seen.length < 3) return;
    socket.off('readable', onReadable);
    socket.unshift(seen);
    decide(seen.toString('latin1', 0, 3) === 'PRI');
  };
  socket.on('readable', onReadable);
}
