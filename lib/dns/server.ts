import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { uriHost } from '@skyarc/lib/address';
import { AppError, messageOf } from '@skyarc/lib/errors';
import type { RunningService } from '@skyarc/lib/lifecycle';
import { retry, sleep } from '@skyarc/lib/retry';
import {
  codes,
  parseQuery,
  renderRefusal,
  renderReply,
  udpLimitOf,
  type DnsQuery,
  type DnsReply,
} from './message.ts';

export interface DnsClient {
  readonly address: string;
  readonly isTcp: boolean;
  /** Longest reply that the client takes. */
  readonly limitBytes: number;
}

/** The reply to one query, or its bytes; undefined leaves the client without one. A throw becomes a server failure. */
export type DnsHandler = (
  query: DnsQuery,
  client: DnsClient,
) => Promise<DnsReply | Buffer | undefined> | DnsReply | Buffer | undefined;

export interface DnsServerOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Lets another process serve the same address meanwhile, as while one replaces another. */
  readonly reusePort?: boolean;
  readonly handle: DnsHandler;
  readonly onError?: (message: string) => void;
}

const idleTcpMs = 10_000;
const maxTcpClients = 256;
/** Of one connection, unanswered: a client that asks more waits. */
const maxPipelined = 64;
const drainMs = 2_000;
const receiveBufferBytes = 1 << 20;

/** Serves DNS over UDP and TCP. `stop` answers what has been asked. Throws UNAVAILABLE when the address cannot be had. */
export async function startDnsServer(options: DnsServerOptions): Promise<RunningService> {
  const { host } = options;
  try {
    // A port that is free for UDP may be taken for TCP.
    const attempts = options.port === 0 ? 10 : 1;
    const { udp, tcp } = await retry(() => bindBoth(options), { attempts, baseMs: 1 });
    const { port } = udp.address();
    const open = new Set<Promise<void>>();
    udp.on('message', (bytes, peer) => {
      const answering = answer(options, bytes, peer.address, false)
        .then((reply) => {
          if (reply) udp.send(reply, peer.port, peer.address, () => undefined);
        })
        .finally(() => open.delete(answering));
      open.add(answering);
    });
    return {
      url: `dns://${uriHost(host)}:${port}`,
      stop: async () => {
        udp.removeAllListeners('message');
        await Promise.race([Promise.all(open), sleep(drainMs)]);
        await Promise.all([new Promise<void>((done) => udp.close(() => done())), tcp.stop()]);
      },
    };
  } catch (cause) {
    throw new AppError('UNAVAILABLE', `Cannot serve names on ${host}:${options.port}: ${messageOf(cause)}`, {
      cause,
    });
  }
}

async function bindBoth(options: DnsServerOptions): Promise<{ udp: UdpSocket; tcp: TcpSide }> {
  const { host, reusePort = false } = options;
  const udp = await bindUdp(options);
  const tcp = new TcpSide(options);
  await tcp.listen({ host, port: udp.address().port, reusePort }).catch((error: unknown) => {
    udp.close();
    throw error;
  });
  return { udp, tcp };
}

function bindUdp({ host, port, reusePort, onError }: DnsServerOptions): Promise<UdpSocket> {
  const udp = createSocket({
    type: host.includes(':') ? 'udp6' : 'udp4',
    reusePort,
    recvBufferSize: receiveBufferBytes,
  });
  return new Promise((resolve, reject) => {
    udp.once('error', reject).bind(port, host, () => {
      udp.off('error', reject).on('error', (error) => onError?.(error.message));
      resolve(udp);
    });
  });
}

/** Messages with two bytes of length before each (RFC 1035, 4.2.2; RFC 7766). */
class TcpSide {
  private readonly options: DnsServerOptions;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor(options: DnsServerOptions) {
    this.options = options;
    this.server = createServer((socket) => this.serve(socket));
    this.server.maxConnections = maxTcpClients;
  }

  listen(where: { host: string; port: number; reusePort: boolean }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject).listen(where, resolve);
    });
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroySoon();
    await new Promise<void>((done) => {
      this.server.close(() => done());
    });
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket.once('close', () => this.sockets.delete(socket)));
    socket.on('error', () => socket.destroy());
    socket.setTimeout(idleTcpMs, () => socket.destroy());
    let received: Buffer = Buffer.alloc(0);
    let open = 0;
    const take = () => {
      while (open < maxPipelined && received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0);
        const bytes = Buffer.from(received.subarray(2, end));
        received = received.subarray(end);
        open += 1;
        void answer(this.options, bytes, socket.remoteAddress ?? '', true).then((reply) => {
          open -= 1;
          if (!reply) socket.destroy();
          else if (!socket.destroyed) socket.write(Buffer.concat([lengthOf(reply), reply]));
          if (socket.isPaused()) socket.resume();
          take();
        });
      }
      if (open >= maxPipelined) socket.pause();
    };
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      take();
    });
  }
}

function lengthOf(message: Buffer): Buffer {
  const prefix = Buffer.alloc(2);
  prefix.writeUInt16BE(message.length);
  return prefix;
}

/** The reply to one message; undefined for bytes that get none. */
async function answer(
  { handle, onError }: DnsServerOptions,
  bytes: Buffer,
  address: string,
  isTcp: boolean,
): Promise<Buffer | undefined> {
  const query = parseQuery(bytes);
  if (query === null) return undefined;
  if ('code' in query) return renderRefusal(query);
  const limitBytes = isTcp ? 65_535 : udpLimitOf(query);
  try {
    if (query.edns && query.edns.version > 0)
      return renderReply(query, { code: codes.badVersion }, limitBytes);
    // IPv4 as it reaches a socket that takes both.
    const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
    const reply = await handle(query, { address: plain, isTcp, limitBytes });
    return reply === undefined || Buffer.isBuffer(reply) ? reply : renderReply(query, reply, limitBytes);
  } catch (error) {
    onError?.(`${query.name} ${query.type}: ${messageOf(error)}`);
    return renderReply(query, { code: codes.serverFailure }, limitBytes);
  }
}
