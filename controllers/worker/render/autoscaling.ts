import type { Autoscaling } from '@skyarc/lib/contracts';
import type { KindTable } from '@skyarc/lib/kube';
import { labelsOf } from './labels.ts';
import { isJob, type RunSpec } from './run-spec.ts';

/** Name of the external metric that the worker serves: requests per second of all pods of an app. */
export const requestRateMetric = 'skyarc_requests_per_second';
/** Label that the metric is asked by: the app's name. The team is the namespace. */
export const requestRateLabel = 'app';

type Metric = NonNullable<NonNullable<KindTable['horizontalpodautoscalers']['spec']>['metrics']>[number];

/** The rule that decides the number of pods now; null while it is fixed, or the app is stopped. */
export function activeRule(spec: Pick<RunSpec, 'autoscaling' | 'replicas' | 'workload'>): Autoscaling | null {
  return spec.autoscaling?.enabled && spec.replicas > 0 && !isJob(spec) ? spec.autoscaling : null;
}

export function renderAutoscaler(spec: RunSpec): KindTable['horizontalpodautoscalers'] | null {
  const rule = activeRule(spec);
  if (!rule) return null;
  return {
    metadata: { name: spec.name, namespace: spec.namespace, labels: labelsOf(spec) },
    spec: {
      scaleTargetRef: {
        apiVersion: 'apps/v1',
        kind: spec.workload === 'STATEFUL' ? 'StatefulSet' : 'Deployment',
        name: spec.name,
      },
      minReplicas: rule.minReplicas,
      maxReplicas: rule.maxReplicas,
      metrics: rule.metrics.map((metric) => renderMetric(spec, metric)),
      behavior: { scaleDown: { stabilizationWindowSeconds: rule.scaleDownDelaySeconds } },
    },
  };
}

function renderMetric(spec: RunSpec, { kind, target }: Autoscaling['metrics'][number]): Metric {
  if (kind === 'REQUEST_RATE') {
    return {
      type: 'External',
      external: {
        metric: { name: requestRateMetric, selector: { matchLabels: { [requestRateLabel]: spec.name } } },
        target: { type: 'AverageValue', averageValue: String(target) },
      },
    };
  }
  return {
    type: 'Resource',
    resource: {
      name: kind === 'CPU' ? 'cpu' : 'memory',
      target: { type: 'Utilization', averageUtilization: target },
    },
  };
}
