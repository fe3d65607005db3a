import { uriHost } from '@skyarc/lib/address';
import { AppError } from '@skyarc/lib/errors';
import { codes, walkRecords, type DnsClient, type DnsQuery } from '@skyarc/lib/dns';
import { AnswerCache, ttlOf, type CachedAnswer } from './cache.ts';
import { NameServers, type NameServer } from './name-servers.ts';
import type { ForwardOptions } from './state.ts';
import { askTcp, askUdp } from './transport.ts';

const typeOpt = 41;
const maxOpen = 500;
/** What is left to an answer that is used after its time (RFC 8767, 4). */
const staleTtlSec = 30;
const maxUdpBytes = 1_232;

/** What became of questions about names of others. */
export interface ForwarderFigures {
  /** Answers that are kept. */
  readonly entries: number;
  readonly requests: number;
  /** Answered from what was kept. */
  readonly hits: number;
  readonly servers: ReadonlyMap<string, { readonly questions: number; readonly failures: number }>;
}

/**
 * Asks other servers, byte for byte, so that records of every type pass. Each answer is kept as long as it says,
 * a "no" too (RFC 2308), and longer while no server answers (RFC 8767); the same question is open once.
 */
export class Forwarder {
  private readonly cache = new AnswerCache();
  private readonly open = new Map<string, Promise<CachedAnswer>>();
  private servers: NameServers;
  private requests = 0;
  private hits = 0;
  private readonly asked = new Map<string, { questions: number; failures: number }>();

  constructor(options: ForwardOptions) {
    this.servers = new NameServers(options);
  }

  /** New servers; what is in the cache stays. */
  configure(options: ForwardOptions): void {
    this.servers = new NameServers(options);
  }

  /** Since the process began; other servers by `address:port`. */
  get figures(): ForwarderFigures {
    const { requests, hits, asked } = this;
    return { entries: this.cache.size, requests, hits, servers: asked };
  }

  /** The answer as this client may have it. Throws UNAVAILABLE when no server answers. */
  async answer(query: DnsQuery, client: Pick<DnsClient, 'limitBytes'>): Promise<Buffer> {
    return adapt(await this.find(query), query, client.limitBytes);
  }

  private async find(query: DnsQuery): Promise<CachedAnswer> {
    const key = `${questionKeyOf(query)} ${query.edns?.wantsDnssec ?? false} ${query.checkingDisabled}`;
    this.requests += 1;
    const known = this.cache.find(key);
    if (known) this.hits += 1;
    return known ?? this.open.get(key) ?? this.ask(key, query);
  }

  private ask(key: string, query: DnsQuery): Promise<CachedAnswer> {
    if (this.open.size >= maxOpen) throw new AppError('EXHAUSTED', 'too many questions are open');
    const asking = this.askServers(query)
      .then((bytes) => {
        const isFailure = (bytes.readUInt8(3) & 15) === codes.serverFailure;
        return (
          (isFailure ? this.cache.find(key, { stale: true }) : undefined) ?? this.cache.store(key, bytes)
        );
      })
      .catch((error: unknown) => {
        const stale = this.cache.find(key, { stale: true });
        if (!stale) throw error;
        return stale;
      })
      .finally(() => this.open.delete(key));
    this.open.set(key, asking);
    return asking;
  }

  /** The first useful answer, server by server; a server that fails is asked last for a while. */
  private async askServers(query: DnsQuery): Promise<Buffer> {
    const message = questionOf(query);
    let failure: unknown;
    let refusal: Buffer | undefined;
    for (const server of await this.servers.inOrder(query.key)) {
      try {
        let answer = await askUdp(server, message);
        if ((answer.readUInt8(2) & 0x02) !== 0) answer = await askTcp(server, message);
        const code = answer.readUInt8(3) & 15;
        this.report(server, true);
        if (code === codes.ok || code === codes.nameError) return answer;
        refusal = answer;
      } catch (error) {
        this.report(server, false);
        failure = error;
      }
    }
    if (refusal) return refusal;
    throw new AppError('UNAVAILABLE', 'no name server of the host answers', { cause: failure });
  }

  private report(server: NameServer, hasAnswered: boolean): void {
    this.servers.report(server, hasAnswered);
    const name = `${uriHost(server.address)}:${server.port}`;
    const { questions, failures } = this.asked.get(name) ?? { questions: 0, failures: 0 };
    this.asked.set(name, { questions: questions + 1, failures: failures + Number(!hasAnswered) });
  }
}

/** By the bytes: a name as text does not tell a dot in a label from one between labels. Type and class have no case. */
function questionKeyOf({ bytes, questionEnd }: DnsQuery): string {
  const name = bytes
    .toString('latin1', 12, questionEnd - 4)
    .replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
  return `${name} ${bytes.readUInt32BE(questionEnd - 4)}`;
}

/** Our own question for the client's, with EDNS. Its id is the transport's matter. */
function questionOf(query: DnsQuery): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(
    0x0100 | (query.checkingDisabled ? 0x0010 : 0) | (query.authenticData ? 0x0020 : 0),
    2,
  );
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(1, 10);
  const opt = Buffer.from([0, 0, typeOpt, 0, 0, 0, 0, query.edns?.wantsDnssec ? 0x80 : 0, 0, 0, 0]);
  opt.writeUInt16BE(maxUdpBytes, 3);
  return Buffer.concat([header, query.bytes.subarray(12, query.questionEnd), opt]);
}

/** The answer with the client's id and spelling, times as they are by now, and EDNS only for who speaks it. */
function adapt({ bytes, storedAtMs, holdsMs }: CachedAnswer, query: DnsQuery, limitBytes: number): Buffer {
  const ageSec = Math.floor((Date.now() - storedAtMs) / 1_000);
  const isStale = holdsMs > 0 && ageSec * 1_000 >= holdsMs;
  const answer = Buffer.from(bytes);
  query.bytes.copy(answer, 12, 12, query.questionEnd);
  answer.writeUInt16BE(query.id, 0);
  const seen = query.authenticData || query.edns?.wantsDnssec ? 0x0020 : 0;
  const kept = answer.readUInt16BE(2) & (0x000f | seen | 0x0200);
  answer.writeUInt16BE(
    0x8080 | kept | (query.wantsRecursion ? 0x0100 : 0) | (query.checkingDisabled ? 0x0010 : 0),
    2,
  );
  const { questionEnd, records } = walkRecords(answer);
  for (const { type, ttlAt } of records) {
    if (type === typeOpt) answer.writeUInt16BE(maxUdpBytes, ttlAt - 2);
    else answer.writeUInt32BE(isStale ? staleTtlSec : Math.max(0, ttlOf(answer, ttlAt) - ageSec), ttlAt);
  }
  const opt = records.find(({ type }) => type === typeOpt);
  const whole = opt && !query.edns ? without(answer, opt) : answer;
  if (whole.length <= limitBytes) return whole;
  const header = Buffer.from(whole.subarray(0, questionEnd));
  header.writeUInt16BE(header.readUInt16BE(2) | 0x0200, 2);
  header.fill(0, 6, 12);
  if (!opt || !query.edns) return header;
  header.writeUInt16BE(1, 10);
  return Buffer.concat([header, answer.subarray(opt.start, opt.end)]);
}

/** Names never refer into an OPT record, and it is the last one as servers write it. */
function without(message: Buffer, { start, end }: { start: number; end: number }): Buffer {
  const shorter = Buffer.concat([message.subarray(0, start), message.subarray(end)]);
  shorter.writeUInt16BE(shorter.readUInt16BE(10) - 1, 10);
  return shorter;
}
