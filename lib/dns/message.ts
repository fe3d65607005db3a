import { decode, encode, type Answer, type DecodedPacket, type Packet } from 'dns-packet';
import { walkRecords } from './wire.ts';

/** Response codes (RFC 1035, 6895). */
export const codes = {
  ok: 0,
  formatError: 1,
  serverFailure: 2,
  nameError: 3,
  notImplemented: 4,
  refused: 5,
  badVersion: 16,
} as const;

/** A record's value as `dns-packet` knows it: text for A, AAAA, CNAME, NS and PTR, an object for the others. */
export type RecordData = string | number | readonly string[] | Readonly<Record<string, unknown>>;

export interface DnsRecord {
  readonly name: string;
  readonly type: string;
  /** Seconds. */
  readonly ttl: number;
  readonly data: RecordData;
}

export interface DnsQuery {
  readonly id: number;
  /** As it was asked, without the last dot. */
  readonly name: string;
  /** Lower-case, for comparing. */
  readonly key: string;
  /** Such as `A`; `UNKNOWN_<n>` for one without a name. */
  readonly type: string;
  readonly class: string;
  readonly wantsRecursion: boolean;
  readonly checkingDisabled: boolean;
  readonly authenticData: boolean;
  /** Undefined when the client does not speak EDNS (RFC 6891). */
  readonly edns:
    { readonly sizeBytes: number; readonly version: number; readonly wantsDnssec: boolean } | undefined;
  /** The message itself, and where its question ends. */
  readonly bytes: Buffer;
  readonly questionEnd: number;
}

export interface DnsReply {
  readonly code: number;
  readonly isAuthoritative?: boolean;
  readonly canRecurse?: boolean;
  readonly isTruncated?: boolean;
  readonly answers?: readonly DnsRecord[];
  readonly authorities?: readonly DnsRecord[];
  readonly additionals?: readonly DnsRecord[];
}

const flag = { response: 0x8000, authoritative: 0x0400, truncated: 0x0200, recursion: 0x0080 } as const;
const typeOpt = 41;
/** What fits one datagram on any path (DNS flag day 2020). */
const maxUdpBytes = 1232;
const plainUdpBytes = 512;

/**
 * A query as it was sent. For a message that is none, the code to refuse it with, or null for one that must not be
 * answered at all: too short, or itself an answer.
 */
export function parseQuery(bytes: Buffer): DnsQuery | { readonly id: number; readonly code: number } | null {
  if (bytes.length < 12 || (bytes.readUInt8(2) & 0x80) !== 0) return null;
  const id = bytes.readUInt16BE(0);
  const flags = bytes.readUInt16BE(2);
  const opcode = (flags >> 11) & 15;
  if (opcode !== 0) return { id, code: codes.notImplemented };
  if (bytes.readUInt16BE(4) !== 1) return { id, code: codes.formatError };
  let packet: DecodedPacket;
  let wire: ReturnType<typeof walkRecords>;
  try {
    packet = decode(bytes);
    wire = walkRecords(bytes);
  } catch {
    return { id, code: codes.formatError };
  }
  const opts = wire.records.filter(({ type }) => type === typeOpt);
  const [opt] = opts;
  const question = packet.questions?.[0];
  // Two OPT records are an error of form (RFC 6891, 6.1.1).
  if (!question || opts.length > 1) return { id, code: codes.formatError };
  return {
    id,
    name: question.name === '.' ? '' : question.name,
    key: question.name === '.' ? '' : question.name.toLowerCase(),
    type: question.type,
    class: question.class ?? 'IN',
    wantsRecursion: (flags & 0x0100) !== 0,
    checkingDisabled: (flags & 0x0010) !== 0,
    authenticData: (flags & 0x0020) !== 0,
    edns: opt && {
      sizeBytes: bytes.readUInt16BE(opt.ttlAt - 2),
      version: bytes.readUInt8(opt.ttlAt + 1),
      wantsDnssec: (bytes.readUInt16BE(opt.ttlAt + 2) & 0x8000) !== 0,
    },
    bytes,
    questionEnd: wire.questionEnd,
  };
}

/** How long a reply over UDP may be. */
export function udpLimitOf(query: DnsQuery): number {
  return Math.min(maxUdpBytes, Math.max(plainUdpBytes, query.edns?.sizeBytes ?? plainUdpBytes));
}

/** The reply as bytes; without additional records, then without any and marked as truncated, where it is too long. */
export function renderReply(query: DnsQuery, reply: DnsReply, limitBytes: number): Buffer {
  if (reply.isTruncated) return encodeReply(query, { ...reply, ...nothing });
  const whole = encodeReply(query, reply);
  if (whole.length <= limitBytes) return whole;
  const essential = encodeReply(query, { ...reply, additionals: [] });
  if (essential.length <= limitBytes) return essential;
  return encodeReply(query, { ...reply, ...nothing, isTruncated: true });
}

const nothing = { answers: [], authorities: [], additionals: [] } as const;

function encodeReply(query: DnsQuery, reply: DnsReply): Buffer {
  const opt = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: maxUdpBytes,
    extendedRcode: reply.code >> 4,
    ednsVersion: 0,
    flags: query.edns?.wantsDnssec ? 0x8000 : 0,
    options: [],
  };
  const packet = {
    type: 'response',
    id: query.id,
    flags:
      flag.response |
      (query.wantsRecursion ? 0x0100 : 0) |
      (query.checkingDisabled ? 0x0010 : 0) |
      (reply.isAuthoritative ? flag.authoritative : 0) |
      (reply.canRecurse ? flag.recursion : 0) |
      (reply.isTruncated ? flag.truncated : 0) |
      (reply.code & 15),
    questions: [{ name: query.name || '.', type: query.type, class: query.class }],
    answers: records(reply.answers, query),
    authorities: records(reply.authorities, query),
    additionals: [...records(reply.additionals, query), ...(query.edns ? [opt] : [])],
  };
  return compress(encode(packet as unknown as Packet));
}

/** Refers to the question's name where a record has the same (RFC 1035, 4.1.4): most do, and the encoder never refers. */
function compress(message: Buffer): Buffer {
  const { questionEnd, records: all } = walkRecords(message);
  const name = message.subarray(12, questionEnd - 4);
  if (name.length <= pointer.length) return message;
  const parts = [message.subarray(0, questionEnd)];
  for (const { start, ttlAt, end } of all) {
    const nameEnd = ttlAt - 4;
    const isSame = message.subarray(start, nameEnd).equals(name);
    parts.push(...(isSame ? [pointer, message.subarray(nameEnd, end)] : [message.subarray(start, end)]));
  }
  return Buffer.concat(parts);
}

/** To the first byte after the header. */
const pointer = Buffer.from([0xc0, 12]);

function records(some: readonly DnsRecord[] = [], query: DnsQuery): Answer[] {
  return some.map((record) => ({ ...record, class: query.class })) as unknown as Answer[];
}

/** A reply of a header alone, for what could not be read as a query. */
export function renderRefusal({ id, code }: { id: number; code: number }): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt16BE(id, 0);
  bytes.writeUInt16BE(flag.response | code, 2);
  return bytes;
}
