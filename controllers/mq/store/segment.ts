import type { DeadRecord, MessageRecord } from './records.ts';

/** The messages of one commit; null for those that were removed since. */
export type Segment = readonly (MessageRecord | null)[];

/** What is rarely there. */
interface Rest {
  readonly lane?: string;
  readonly notBeforeMs?: number;
  readonly dead?: DeadRecord;
}

/** Lengths of the bodies, which follow each other after the header. */
type Entry = readonly [messageId: string, key: string, bodyBytes: number, rest?: Rest] | null;

interface Header {
  readonly publishedMs: number;
  readonly messages: readonly Entry[];
}

/** `<length of the header, 32 bits><header as JSON><bodies>`: one value of etcd for all messages of a commit. */
export function encodeSegment(segment: Segment): Buffer {
  const messages = segment.map((message): Entry => {
    if (!message) return null;
    const { messageId, key, body, lane, notBeforeMs, dead } = message;
    const hasRest = lane !== undefined || notBeforeMs !== undefined || dead !== undefined;
    return hasRest
      ? [messageId, key, body.length, { lane, notBeforeMs, dead }]
      : [messageId, key, body.length];
  });
  const publishedMs = segment.find((message) => message !== null)?.publishedMs ?? 0;
  const header = Buffer.from(JSON.stringify({ publishedMs, messages } satisfies Header));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(header.length);
  return Buffer.concat([length, header, ...segment.flatMap((message) => message?.body ?? [])]);
}

export function decodeSegment(value: Buffer): Segment {
  const bodiesAt = 4 + value.readUInt32BE();
  const header = JSON.parse(value.toString('utf8', 4, bodiesAt)) as Header;
  let at = bodiesAt;
  return header.messages.map((entry) => {
    if (!entry) return null;
    const [messageId, key, bytes, rest] = entry;
    const body = value.subarray(at, (at += bytes));
    return { messageId, key, publishedMs: header.publishedMs, body, ...rest };
  });
}
