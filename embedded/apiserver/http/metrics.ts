import { createRegistry } from '@skyarc/lib/status';
import { Counter, Gauge, Histogram, type Registry as MetricRegistry } from 'prom-client';
import type { WatchCache } from '../watch-cache.ts';
import type { Kind } from '../kind.ts';

export interface ApiMetrics {
  readonly registry: MetricRegistry;
  observe(labels: { verb: string; resource: string; code: number }, seconds: number): void;
}

/** The server's metrics, named as in Kubernetes where it has them. */
export function createMetrics(cache: WatchCache, kinds: readonly Kind[]): ApiMetrics {
  const registry = createRegistry('apiserver');
  const registers = [registry];
  const requests = new Counter({
    name: 'apiserver_request_total',
    help: 'Requests by verb, resource and HTTP status.',
    labelNames: ['verb', 'resource', 'code'],
    registers,
  });
  const duration = new Histogram({
    name: 'apiserver_request_duration_seconds',
    help: 'Time to the end of an answer; watches, logs and streams are left out.',
    labelNames: ['verb', 'resource'],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 10],
    registers,
  });
  const objects = new Gauge({
    name: 'apiserver_storage_objects',
    help: 'Stored objects by resource.',
    labelNames: ['resource'],
    registers: [],
    collect() {
      for (const kind of kinds) this.set({ resource: kind.plural }, cache.of(kind).size);
    },
  });
  const watches = new Gauge({
    name: 'apiserver_longrunning_watches',
    help: 'Open watches by resource.',
    labelNames: ['resource'],
    registers: [],
    collect() {
      for (const kind of kinds) this.set({ resource: kind.plural }, cache.of(kind).watchers);
    },
  });
  const revision = new Gauge({
    name: 'apiserver_cache_revision',
    help: 'Revision of etcd up to which the cache is complete.',
    registers: [],
    collect() {
      this.set(cache.revision);
    },
  });
  for (const gauge of [objects, watches, revision]) registry.registerMetric(gauge);
  return {
    registry,
    observe({ verb, resource, code }, seconds) {
      requests.inc({ verb, resource, code: String(code) });
      if (verb !== 'WATCH' && verb !== 'CONNECT') duration.observe({ verb, resource }, seconds);
    },
  };
}
