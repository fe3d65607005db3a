import { sleep } from '@skyarc/lib/retry';
import type { NginxAdmin, NginxMetrics } from './nginx/admin-client.ts';
import { column, firstBucket } from './metrics.ts';

const readEveryMs = 5_000;
const windowReadings = 12;

/** What one route did, per second, over the window. */
export interface RouteStat {
  /** Of the Ingress. */
  readonly namespace: string;
  readonly ingress: string;
  /** Service and port that answered; empty when the Ingress leads nowhere. */
  readonly service: string;
  readonly port: number | null;
  readonly requestsPerSecond: number;
  /** Answers 5xx. */
  readonly errorsPerSecond: number;
  /** Answers 4xx. */
  readonly refusalsPerSecond: number;
  readonly bytesPerSecond: number;
  /** Tries of endpoints that failed before an answer. */
  readonly failedTriesPerSecond: number;
  /** Interpolated in the buckets of the histogram. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

export interface RouteStatsSnapshot {
  /** ISO 8601; of the last reading. */
  readonly at: string;
  /** At most 60; shorter after a start. */
  readonly windowSeconds: number;
  /** Routes that had a request in the window. */
  readonly routes: readonly RouteStat[];
}

interface Reading {
  readonly at: number;
  readonly metrics: NginxMetrics;
}

/** Reads nginx's counters every 5 s and tells what happened in the last minute. */
export class RouteStats {
  private readonly admin: NginxAdmin;
  private readonly readings: Reading[] = [];
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(admin: NginxAdmin) {
    this.admin = admin;
  }

  start(): void {
    this.running = this.follow();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  snapshot(): RouteStatsSnapshot {
    const [first, last] = [this.readings[0], this.readings.at(-1)];
    if (!first || !last || first === last)
      return { at: new Date(last?.at ?? Date.now()).toISOString(), windowSeconds: 0, routes: [] };
    const windowSeconds = (last.at - first.at) / 1_000;
    const routes = Object.entries(last.metrics.series).flatMap(([series, now]) => {
      const before = first.metrics.series[series] ?? [];
      const difference = now.map((value, index) => Math.max(0, value - (before[index] ?? 0)));
      const stat = statOf(series, difference, { windowSeconds, bounds: last.metrics.bounds });
      return stat ? [stat] : [];
    });
    return { at: new Date(last.at).toISOString(), windowSeconds, routes };
  }

  private async follow(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const metrics = await this.admin.metrics().catch(() => null);
      if (metrics) this.readings.push({ at: Date.now(), metrics });
      if (this.readings.length > windowReadings + 1) this.readings.shift();
      await sleep(readEveryMs, signal).catch(() => undefined);
    }
  }
}

function statOf(
  series: string,
  counts: readonly number[],
  { windowSeconds, bounds }: { windowSeconds: number; bounds: readonly number[] },
): RouteStat | null {
  const at = (index: number) => counts[index] ?? 0;
  const buckets = counts.slice(firstBucket);
  const total = buckets.reduce((sum, count) => sum + count, 0);
  if (total === 0 || series.startsWith('-|')) return null;
  const [ingress = '', backend = ''] = series.split('|');
  const [namespace = '', name = ''] = ingress.split('/');
  const [, service = '', port] = /^[^/]*\/(.*):(\d+)$/.exec(backend) ?? [];
  const perSecond = (value: number) => value / windowSeconds;
  const latency = (share: number) => quantileOf(buckets, bounds, share * total) * 1_000;
  return {
    namespace,
    ingress: name,
    service,
    port: port ? Number(port) : null,
    requestsPerSecond: perSecond(total),
    errorsPerSecond: perSecond(at(column.status5xx)),
    refusalsPerSecond: perSecond(at(column.status4xx)),
    bytesPerSecond: perSecond(at(column.bytes)),
    failedTriesPerSecond: perSecond(at(column.failures)),
    p50Ms: latency(0.5),
    p95Ms: latency(0.95),
    p99Ms: latency(0.99),
  };
}

/** Seconds below which `rank` requests stayed, taking those of a bucket as spread evenly. */
function quantileOf(buckets: readonly number[], bounds: readonly number[], rank: number): number {
  let passed = 0;
  for (const [index, count] of buckets.entries()) {
    const lower = index === 0 ? 0 : (bounds[index - 1] ?? 0);
    const upper = bounds[index] ?? lower;
    if (count > 0 && passed + count >= rank) return lower + ((upper - lower) * (rank - passed)) / count;
    passed += count;
  }
  return bounds.at(-1) ?? 0;
}
