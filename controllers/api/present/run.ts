import {
  autoscaling,
  buildOptions,
  containerSettings,
  greyRelease,
  job,
  placement,
  probes,
  rollout,
  type Probe as StoredProbe,
  workload,
} from '@skyarc/lib/contracts';
import type { z } from 'zod';
import type { BuildSettings, Probe, RunSettings } from '../generated/resolvers.ts';
import type { AppRecord } from '../records.ts';

/** What is measured in the cluster, beside what is stored. */
export interface RunFacts {
  /** Last measured value of an autoscaling metric. */
  readonly currentOf: (kind: 'CPU' | 'MEMORY' | 'REQUEST_RATE') => number | null;
  readonly nextRunAt: Date | null;
}

/** Stored JSON with its defaults; null for none. */
export function stored<Schema extends z.ZodType>(
  schema: Schema,
  json: string | null,
): z.output<Schema> | null {
  return json === null ? null : schema.parse(JSON.parse(json));
}

/** What a container is started with; null ones are the image's. */
function containerOf(app: AppRecord): Pick<RunSettings, 'entrypoint' | 'workingDir' | 'user'> {
  const {
    entrypoint = null,
    workingDir = null,
    user = null,
  } = stored(containerSettings, app.container) ?? {};
  return { entrypoint, workingDir, user };
}

/** Settings of an app's builds. */
export function presentBuild(app: AppRecord): BuildSettings {
  const { args = {}, env = {}, ...rest } = stored(buildOptions, app.buildOptions) ?? {};
  return {
    ...rest,
    args: words(args),
    env: words(env),
    buildpack: app.buildpack,
    cpuMillis: app.buildCpuMillis,
    memoryMb: app.buildMemoryMb,
    diskMb: app.buildDiskMb,
    timeoutSeconds: app.buildTimeoutSec,
  };
}

const words = (map: Readonly<Record<string, string>>) =>
  Object.entries(map).map(([name, value]) => ({ name, value }));

/** Run settings of an app, defaults filled in. */
export function presentRun(app: AppRecord, facts: RunFacts): RunSettings {
  const { labels, ...place } = stored(placement, app.placement) ?? placement.parse({});
  const rules = stored(probes, app.probes);
  const scaling = stored(autoscaling, app.autoscaling);
  const jobSettings = stored(job, app.job);
  return {
    workload: workload.parse(app.workload),
    replicas: app.replicas,
    cpuMillis: app.cpuMillis,
    memoryMb: app.memoryMb,
    cpuRequestMillis: app.cpuRequestMillis,
    memoryRequestMb: app.memoryRequestMb,
    command: app.command === null ? null : (JSON.parse(app.command) as string[]),
    ...containerOf(app),
    healthPath: app.healthPath,
    startTimeoutSeconds: app.startTimeoutSec,
    probes: {
      startup: presentProbe(rules?.startup),
      readiness: presentProbe(rules?.readiness),
      liveness: presentProbe(rules?.liveness),
    },
    placement: { ...place, labels: Object.entries(labels).map(([key, value]) => ({ key, value })) },
    rollout: stored(rollout, app.rollout) ?? rollout.parse({}),
    job: jobSettings && { ...jobSettings, nextRunAt: facts.nextRunAt },
    autoscaling: scaling && {
      ...scaling,
      metrics: scaling.metrics.map((metric) => ({ ...metric, current: facts.currentOf(metric.kind) })),
    },
  };
}

export function presentProbe(one: StoredProbe | null | undefined): Probe | null {
  return one ? { ...one, headers: one.headers ?? [] } : null;
}

export const parseGrey = (json: string | null) => stored(greyRelease, json);
