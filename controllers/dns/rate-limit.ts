import { isIPv4 } from 'node:net';
import type { DnsSettings } from './config.ts';

/** What to do with an answer: send it, send it without records so that the client asks over TCP, or say nothing. */
export type Verdict = 'send' | 'truncate' | 'drop';

interface Bucket {
  tokens: number;
  filledAtMs: number;
  held: number;
}

const maxBuckets = 50_000;
/** How much may come at once, as seconds of the rate. */
const burstSec = 5;

/**
 * Response rate limiting: bounds the answers to one network, since who asks over UDP may be forged and the answers
 * hit somebody else. The same answer is bounded first: a resolver that asks for many names is none of that.
 */
export class RateLimit {
  private readonly settings: DnsSettings['rateLimit'];
  private readonly now: () => number;
  private readonly buckets = new Map<string, Bucket>();

  constructor(settings: DnsSettings['rateLimit'], now: () => number = Date.now) {
    this.settings = settings;
    this.now = now;
  }

  get size(): number {
    return this.buckets.size;
  }

  /** The verdict on one answer; `answer` names it: a name and type, or its code for a "no". */
  take(client: string, answer: string): Verdict {
    const network = networkOf(client);
    const { samePerSec, allPerSec, slip } = this.settings;
    const same = this.bucket(`${network} ${answer}`, samePerSec);
    const all = this.bucket(network, allPerSec);
    const scarce = [same, all].find((bucket) => bucket && bucket.tokens < 1);
    if (!scarce) {
      for (const bucket of [same, all]) if (bucket) bucket.tokens -= 1;
      return 'send';
    }
    scarce.held += 1;
    return scarce.held % slip === 0 ? 'truncate' : 'drop';
  }

  private bucket(key: string, perSec: number): Bucket | undefined {
    if (perSec === 0) return undefined;
    const now = this.now();
    const capacity = perSec * burstSec;
    const bucket = this.buckets.get(key) ?? { tokens: capacity, filledAtMs: now, held: 0 };
    bucket.tokens = Math.min(capacity, bucket.tokens + ((now - bucket.filledAtMs) / 1_000) * perSec);
    bucket.filledAtMs = now;
    this.buckets.delete(key);
    this.buckets.set(key, bucket);
    if (this.buckets.size > maxBuckets) {
      const [oldest] = this.buckets.keys();
      if (oldest !== undefined) this.buckets.delete(oldest);
    }
    return bucket;
  }
}

/** Who shares a bound: /24 of IPv4, /56 of IPv6. */
function networkOf(address: string): string {
  if (isIPv4(address)) return address.slice(0, address.lastIndexOf('.'));
  const [head = '', tail] = address.split('::');
  const first = head.split(':').filter(Boolean);
  const last = (tail ?? '').split(':').filter(Boolean);
  const groups =
    tail === undefined
      ? first
      : [...first, ...Array<string>(8 - first.length - last.length).fill('0'), ...last];
  const [a = '0', b = '0', c = '0', d = '0'] = groups;
  return `${a}:${b}:${c}:${d.padStart(4, '0').slice(0, 2)}`;
}
