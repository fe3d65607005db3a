import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Counts builds by how they end. */
export class BuildMetrics {
  private readonly ended: Counter<'status'>;
  private readonly running: Gauge;
  private readonly seconds: Histogram<'status'>;

  constructor(registry: Registry) {
    const registers = [registry];
    const labelNames = ['status'] as const;
    this.ended = new Counter({
      name: 'chaos_builds_total',
      help: 'Builds that ended',
      labelNames,
      registers,
    });
    this.running = new Gauge({ name: 'chaos_builds_running', help: 'Builds in work', registers });
    const buckets = [1, 2, 5, 10, 30, 60, 120, 300, 900];
    this.seconds = new Histogram({
      name: 'chaos_build_seconds',
      help: 'Duration of builds',
      labelNames,
      buckets,
      registers,
    });
  }

  /** Counts a build as running until the answer is called with its end. */
  begin(): (status: string) => void {
    this.running.inc();
    const startedAt = performance.now();
    return (status) => {
      this.running.dec();
      this.ended.inc({ status });
      this.seconds.observe({ status }, (performance.now() - startedAt) / 1000);
    };
  }
}
