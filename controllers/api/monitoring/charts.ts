import { AppError } from '@skyarc/lib/errors';
import type { MetricChart, MetricSubject } from '../generated/resolvers.ts';

/** One question to Prometheus of a chart. */
export interface ChartQuery {
  readonly chart: MetricChart;
  readonly expression: string;
  /** Label whose value names a series, or the name of the only one. */
  readonly name: { readonly label: string } | { readonly fixed: string };
}

/** What a chart is drawn of. */
export type ChartSubject =
  | {
      readonly kind: 'APPS';
      readonly namespace: string;
      readonly ids: readonly string[];
      readonly by: 'pod' | 'app_name';
    }
  | { readonly kind: 'NODES'; readonly node: string | null }
  | { readonly kind: 'SERVICE'; readonly name: string };

/** The expressions of a chart. Throws INVALID when the subject has no such chart. */
export function chartQueries(chart: MetricChart, subject: ChartSubject, windowSec: number): ChartQuery[] {
  const rate = (selector: string) => `rate(${selector}[${windowSec}s])`;
  const rows = rowsOf(chart, subject, rate);
  if (!rows)
    throw new AppError('INVALID', `Cannot draw ${chart}: ${subject.kind.toLowerCase()} have no such chart`);
  return rows.map(([expression, name]) => ({
    chart,
    expression,
    name: name.startsWith('=') ? { fixed: name.slice(1) } : { label: name },
  }));
}

/** Whether a subject is one of the platform, which administrators alone see. */
export function isPlatform(subject: MetricSubject): boolean {
  return subject !== 'APP' && subject !== 'GROUP';
}

type Rows = readonly (readonly [expression: string, name: string])[];
type Rate = (selector: string) => string;

function rowsOf(chart: MetricChart, subject: ChartSubject, rate: Rate): Rows | undefined {
  if (subject.kind === 'APPS') return ofApps(subject, rate)[chart];
  if (subject.kind === 'NODES') return ofNodes(subject.node, rate)[chart];
  return ofService(subject.name, rate)[chart];
}

type Charts = Partial<Record<MetricChart, Rows>>;

function ofApps({ namespace, ids, by }: Extract<ChartSubject, { kind: 'APPS' }>, rate: Rate): Charts {
  const space = `namespace=${quoted(namespace)}`;
  const apps = `app=~${quoted(ids.map(escapeRegex).join('|'))}`;
  const owner = (key: string) =>
    `* on (namespace, ${key}) group_left (app_name) max by (namespace, ${key}, app_name) (skyarc_${key}_info{${space}, ${apps}})`;
  const ofPods = (expression: string) => `sum by (${by}) (${expression} ${owner('pod')})`;
  const ofRequests = (labels: string, expression: string) =>
    `sum by (${labels}) (${expression} ${owner('ingress')})`;
  const requests = rate(`skyarc_gateway_requests_total{${space}}`);
  const failed = rate(`skyarc_gateway_requests_total{${space}, code="5xx"}`);
  const buckets = rate(`skyarc_gateway_request_duration_seconds_bucket{${space}}`);
  const own = by === 'pod' ? '' : by;
  const named = (fixed: string) => (by === 'pod' ? `=${fixed}` : by);
  const quantile = (q: number) => `histogram_quantile(${q}, ${ofRequests(joined('le', own), buckets)})`;
  return {
    CPU: [[ofPods(rate(`container_cpu_usage_seconds_total{${space}, container!=""}`)), by]],
    MEMORY: [[ofPods(`container_memory_working_set_bytes{${space}, container!=""}`), by]],
    NETWORK: [
      [`sum(${rate(`container_network_receive_bytes_total{${space}}`)} ${owner('pod')})`, '=in'],
      [`sum(${rate(`container_network_transmit_bytes_total{${space}}`)} ${owner('pod')})`, '=out'],
    ],
    REQUESTS: [[ofRequests(by === 'pod' ? 'code' : by, requests), by === 'pod' ? 'code' : by]],
    ERRORS: [
      [
        // Where nothing failed the share is 0, not unknown.
        `(${ofRequests(own, failed)} or 0 * ${ofRequests(own, requests)}) / (${ofRequests(own, requests)} > 0)`,
        named('5xx'),
      ],
    ],
    LATENCY:
      by === 'pod'
        ? [
            [quantile(0.5), '=p50'],
            [quantile(0.95), '=p95'],
            [quantile(0.99), '=p99'],
          ]
        : [[quantile(0.95), by]],
    PODS: [
      [
        `count${own ? ` by (${own})` : ''} (kube_pod_status_phase{${space}, phase="Running"} ${owner('pod')})`,
        named('pods'),
      ],
    ],
  };
}

function ofNodes(node: string | null, rate: Rate): Charts {
  const is = node === null ? '' : `node=${quoted(node)}`;
  const and = (more: string) => joined(is, more);
  const root = and('root="true"');
  return {
    CPU: [
      [
        `sum by (node) (${rate(`node_cpu_seconds_total{${and('mode!~"idle|iowait|steal"')}}`)}) or sum by (node) (${rate(`container_cpu_usage_seconds_total{${root}}`)})`,
        'node',
      ],
    ],
    LOAD: [[`1 - avg by (node) (${rate(`node_cpu_seconds_total{${and('mode="idle"')}}`)})`, 'node']],
    MEMORY: [
      [
        `sum by (node) (node_memory_MemTotal_bytes{${is}} - node_memory_MemAvailable_bytes{${is}}) or sum by (node) (container_memory_working_set_bytes{${root}})`,
        'node',
      ],
    ],
    DISK: [
      [
        `max by (node, mountpoint) (1 - node_filesystem_avail_bytes{${is}} / (node_filesystem_size_bytes{${is}} > 0))`,
        'mountpoint',
      ],
    ],
    NETWORK: [
      [`sum(${rate(`node_network_receive_bytes_total{${is}}`)})`, '=in'],
      [`sum(${rate(`node_network_transmit_bytes_total{${is}}`)})`, '=out'],
    ],
    PODS: [[`count by (node) (skyarc_pod_info{${and('node!=""')}})`, 'node']],
  };
}

function ofService(name: string, rate: Rate): Charts {
  const is = `service=${quoted(name)}`;
  return {
    CPU: [[`sum by (service) (${rate(`process_cpu_seconds_total{${is}}`)})`, 'service']],
    MEMORY: [[`max by (service) (process_resident_memory_bytes{${is}})`, 'service']],
    LOAD: [[`max by (service) (nodejs_eventloop_lag_p99_seconds{${is}})`, 'service']],
  };
}

function joined(...labels: string[]): string {
  return labels.filter(Boolean).join(', ');
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

function escapeRegex(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
