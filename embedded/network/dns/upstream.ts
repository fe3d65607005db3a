import { createSocket } from 'node:dgram';
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { AppError } from '@skyarc/lib/errors';

const timeoutMs = 2_000;
const cacheMs = 20_000;
const maxCached = 2_000;
const rereadMs = 10_000;

/**
 * Forwards questions about other names to the host's own name servers, byte for byte; answers are kept for
 * some seconds.
 */
export class Upstream {
  private readonly resolvConf: string;
  private readonly ownAddress: string;
  private servers: { readAt: number; addresses: string[] } = { readAt: 0, addresses: [] };
  private readonly cache = new Map<string, { answer: Buffer; until: number }>();

  constructor(options: { resolvConf: string; ownAddress: string }) {
    this.resolvConf = options.resolvConf;
    this.ownAddress = options.ownAddress;
  }

  /** The answer to a query, with the query's id. Throws UNAVAILABLE when no server answers. */
  async ask(query: Buffer, cacheKey: string, overTcp: boolean): Promise<Buffer> {
    const key = `${overTcp ? 'tcp' : 'udp'} ${cacheKey}`;
    const cached = this.cache.get(key);
    const answer =
      cached && cached.until > Date.now() ? cached.answer : await this.askServers(query, overTcp);
    if (answer !== cached?.answer) this.remember(key, answer);
    const own = Buffer.from(answer);
    query.copy(own, 0, 0, 2);
    return own;
  }

  private async askServers(query: Buffer, overTcp: boolean): Promise<Buffer> {
    let failure: unknown;
    for (const server of await this.readServers()) {
      try {
        return await (overTcp ? askTcp(server, query) : askUdp(server, query));
      } catch (error) {
        failure = error;
      }
    }
    throw new AppError('UNAVAILABLE', 'no name server of the host answers', { cause: failure });
  }

  /** Only whole, successful answers are kept, and never for long: their own times are not looked at. */
  private remember(key: string, answer: Buffer): void {
    const flags = answer.readUInt16BE(2);
    const isTruncated = (flags & 0x0200) !== 0;
    const code = flags & 0x000f;
    if (isTruncated || code !== 0) return;
    if (this.cache.size >= maxCached) {
      const [oldest] = this.cache.keys();
      if (oldest !== undefined) this.cache.delete(oldest);
    }
    this.cache.delete(key);
    this.cache.set(key, { answer, until: Date.now() + cacheMs });
  }

  private async readServers(): Promise<string[]> {
    if (Date.now() - this.servers.readAt > rereadMs) {
      const text = await readFile(this.resolvConf, 'utf8').catch(() => '');
      const addresses = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, address = '']) => address);
      this.servers = { readAt: Date.now(), addresses: addresses.filter((each) => each !== this.ownAddress) };
    }
    return this.servers.addresses;
  }
}

function askUdp(server: string, query: Buffer): Promise<Buffer> {
  const socket = createSocket(server.includes(':') ? 'udp6' : 'udp4');
  const id = randomInt(65_536);
  const sent = Buffer.from(query);
  sent.writeUInt16BE(id, 0);
  return new Promise<Buffer>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${server} did not answer`)), timeoutMs);
    socket.once('error', reject);
    // A connected socket takes datagrams from that server only.
    socket.connect(53, server, () => socket.send(sent));
    socket.on('message', (message) => {
      if (message.length >= 12 && message.readUInt16BE(0) === id) {
        clearTimeout(timer);
        resolve(message);
      }
    });
  }).finally(() => socket.close());
}

function askTcp(server: string, query: Buffer): Promise<Buffer> {
  const socket = connect({ host: server, port: 53 });
  socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`${server} did not answer`)));
  return new Promise<Buffer>((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    socket.once('error', reject).once('close', () => reject(new Error(`${server} closed`)));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        resolve(received.subarray(2, 2 + received.readUInt16BE(0)));
      }
    });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(query.length);
    socket.write(Buffer.concat([length, query]));
  }).finally(() => socket.destroy());
}
