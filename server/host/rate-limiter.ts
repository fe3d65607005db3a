import { AppError } from '@skyarc/lib/errors';

const maxKeys = 10_000;

/** Token buckets by key: at most `burst` at once and `perMinute` on the average. */
export class RateLimiter {
  private readonly burst: number;
  private readonly perMinute: number;
  private readonly buckets = new Map<string, { tokens: number; at: number }>();

  constructor(options: { readonly burst: number; readonly perMinute: number }) {
    this.burst = options.burst;
    this.perMinute = options.perMinute;
  }

  /** Takes one token. Throws EXHAUSTED with `details.retryAfterMs` when there is none. */
  take(key: string, what: string): void {
    const now = Date.now();
    const bucket = this.buckets.get(key) ?? { tokens: this.burst, at: now };
    const refilled = Math.min(this.burst, bucket.tokens + ((now - bucket.at) / 60_000) * this.perMinute);
    this.buckets.delete(key);
    this.buckets.set(key, { tokens: Math.max(0, refilled - 1), at: now });
    const oldest = this.buckets.keys().next().value;
    if (this.buckets.size > maxKeys && oldest !== undefined) this.buckets.delete(oldest);
    if (refilled >= 1) return;
    const retryAfterMs = Math.ceil(((1 - refilled) / this.perMinute) * 60_000);
    throw new AppError('EXHAUSTED', `${what}: too many attempts; wait ${Math.ceil(retryAfterMs / 1000)} s`, {
      details: { retryAfterMs },
    });
  }
}
