import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import {
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  type Answer,
  type DecodedPacket,
  type Packet,
} from 'dns-packet';
import { AppError, messageOf } from '@skyarc/lib/errors';
import type { RunningService } from '@skyarc/lib/lifecycle';
import type { Logger } from '@skyarc/lib/log';
import type { ClusterNames } from './records.ts';
import type { Upstream } from './upstream.ts';

export interface DnsServerOptions {
  readonly host: string;
  readonly port: number;
  readonly domain: string;
  readonly names: ClusterNames;
  readonly upstream: Upstream;
  readonly log: Logger;
}

const recursionAvailable = 0x0080;
const truncated = 0x0200;
const plainUdpBytes = 512;
/** What fits one datagram on any path (DNS flag day 2020). */
const maxUdpBytes = 1232;
const idleTcpMs = 10_000;

/** Serves DNS over UDP and TCP: cluster names by ourselves, all others from upstream. */
export async function startDnsServer(options: DnsServerOptions): Promise<RunningService> {
  const { host, port } = options;
  const udp = createSocket({ type: 'udp4', reuseAddr: false });
  udp.on('message', (query, peer) => {
    void answer(options, query, false).then((reply) => {
      if (reply) udp.send(reply, peer.port, peer.address, () => undefined);
    });
  });
  await new Promise<void>((resolve, reject) => {
    udp.once('error', (cause) =>
      reject(
        new AppError('UNAVAILABLE', `Cannot serve names on ${host}:${port}: ${cause.message}`, { cause }),
      ),
    );
    udp.bind(port, host, () => {
      udp.on('error', () => undefined);
      resolve();
    });
  });
  const sockets = new Set<Socket>();
  const tcp = createServer((socket) => {
    sockets.add(socket.once('close', () => sockets.delete(socket)));
    serveTcp(options, socket);
  });
  await new Promise<void>((resolve, reject) => {
    tcp.once('error', reject).listen(udp.address().port, host, resolve);
  });
  return {
    url: `dns://${host}:${udp.address().port}`,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await Promise.all([
        new Promise<void>((resolve) => udp.close(() => resolve())),
        new Promise<void>((resolve) => tcp.close(() => resolve())),
      ]);
    },
  };
}

/** Messages with two bytes of length before each (RFC 1035, 4.2.2). */
function serveTcp(options: DnsServerOptions, socket: Socket): void {
  let received: Buffer = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.setTimeout(idleTcpMs, () => socket.destroy());
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const length = received.readUInt16BE(0);
      const query = Buffer.from(received.subarray(2, 2 + length));
      received = received.subarray(2 + length);
      void answer(options, query, true).then((reply) => {
        if (!reply || socket.destroyed) return;
        const prefix = Buffer.alloc(2);
        prefix.writeUInt16BE(reply.length);
        socket.write(Buffer.concat([prefix, reply]));
      });
    }
  });
}

/** The reply to one query; undefined for bytes that are no query. */
async function answer(
  options: DnsServerOptions,
  query: Buffer,
  overTcp: boolean,
): Promise<Buffer | undefined> {
  let request: DecodedPacket;
  try {
    request = decode(query);
  } catch {
    return undefined;
  }
  const question = request.questions?.[0];
  if (request.type !== 'query' || !question) return undefined;
  const limit = overTcp ? 65_535 : udpLimitOf(request);
  try {
    const found = options.names.resolve(question.name, question.type);
    if (found) {
      const authorities = found.answers.length > 0 ? [] : [soaOf(options.domain)];
      const code = found.exists ? 0 : 3;
      return fit(
        request,
        { answers: [...found.answers], authorities, code, flags: AUTHORITATIVE_ANSWER },
        limit,
      );
    }
    const key = `${question.name.toLowerCase()} ${question.type} ${ednsOf(request)?.flags ?? '-'}`;
    const reply = await options.upstream.ask(query, key, overTcp);
    return reply.length <= limit ? reply : fit(request, { code: 0, flags: truncated }, limit);
  } catch (error) {
    options.log.debug({ name: question.name, reason: messageOf(error) }, 'cannot resolve name');
    return fit(request, { code: 2, flags: 0 }, limit);
  }
}

interface Reply {
  readonly answers?: Answer[];
  readonly authorities?: Answer[];
  /** RCODE of RFC 1035: 0 no error, 2 server failure, 3 no such name. */
  readonly code: number;
  readonly flags: number;
}

/** The reply as bytes; without its records and marked as truncated when they do not fit. */
function fit(request: DecodedPacket, reply: Reply, limit: number): Buffer {
  const asked = request.flags ?? 0;
  const packet: Packet = {
    type: 'response',
    id: request.id,
    // The asker's RD bit comes back.
    flags: (asked & 0x0100) | recursionAvailable | reply.flags | reply.code,
    questions: request.questions,
    answers: reply.answers,
    authorities: reply.authorities,
    additionals: ednsOf(request)
      ? [{ type: 'OPT', name: '.', udpPayloadSize: maxUdpBytes, flags: 0, options: [] } as unknown as Answer]
      : [],
  };
  const bytes = encode(packet);
  if (bytes.length <= limit) return bytes;
  return encode({ ...packet, answers: [], authorities: [], flags: (packet.flags ?? 0) | truncated });
}

function ednsOf(request: DecodedPacket): { udpPayloadSize: number; flags: number } | undefined {
  return request.additionals?.find(({ type }) => type === 'OPT') as unknown as
    { udpPayloadSize: number; flags: number } | undefined;
}

function udpLimitOf(request: DecodedPacket): number {
  const size = ednsOf(request)?.udpPayloadSize ?? plainUdpBytes;
  return Math.min(maxUdpBytes, Math.max(plainUdpBytes, size));
}

/** Tells resolvers how long a "no" holds (RFC 2308). */
function soaOf(domain: string): Answer {
  const data = {
    mname: `ns.dns.${domain}`,
    rname: `hostmaster.${domain}`,
    serial: Math.floor(Date.now() / 1_000),
    refresh: 7_200,
    retry: 1_800,
    expire: 86_400,
    minimum: 5,
  };
  return { type: 'SOA', name: domain, ttl: 5, data };
}
