import { labels } from '@skyarc/lib/contracts';
import type { KindTable } from '@skyarc/lib/kube';
import { labelsOf, operationLabel, templateLabel } from './labels.ts';
import { renderPodTemplate } from './pod.ts';
import type { RenderOptions, RunSpec } from './run-spec.ts';

type JobSpec = NonNullable<KindTable['jobs']['spec']>;

/** Name of the Job of one operation: the same each time that the operation is carried out. */
export function jobNameOf(app: string, operationId: string): string {
  return `${app}-${(operationId.split('.').at(-1) ?? '').slice(0, 10)}`;
}

/** One run by hand. */
export function renderJob(spec: RunSpec, options: RenderOptions, operationId: string): KindTable['jobs'] {
  const metadata = renderMetadata(spec, options);
  return {
    metadata: {
      ...metadata,
      name: jobNameOf(spec.name, operationId),
      labels: { ...metadata.labels, [operationLabel]: operationId },
    },
    spec: renderJobSpec(spec, options),
  };
}

/** The schedule of a CRON_JOB; a stopped app's is suspended. */
export function renderCronJob(spec: RunSpec, options: RenderOptions): KindTable['cronjobs'] {
  const { schedule, timeZone, concurrency, suspended, keepSucceeded, keepFailed } = spec.job;
  const metadata = renderMetadata(spec, options);
  return {
    metadata,
    spec: {
      schedule: schedule ?? '',
      timeZone: timeZone ?? 'Etc/UTC',
      concurrencyPolicy: concurrencyPolicies[concurrency],
      suspend: suspended || spec.replicas === 0,
      // A cluster that was away does not start what should have run long ago.
      startingDeadlineSeconds: 300,
      successfulJobsHistoryLimit: keepSucceeded,
      failedJobsHistoryLimit: keepFailed,
      jobTemplate: { metadata: { labels: metadata.labels }, spec: renderJobSpec(spec, options) },
    },
  };
}

const concurrencyPolicies = { ALLOW: 'Allow', FORBID: 'Forbid', REPLACE: 'Replace' } as const;

function renderJobSpec(spec: RunSpec, options: RenderOptions): JobSpec {
  const { completions, parallelism, retries, deadlineSeconds } = spec.job;
  return {
    completions,
    parallelism,
    backoffLimit: retries,
    ...(deadlineSeconds ? { activeDeadlineSeconds: deadlineSeconds } : {}),
    template: renderPodTemplate(spec, options),
  };
}

function renderMetadata(spec: RunSpec, options: RenderOptions): KindTable['cronjobs']['metadata'] & object {
  const digest = renderPodTemplate(spec, options).metadata?.labels?.[templateLabel] ?? '';
  return {
    name: spec.name,
    namespace: spec.namespace,
    labels: { ...labelsOf(spec), [labels.versionId]: spec.version.id, [templateLabel]: digest },
  };
}
