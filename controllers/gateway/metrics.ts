import { Counter, Gauge, type Metric, type Registry } from 'prom-client';
import type { NginxAdmin, NginxMetrics } from './nginx/admin-client.ts';

/** One reading of nginx's counters serves all metrics of a scrape for so long. */
const readingLifeMs = 500;
/** Where metrics.lua keeps what, counted from 0. */
export const column = { status4xx: 3, status5xx: 4, bytes: 5, seconds: 6, failures: 7 } as const;
export const firstBucket = 8;

const labelNames = ['namespace', 'ingress', 'backend'] as const;
type Labels = Record<(typeof labelNames)[number], string>;
type Read = () => Promise<NginxMetrics | null>;

/** Adds what nginx counted, by Ingress and backend, to the registry; `-` is what no route took. */
export function registerNginxMetrics(registry: Registry, admin: NginxAdmin): void {
  let reading: { at: number; metrics: Promise<NginxMetrics | null> } | undefined;
  const read: Read = () => {
    if (!reading || Date.now() - reading.at > readingLifeMs) {
      reading = { at: Date.now(), metrics: admin.metrics().catch(() => null) };
    }
    return reading.metrics;
  };
  const connections = new Gauge({
    name: 'skyarc_gateway_connections',
    help: 'Client connections that are open',
    registers: [],
    async collect() {
      this.set((await read())?.connections ?? 0);
    },
  });
  registry.registerMetric(connections);
  registry.registerMetric(requests(read));
  registry.registerMetric(
    counter('skyarc_gateway_response_bytes_total', 'Bytes sent to clients, with headers', column.bytes, read),
  );
  registry.registerMetric(
    counter(
      'skyarc_gateway_upstream_failures_total',
      'Tries of endpoints that failed before they answered',
      column.failures,
      read,
    ),
  );
  registry.registerMetric(histogram(read));
}

function requests(read: Read): Metric {
  return new Counter({
    name: 'skyarc_gateway_requests_total',
    help: 'Requests answered, by status class',
    labelNames: [...labelNames, 'code'],
    registers: [],
    async collect() {
      this.reset();
      for (const [labels, counts] of await rows(read)) {
        for (const [index, count] of counts.slice(0, 5).entries())
          if (count > 0) this.inc({ ...labels, code: `${index + 1}xx` }, count);
      }
    },
  });
}

function counter(name: string, help: string, at: number, read: Read): Metric {
  return new Counter({
    name,
    help,
    labelNames,
    registers: [],
    async collect() {
      this.reset();
      for (const [labels, counts] of await rows(read)) if (counts[at]) this.inc(labels, counts[at]);
    },
  });
}

const durationName = 'skyarc_gateway_request_duration_seconds';

/** The latency histogram as nginx counted it, in the shape that a registry reads: it cannot be observed here. */
function histogram(read: Read): Metric {
  const shape = {
    name: durationName,
    help: 'Time from the first byte of a request to the last of its answer',
    type: 'histogram',
    aggregator: 'sum',
  };
  const metric = {
    ...shape,
    reset: () => undefined,
    get: async () => {
      const bounds = (await read())?.bounds ?? [];
      const values = (await rows(read)).flatMap(([labels, counts]) => bucketsOf(labels, counts, bounds));
      return { ...shape, values };
    },
  };
  return metric as unknown as Metric;
}

function bucketsOf(labels: Labels, counts: readonly number[], bounds: readonly number[]) {
  let sum = 0;
  const buckets = [...bounds, '+Inf'].map((le, index) => {
    sum += counts[firstBucket + index] ?? 0;
    return { metricName: `${durationName}_bucket`, labels: { ...labels, le }, value: sum };
  });
  return [
    ...buckets,
    { metricName: `${durationName}_sum`, labels, value: counts[column.seconds] ?? 0 },
    { metricName: `${durationName}_count`, labels, value: sum },
  ];
}

async function rows(read: Read): Promise<[Labels, readonly number[]][]> {
  return Object.entries((await read())?.series ?? {}).map(([series, counts]) => {
    const [owner = '-', backend = ''] = series.split('|');
    const [namespace = '-', ingress = '-'] = owner.split('/');
    return [{ namespace, ingress, backend }, counts];
  });
}
