/** Where a record lies in a message; offsets in bytes. */
export interface WireRecord {
  readonly section: 'answer' | 'authority' | 'additional';
  readonly type: number;
  readonly start: number;
  /** Four bytes; in an OPT record the extended code, version and flags, and the size is in the two before. */
  readonly ttlAt: number;
  readonly dataAt: number;
  readonly end: number;
}

/**
 * The records of a message without decoding them, so that those of types unknown to us pass as they are.
 * Throws RangeError for a message that is cut off.
 */
export function walkRecords(message: Buffer): { questionEnd: number; records: WireRecord[] } {
  let at = 12;
  for (let i = message.readUInt16BE(4); i > 0; i -= 1) at = skipName(message, at) + 4;
  const questionEnd = at;
  if (questionEnd > message.length) throw new RangeError('the question is cut off');
  const records: WireRecord[] = [];
  const sections = ['answer', 'authority', 'additional'] as const;
  for (const [index, section] of sections.entries()) {
    for (let i = message.readUInt16BE(6 + 2 * index); i > 0; i -= 1) {
      const start = at;
      const typeAt = skipName(message, at);
      const dataAt = typeAt + 10;
      at = dataAt + message.readUInt16BE(typeAt + 8);
      if (at > message.length) throw new RangeError('a record is cut off');
      records.push({
        section,
        type: message.readUInt16BE(typeAt),
        start,
        ttlAt: typeAt + 4,
        dataAt,
        end: at,
      });
    }
  }
  return { questionEnd, records };
}

function skipName(message: Buffer, from: number): number {
  for (let at = from; ;) {
    const length = message.readUInt8(at);
    if (length >= 0xc0) return at + 2;
    if (length > 63) throw new RangeError('a label is of no known kind');
    at += length + 1;
    if (length === 0) return at;
  }
}
