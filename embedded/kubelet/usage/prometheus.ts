export interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly values: readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];
}

/** Prometheus' text format 0.0.4; each value carries the time it was measured, in milliseconds since 1970. */
export function renderMetrics(metrics: readonly Metric[], atMs?: number): string {
  const stamp = atMs === undefined ? '' : ` ${atMs}`;
  const lines = metrics.flatMap(({ name, type, help, values }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...values.map(([labels, value]) => `${name}${renderLabels(labels)} ${value}${stamp}`),
  ]);
  return `${lines.join('\n')}\n`;
}

export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8';

function renderLabels(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escapeValue(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeValue(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}
