import { walkRecords } from '@skyarc/lib/dns';

/** An answer of another server, with what its records say of how long it holds. */
export interface CachedAnswer {
  readonly bytes: Buffer;
  readonly storedAtMs: number;
  readonly holdsMs: number;
}

const maxHoldSec = 3_600;
/** Of a "no" (RFC 2308, 5). */
const maxNegativeHoldSec = 300;
/** Of "I cannot say" (RFC 2308, 7.1): long enough to spare a server in trouble. */
const failureHoldSec = 2;
/** How long after its time an answer may still help, when no server answers (RFC 8767). */
const maxStaleMs = 3_600_000;
const typeSoa = 6;
const typeOpt = 41;

/** Answers by question, the least recently asked ones dropped first. */
export class AnswerCache {
  private readonly maxEntries: number;
  private readonly entries = new Map<string, CachedAnswer>();

  constructor(maxEntries = 4_000) {
    this.maxEntries = maxEntries;
  }

  get size(): number {
    return this.entries.size;
  }

  /** An answer that holds; with `stale` also one whose time is over. */
  find(key: string, { stale = false } = {}): CachedAnswer | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    const ageMs = Date.now() - entry.storedAtMs;
    if (ageMs >= entry.holdsMs + maxStaleMs) this.entries.delete(key);
    if (ageMs >= entry.holdsMs + (stale ? maxStaleMs : 0)) return undefined;
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry;
  }

  store(key: string, bytes: Buffer): CachedAnswer {
    const entry = { bytes, storedAtMs: Date.now(), holdsMs: holdSecondsOf(bytes) * 1_000 };
    if (entry.holdsMs === 0) return entry;
    this.entries.delete(key);
    this.entries.set(key, entry);
    for (const oldest of this.entries.keys()) {
      if (this.entries.size <= this.maxEntries) break;
      this.entries.delete(oldest);
    }
    return entry;
  }
}

/** Seconds that a message may be used again; 0 when it may not. */
function holdSecondsOf(message: Buffer): number {
  const code = message.readUInt8(3) & 15;
  if ((message.readUInt8(2) & 0x02) !== 0) return 0;
  if (code === 2) return failureHoldSec;
  if (code !== 0 && code !== 3) return 0;
  const { records } = walkRecords(message);
  const soa = records.find(({ section, type }) => section === 'authority' && type === typeSoa);
  const ttls = records
    .filter(({ section, type }) => section === 'answer' && type !== typeOpt)
    .map(({ ttlAt }) => ttlOf(message, ttlAt));
  const isNegative = code === 3 || (ttls.length === 0 && soa !== undefined);
  // Without an SOA nobody has said how long a "no" holds: it is not kept.
  if (isNegative || ttls.length === 0) {
    if (!soa) return 0;
    return Math.min(
      ttlOf(message, soa.ttlAt),
      message.readUInt32BE(soa.end - 4),
      maxNegativeHoldSec,
      ...ttls,
    );
  }
  return Math.min(...ttls, maxHoldSec);
}

/** A time with its highest bit set counts as none (RFC 2181, 8). */
export function ttlOf(message: Buffer, at: number): number {
  const ttl = message.readUInt32BE(at);
  return ttl > 0x7fff_ffff ? 0 : ttl;
}
