import { Counter, Gauge, type Registry } from 'prom-client';

export type CacheEvent =
  'hit' | 'joined' | 'fetched' | 'unchanged' | 'stale' | 'failed' | 'evicted' | 'published';

/** Counts what happens to files, by format, and shows what they take. */
export class RepoMetrics {
  private readonly events: Counter<'format' | 'event'>;

  constructor(registry: Registry, cachedBytes: () => number) {
    const registers = [registry];
    this.events = new Counter({
      name: 'repo_files_total',
      help: 'What happened to files that were asked for',
      labelNames: ['format', 'event'],
      registers,
    });
    const bytes: Gauge = new Gauge({
      name: 'repo_cached_bytes',
      help: 'Bytes of files that are kept from upstreams',
      registers,
      collect: () => bytes.set(cachedBytes()),
    });
  }

  count(format: string, event: CacheEvent): void {
    this.events.inc({ format, event });
  }
}
