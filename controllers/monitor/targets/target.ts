/** The four levels, and what the platform stands on. */
export type Job = 'apps' | 'containers' | 'nodes' | 'services' | 'engines';
export const jobs: readonly Job[] = ['apps', 'containers', 'nodes', 'services', 'engines'];

/** Something that answers metrics in Prometheus' text format. */
export interface Target {
  readonly job: Job;
  /** Its label `instance`: with the job and the label `namespace` unique among all targets. */
  readonly instance: string;
  readonly scheme: 'http' | 'https';
  /** `host:port`. */
  readonly address: string;
  readonly path: string;
  /** Whether it is reached through the Kubernetes API, with our credentials there. */
  readonly viaCluster: boolean;
  /** Seconds from one reading to the next; absent: as often as everything else. */
  readonly intervalSec?: number | null;
  /** On every series of it. */
  readonly labels: Readonly<Record<string, string>>;
}

/** What a target is known by, as long as it is the same thing. */
export function keyOf({
  job,
  instance,
  namespace = '',
}: {
  job: string;
  instance: string;
  namespace?: string | undefined;
}): string {
  return `${job}/${namespace}/${instance}`;
}
