import { Counter, Gauge, type Metric, type Registry } from 'prom-client';
import type { NginxAdmin, NginxMetrics } from './nginx/admin-client.ts';

/** One reading of nginx's counters serves all metrics of a scrape for so long. */
const readingLifeMs = 500;

/** Adds what nginx counted (by host pattern and status) to the registry. */
export function registerNginxMetrics(registry: Registry, admin: NginxAdmin): void {
  let reading: { at: number; metrics: Promise<NginxMetrics | null> } | undefined;
  const read = () => {
    if (!reading || Date.now() - reading.at > readingLifeMs) {
      reading = { at: Date.now(), metrics: admin.metrics().catch(() => null) };
    }
    return reading.metrics;
  };
  counter(registry, 'skyarc_gateway_requests_total', 'Requests answered', ['host', 'status'], () =>
    read().then((metrics) => rows(metrics, 'requests')),
  );
  counter(
    registry,
    'skyarc_gateway_upstream_failures_total',
    'Endpoints that failed before they answered',
    ['host'],
    () => read().then((metrics) => rows(metrics, 'failures')),
  );
  const connections = new Gauge({
    name: 'skyarc_gateway_connections',
    help: 'Client connections that are open',
    registers: [],
    async collect() {
      this.set((await read())?.connections ?? 0);
    },
  });
  registry.registerMetric(connections);
  registry.registerMetric(histogram(read));
}

function counter(
  registry: Registry,
  name: string,
  help: string,
  labelNames: string[],
  read: () => Promise<[labels: string[], value: number][]>,
): void {
  const metric = new Counter({
    name,
    help,
    labelNames,
    registers: [],
    async collect() {
      this.reset();
      for (const [labels, value] of await read()) {
        this.inc(Object.fromEntries(labelNames.map((label, index) => [label, labels[index] ?? ''])), value);
      }
    },
  });
  registry.registerMetric(metric);
}

const durationName = 'skyarc_gateway_request_duration_seconds';

/** The latency histogram as nginx counted it, in the shape that a registry reads: it cannot be observed here. */
function histogram(read: () => Promise<NginxMetrics | null>): Metric {
  const shape = {
    name: durationName,
    help: 'Time from the first byte of a request to the last of its answer',
    type: 'histogram',
    aggregator: 'sum',
  };
  const metric = {
    ...shape,
    reset: () => undefined,
    get: async () => ({ ...shape, values: bucketsOf(await read()) }),
  };
  return metric as unknown as Metric;
}

function bucketsOf(metrics: NginxMetrics | null) {
  return rows(metrics, 'seconds').flatMap(([[host = ''], seconds]) => {
    let count = 0;
    const buckets = [...(metrics?.bounds ?? []), '+Inf'].map((le, index) => {
      count += metrics?.counts[`duration|${host}|${index + 1}`] ?? 0;
      return { metricName: `${durationName}_bucket`, labels: { host, le }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${durationName}_sum`, labels: { host }, value: seconds },
      { metricName: `${durationName}_count`, labels: { host }, value: count },
    ];
  });
}

function rows(metrics: NginxMetrics | null, family: string): [labels: string[], value: number][] {
  return Object.entries(metrics?.counts ?? {})
    .filter(([key]) => key.startsWith(`${family}|`))
    .map(([key, value]) => [key.split('|').slice(1), value]);
}
