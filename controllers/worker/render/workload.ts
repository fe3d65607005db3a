import { labels } from '@skyarc/lib/contracts';
import type { KindTable } from '@skyarc/lib/kube';
import { activeRule } from './autoscaling.ts';
import { labelsOf, selectorOf, templateLabel } from './labels.ts';
import { renderPodTemplate } from './pod.ts';
import { renderProbes, startLimitSecOf } from './probes.ts';
import { isJob, type RenderOptions, type RunSpec } from './run-spec.ts';
import { renderClaimTemplates } from './volumes.ts';

/** Without a port there is no probe: an app that lives so long is taken to have started. */
const portlessReadySec = 5;

export function renderDeployment(spec: RunSpec, options: RenderOptions): KindTable['deployments'] {
  return {
    metadata: renderMetadata(spec, options),
    spec: {
      ...renderReplicas(spec),
      selector: { matchLabels: selectorOf(spec) },
      strategy: renderStrategy(spec),
      minReadySeconds: minReadySecOf(spec),
      progressDeadlineSeconds: startLimitSecOf(spec) + 60,
      revisionHistoryLimit: 2,
      template: renderPodTemplate(spec, options),
    },
  };
}

export function renderStatefulSet(spec: RunSpec, options: RenderOptions): KindTable['statefulsets'] {
  const claims = renderClaimTemplates(spec, options);
  return {
    metadata: renderMetadata(spec, options),
    spec: {
      ...renderReplicas(spec),
      selector: { matchLabels: selectorOf(spec) },
      serviceName: headlessName(spec),
      podManagementPolicy: 'OrderedReady',
      updateStrategy: { type: 'RollingUpdate' },
      minReadySeconds: minReadySecOf(spec),
      revisionHistoryLimit: 2,
      template: renderPodTemplate(spec, options),
      ...(claims.length > 0 ? { volumeClaimTemplates: claims } : {}),
    },
  };
}

/** Left out while a rule decides it: whoever writes the object keeps what the rule has set. */
function renderReplicas(spec: RunSpec): { replicas?: number } {
  return activeRule(spec) ? {} : { replicas: spec.replicas };
}

/** Lets a node be emptied without taking all pods at once; null where there is only one. */
export function renderDisruptionBudget(spec: RunSpec): KindTable['poddisruptionbudgets'] | null {
  if (isJob(spec) || spec.replicas < 2) return null;
  return {
    metadata: { name: spec.name, namespace: spec.namespace, labels: labelsOf(spec) },
    spec: { maxUnavailable: 1, selector: { matchLabels: selectorOf(spec) } },
  };
}

function renderStrategy({ rollout }: RunSpec): NonNullable<KindTable['deployments']['spec']>['strategy'] {
  if (rollout.strategy === 'RECREATE') return { type: 'Recreate' };
  const [maxSurge, maxUnavailable] = [amountOf(rollout.maxSurge), amountOf(rollout.maxUnavailable)];
  // Kubernetes refuses a change that may neither add a pod nor take one away.
  const isStuck = isNothing(maxSurge) && isNothing(maxUnavailable);
  return { type: 'RollingUpdate', rollingUpdate: { maxUnavailable, maxSurge: isStuck ? 1 : maxSurge } };
}

function amountOf(text: string): number | string {
  return text.endsWith('%') ? text : Number(text);
}

function isNothing(amount: number | string): boolean {
  return Number.parseInt(String(amount), 10) === 0;
}

/** A check says when an app has started; without one, that it has lived for a while. */
function minReadySecOf(spec: RunSpec): number {
  return renderProbes(spec).readinessProbe ? 0 : portlessReadySec;
}

export function headlessName(spec: Pick<RunSpec, 'name'>): string {
  return `${spec.name}-headless`;
}

function renderMetadata(spec: RunSpec, options: RenderOptions): KindTable['deployments']['metadata'] {
  const digest = renderPodTemplate(spec, options).metadata?.labels?.[templateLabel] ?? '';
  return {
    name: spec.name,
    namespace: spec.namespace,
    labels: { ...labelsOf(spec), [labels.versionId]: spec.version.id, [templateLabel]: digest },
  };
}
