import { hostname } from 'node:os';
import type { MonitorSettings } from '../config.ts';
import type { Job, Target } from './target.ts';

/** Targets that configuration names: the platform's services, its engines, this machine, and the monitor's own. */
export function fixedTargets(
  config: MonitorSettings,
  { shardCount, ownUrl }: { readonly shardCount: number; readonly ownUrl: string },
): Target[] {
  const { host, prometheus, alertmanager, nodeExporter } = config;
  const own = (job: Job, name: string, port: number): Target =>
    named(job, { name, url: `http://${host}:${port}` });
  return [
    ...[...config.services, { name: 'monitor', url: ownUrl }].map((one) => named('services', one)),
    ...config.engines.map((one) => named('engines', one)),
    ...Array.from({ length: shardCount }, (_, index) =>
      own('engines', `prometheus-${index}`, prometheus.port + index),
    ),
    ...(shardCount > 1 ? [own('engines', 'prometheus-evaluator', prometheus.evaluatorPort)] : []),
    own('engines', 'alertmanager', alertmanager.port),
    ...(nodeExporter
      ? [
          {
            ...own('nodes', 'node', nodeExporter.port),
            instance: hostname().toLowerCase(),
            labels: { node: hostname().toLowerCase() },
          },
        ]
      : []),
  ];
}

function named(job: Job, { name, url }: { readonly name: string; readonly url: string }): Target {
  const { protocol, host, pathname } = new URL(url);
  return {
    job,
    instance: `${host}${pathname.replace(/\/$/, '')}`,
    scheme: protocol === 'https:' ? 'https' : 'http',
    address: host,
    path: `${pathname.replace(/\/$/, '')}/metrics`,
    viaCluster: false,
    labels: { service: name },
  };
}
