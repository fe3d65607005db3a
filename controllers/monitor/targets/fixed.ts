import type { MonitorSettings } from '../config.ts';
import type { Job, Target } from './target.ts';

/** Targets that configuration names: engines of the platform, and the monitor's own. */
export function fixedTargets(config: MonitorSettings, shardCount: number): Target[] {
  const { host, prometheus, alertmanager } = config;
  const own = (job: Job, name: string, port: number): Target =>
    named(job, { name, url: `http://${host}:${port}` });
  return [
    ...config.engines.map((one) => named('engines', one)),
    ...Array.from({ length: shardCount }, (_, index) =>
      own('engines', `prometheus-${index}`, prometheus.port + index),
    ),
    ...(shardCount > 1 ? [own('engines', 'prometheus-evaluator', prometheus.evaluatorPort)] : []),
    own('engines', 'alertmanager', alertmanager.port),
  ];
}

/** A service or an engine, with its metrics below its base address. */
export function named(job: Job, { name, url }: { readonly name: string; readonly url: string }): Target {
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
