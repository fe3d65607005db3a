import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
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
  registry.registerMetric(new NginxHistogram(read));
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

/** The latency histogram as nginx counted it: one bucket index per request and host. */
class NginxHistogram extends Histogram<'host' | 'le'> {
  private readonly read: () => Promise<NginxMetrics | null>;

  constructor(read: () => Promise<NginxMetrics | null>) {
    super({
      name: 'skyarc_gateway_request_duration_seconds',
      help: 'Time from the first byte of a request to the last of its answer',
      labelNames: ['host'],
      registers: [],
    });
    this.read = read;
  }

  override async get(): ReturnType<Histogram<'host' | 'le'>['get']> {
    const empty = await super.get();
    const metrics = await this.read();
    const name = 'skyarc_gateway_request_duration_seconds';
    const hosts = rows(metrics, 'seconds').map(([[host = ''], seconds]) => ({ host, seconds }));
    const values = hosts.flatMap(({ host, seconds }) => {
      let count = 0;
      const buckets = [...(metrics?.bounds ?? []), '+Inf'].map((le, index) => {
        count += metrics?.counts[`duration|${host}|${index + 1}`] ?? 0;
        return { metricName: `${name}_bucket`, labels: { host, le }, value: count };
      });
      return [
        ...buckets,
        { metricName: `${name}_sum`, labels: { host }, value: seconds },
        { metricName: `${name}_count`, labels: { host }, value: count },
      ];
    });
    return { ...empty, values: values };
  }
}

function rows(metrics: NginxMetrics | null, family: string): [labels: string[], value: number][] {
  return Object.entries(metrics?.counts ?? {})
    .filter(([key]) => key.startsWith(`${family}|`))
    .map(([key, value]) => [key.split('|').slice(1), value]);
}
