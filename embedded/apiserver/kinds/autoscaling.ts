import { quantityOrZero } from '../../client/quantity.ts';
import { invalidValue, required, type FieldError } from '../field-error.ts';
import { defineKind } from '../kind.ts';
import { at, isObject, listAt, textAt, type ApiObject, type JsonObject } from '../object.ts';
import { ageColumn, countColumn, nameColumn, numberAt, pathColumn } from './columns.ts';
import { oneOf } from './pod-spec.ts';

/** Metric types with the field that describes them, and the targets they may have. */
const metricTypes: Readonly<Record<string, { readonly field: string; readonly targets: readonly string[] }>> =
  {
    Resource: { field: 'resource', targets: ['Utilization', 'AverageValue'] },
    ContainerResource: { field: 'containerResource', targets: ['Utilization', 'AverageValue'] },
    Pods: { field: 'pods', targets: ['AverageValue'] },
    Object: { field: 'object', targets: ['Value', 'AverageValue'] },
    External: { field: 'external', targets: ['Value', 'AverageValue'] },
  };
const valueOf: Readonly<Record<string, string>> = {
  Utilization: 'averageUtilization',
  AverageValue: 'averageValue',
  Value: 'value',
};

/** Stored as autoscaling/v2; autoscaling/v1 knows the cpu's utilisation alone and carries the rest in annotations. */
export const horizontalPodAutoscalers = defineKind({
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  shortNames: ['hpa'],
  categories: ['all'],
  subresources: ['status'],
  initialStatus: () => ({ currentReplicas: 0, desiredReplicas: 0 }),
  setDefaults(scaler) {
    const spec = (scaler.spec ??= {});
    spec['minReplicas'] ??= 1;
    if (listAt(spec, 'metrics').length === 0) spec['metrics'] = [cpuMetric(80)];
  },
  validate: (scaler) => {
    const [min, max] = [numberAt(scaler, 'spec', 'minReplicas'), numberAt(scaler, 'spec', 'maxReplicas')];
    return [
      ...(max >= 1 ? [] : [invalidValue('spec.maxReplicas', max, 'must be greater than 0')]),
      ...(min >= 1 ? [] : [invalidValue('spec.minReplicas', min, 'must be greater than or equal to 1')]),
      ...(max < min && max >= 1
        ? [invalidValue('spec.maxReplicas', max, 'must be greater than or equal to `minReplicas`')]
        : []),
      ...['kind', 'name']
        .filter((name) => !textAt(scaler, 'spec', 'scaleTargetRef', name))
        .map((name) => required(`spec.scaleTargetRef.${name}`)),
      ...listAt(scaler, 'spec', 'metrics').flatMap((metric, i) => metricErrors(metric, `spec.metrics[${i}]`)),
      ...['scaleUp', 'scaleDown'].flatMap((way) =>
        behaviorErrors(at(scaler, 'spec', 'behavior', way), `spec.behavior.${way}`),
      ),
    ];
  },
  columns: [
    nameColumn,
    {
      name: 'Reference',
      value: (scaler) =>
        `${textAt(scaler, 'spec', 'scaleTargetRef', 'kind')}/${textAt(scaler, 'spec', 'scaleTargetRef', 'name')}`,
    },
    { name: 'Targets', value: targetsText },
    pathColumn('MinPods', ['spec', 'minReplicas'], '<unset>'),
    countColumn('MaxPods', (scaler) => numberAt(scaler, 'spec', 'maxReplicas')),
    countColumn('Replicas', (scaler) => numberAt(scaler, 'status', 'currentReplicas')),
    ageColumn,
  ],
  views: [{ group: 'autoscaling', version: 'v1', toView: toV1, fromView: fromV1 }],
});

function metricErrors(metric: JsonObject, path: string): FieldError[] {
  const type = textAt(metric, 'type');
  const known = metricTypes[type];
  if (!known) return oneOf(`${path}.type`, type, Object.keys(metricTypes));
  const source = metric[known.field];
  const field = `${path}.${known.field}`;
  if (!isObject(source)) return [required(field, 'must populate information for the given metric source')];
  const target = textAt(source, 'target', 'type');
  const name = type === 'Resource' || type === 'ContainerResource' ? ['name'] : ['metric', 'name'];
  const amount = textAt(source, 'target', valueOf[target] ?? '');
  return [
    ...(textAt(source, ...name) ? [] : [required(`${field}.${name.join('.')}`)]),
    ...(type === 'ContainerResource' && !textAt(source, 'container') ? [required(`${field}.container`)] : []),
    ...(type === 'Object' && !textAt(source, 'describedObject', 'name')
      ? [required(`${field}.describedObject.name`)]
      : []),
    ...oneOf(`${field}.target.type`, target, known.targets),
    ...(known.targets.includes(target) && quantityOrZero(amount) <= 0
      ? [invalidValue(`${field}.target.${valueOf[target] ?? ''}`, amount, 'must be positive')]
      : []),
  ];
}

function behaviorErrors(rules: unknown, path: string): FieldError[] {
  if (!isObject(rules)) return [];
  const window = Number(rules['stabilizationWindowSeconds'] ?? 0);
  return [
    ...(window >= 0 && window <= 3_600
      ? []
      : [invalidValue(`${path}.stabilizationWindowSeconds`, window, 'must be between 0 and 3600')]),
    ...oneOf(`${path}.selectPolicy`, rules['selectPolicy'], ['Max', 'Min', 'Disabled']),
    ...listAt(rules, 'policies').flatMap((policy, i) => {
      const field = `${path}.policies[${i}]`;
      const [value, period] = [numberAt(policy, 'value'), numberAt(policy, 'periodSeconds')];
      return [
        ...oneOf(`${field}.type`, policy['type'], ['Percent', 'Pods']),
        ...(value > 0 ? [] : [invalidValue(`${field}.value`, value, 'must be greater than zero')]),
        ...(period > 0 && period <= 1_800
          ? []
          : [invalidValue(`${field}.periodSeconds`, period, 'must be between 1 and 1800')]),
      ];
    }),
  ];
}

function targetsText(scaler: ApiObject): string {
  const current = listAt(scaler, 'status', 'currentMetrics');
  const texts = listAt(scaler, 'spec', 'metrics').map((metric) => {
    const type = textAt(metric, 'type');
    const field = metricTypes[type]?.field ?? '';
    const name = textAt(metric, field, 'name') || textAt(metric, field, 'metric', 'name');
    const wanted = valueOf[textAt(metric, field, 'target', 'type')] ?? '';
    const unit = wanted === 'averageUtilization' ? '%' : wanted === 'averageValue' ? ' (avg)' : '';
    const seen = current.find(
      (each) =>
        each['type'] === type &&
        (textAt(each, field, 'name') || textAt(each, field, 'metric', 'name')) === name,
    );
    const measured = textAt(seen, field, 'current', wanted);
    const isResource = field === 'resource' || field === 'containerResource';
    const value = measured ? measured + (unit === '%' ? '%' : '') : '<unknown>';
    return `${isResource ? `${name}: ` : ''}${value}/${textAt(metric, field, 'target', wanted)}${unit}`;
  });
  return texts.join(', ') || '<none>';
}

function cpuMetric(averageUtilization: number): JsonObject {
  return { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } };
}

function isCpuUtilization(metric: JsonObject): boolean {
  return (
    textAt(metric, 'resource', 'name') === 'cpu' &&
    textAt(metric, 'resource', 'target', 'averageUtilization') !== ''
  );
}

const carried = {
  metrics: 'autoscaling.alpha.kubernetes.io/metrics',
  behavior: 'autoscaling.alpha.kubernetes.io/behavior',
  conditions: 'autoscaling.alpha.kubernetes.io/conditions',
  currentMetrics: 'autoscaling.alpha.kubernetes.io/current-metrics',
} as const;

function toV1(scaler: ApiObject): ApiObject {
  const { metrics: _m, behavior, ...spec } = scaler.spec ?? {};
  const { conditions, currentMetrics: _c, ...status } = scaler.status ?? {};
  const metrics = listAt(scaler, 'spec', 'metrics');
  const cpu = metrics.find(isCpuUtilization);
  const seen = listAt(scaler, 'status', 'currentMetrics');
  const cpuSeen = seen.find((each) => textAt(each, 'resource', 'name') === 'cpu');
  const rest = {
    [carried.metrics]: metrics.filter((each) => each !== cpu),
    [carried.behavior]: behavior,
    [carried.conditions]: conditions,
    [carried.currentMetrics]: seen.filter((each) => each !== cpuSeen),
  };
  const annotations = Object.entries(rest)
    .filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0))
    .map(([name, value]) => [name, JSON.stringify(value)]);
  return {
    ...scaler,
    apiVersion: 'autoscaling/v1',
    metadata: {
      ...scaler.metadata,
      annotations: { ...scaler.metadata.annotations, ...Object.fromEntries(annotations) },
    },
    spec: { ...spec, targetCPUUtilizationPercentage: at(cpu, 'resource', 'target', 'averageUtilization') },
    status: {
      ...status,
      currentCPUUtilizationPercentage: at(cpuSeen, 'resource', 'current', 'averageUtilization'),
    },
  };
}

function fromV1(scaler: ApiObject): ApiObject {
  const { targetCPUUtilizationPercentage: percent, ...spec } = scaler.spec ?? {};
  const { currentCPUUtilizationPercentage: _p, ...status } = scaler.status ?? {};
  const given = scaler.metadata?.annotations ?? {};
  const names = Object.values(carried) as string[];
  const annotations = Object.fromEntries(Object.entries(given).filter(([name]) => !names.includes(name)));
  const others = listOf(given[carried.metrics]);
  const metrics = [...(typeof percent === 'number' ? [cpuMetric(percent)] : []), ...others];
  const behavior = parsed(given[carried.behavior]);
  return {
    ...scaler,
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { ...scaler.metadata, annotations },
    spec: { ...spec, metrics, ...(isObject(behavior) ? { behavior } : {}) },
    status: {
      ...status,
      conditions: listOf(given[carried.conditions]),
      currentMetrics: listOf(given[carried.currentMetrics]),
    },
  };
}

function listOf(text: string | undefined): JsonObject[] {
  const value = parsed(text);
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** Undefined for what is no JSON: an annotation is anybody's text. */
function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
