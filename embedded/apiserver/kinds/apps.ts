import { isDeepStrictEqual } from 'node:util';
import { invalidValue, required, type FieldError } from '../field-error.ts';
import { defineKind } from '../kind.ts';
import { at, isObject, listAt, textAt, type ApiObject } from '../object.ts';
import { matchesLabelSelector } from '../selectors.ts';
import { ageColumn, countColumn, labelsText, nameColumn, numberAt, templateColumns } from './columns.ts';
import { setTemplateDefaults, validatePodSpec } from './pod-spec.ts';

const workload = {
  group: 'apps',
  version: 'v1',
  categories: ['all'],
  generation: true,
  initialStatus: () => ({}),
};

export const deployments = defineKind({
  ...workload,
  kind: 'Deployment',
  plural: 'deployments',
  shortNames: ['deploy'],
  subresources: ['status', 'scale'],
  setDefaults(deployment) {
    const spec = (deployment.spec ??= {});
    spec['replicas'] ??= 1;
    spec['revisionHistoryLimit'] ??= 10;
    spec['progressDeadlineSeconds'] ??= 600;
    const strategy = (spec['strategy'] ??= {}) as Record<string, unknown>;
    strategy['type'] ??= 'RollingUpdate';
    if (strategy['type'] === 'RollingUpdate') {
      strategy['rollingUpdate'] = {
        maxUnavailable: '25%',
        maxSurge: '25%',
        ...(strategy['rollingUpdate'] as object),
      };
    }
    setTemplateDefaults(deployment);
  },
  validate: validateWorkload,
  columns: [
    nameColumn,
    {
      name: 'Ready',
      value: (each) => `${numberAt(each, 'status', 'readyReplicas')}/${numberAt(each, 'spec', 'replicas')}`,
    },
    countColumn('Up-to-date', (each) => numberAt(each, 'status', 'updatedReplicas')),
    countColumn('Available', (each) => numberAt(each, 'status', 'availableReplicas')),
    ageColumn,
    ...templateColumns,
  ],
});

export const replicaSets = defineKind({
  ...workload,
  kind: 'ReplicaSet',
  plural: 'replicasets',
  shortNames: ['rs'],
  subresources: ['status', 'scale'],
  initialStatus: () => ({ replicas: 0 }),
  setDefaults(set) {
    const spec = (set.spec ??= {});
    spec['replicas'] ??= 1;
    setTemplateDefaults(set);
  },
  validate: validateWorkload,
  fields: { 'status.replicas': (set) => String(numberAt(set, 'status', 'replicas')) },
  columns: [
    nameColumn,
    countColumn('Desired', (each) => numberAt(each, 'spec', 'replicas')),
    countColumn('Current', (each) => numberAt(each, 'status', 'replicas')),
    countColumn('Ready', (each) => numberAt(each, 'status', 'readyReplicas')),
    ageColumn,
    ...templateColumns,
  ],
});

export const statefulSets = defineKind({
  ...workload,
  kind: 'StatefulSet',
  plural: 'statefulsets',
  shortNames: ['sts'],
  subresources: ['status', 'scale'],
  initialStatus: () => ({ replicas: 0, availableReplicas: 0 }),
  setDefaults(set) {
    const spec = (set.spec ??= {});
    spec['replicas'] ??= 1;
    spec['podManagementPolicy'] ??= 'OrderedReady';
    spec['revisionHistoryLimit'] ??= 10;
    const strategy = (spec['updateStrategy'] ??= {}) as Record<string, unknown>;
    strategy['type'] ??= 'RollingUpdate';
    if (strategy['type'] === 'RollingUpdate') {
      strategy['rollingUpdate'] = { partition: 0, ...(strategy['rollingUpdate'] as object) };
    }
    spec['persistentVolumeClaimRetentionPolicy'] ??= { whenDeleted: 'Retain', whenScaled: 'Retain' };
    for (const claim of listAt(spec, 'volumeClaimTemplates')) {
      claim['apiVersion'] ??= 'v1';
      claim['kind'] ??= 'PersistentVolumeClaim';
      if (isObject(claim['spec'])) claim['spec']['volumeMode'] ??= 'Filesystem';
      claim['status'] ??= { phase: 'Pending' };
    }
    setTemplateDefaults(set);
  },
  validate: (set, old) => [...validateWorkload(set, old), ...statefulSetFixed(set, old)],
  columns: [
    nameColumn,
    {
      name: 'Ready',
      value: (each) => `${numberAt(each, 'status', 'readyReplicas')}/${numberAt(each, 'spec', 'replicas')}`,
    },
    ageColumn,
    ...templateColumns.slice(0, 2),
  ],
});

function statefulSetFixed(set: ApiObject, old: ApiObject | undefined): FieldError[] {
  const open = [
    'replicas',
    'ordinals',
    'template',
    'updateStrategy',
    'persistentVolumeClaimRetentionPolicy',
    'minReadySeconds',
    'revisionHistoryLimit',
  ];
  const fixed = (each: ApiObject | undefined): unknown =>
    Object.fromEntries(Object.entries(each?.spec ?? {}).filter(([name]) => !open.includes(name)));
  if (!old || isDeepStrictEqual(fixed(set), fixed(old))) return [];
  return [
    {
      field: 'spec',
      reason: 'FieldValueForbidden',
      message:
        "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    },
  ];
}

export const daemonSets = defineKind({
  ...workload,
  kind: 'DaemonSet',
  plural: 'daemonsets',
  shortNames: ['ds'],
  subresources: ['status'],
  initialStatus: () => ({
    currentNumberScheduled: 0,
    desiredNumberScheduled: 0,
    numberMisscheduled: 0,
    numberReady: 0,
  }),
  setDefaults(set) {
    const spec = (set.spec ??= {});
    spec['revisionHistoryLimit'] ??= 10;
    spec['updateStrategy'] ??= { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } };
    setTemplateDefaults(set);
  },
  validate: validateWorkload,
  columns: [
    nameColumn,
    countColumn('Desired', (each) => numberAt(each, 'status', 'desiredNumberScheduled')),
    countColumn('Current', (each) => numberAt(each, 'status', 'currentNumberScheduled')),
    countColumn('Ready', (each) => numberAt(each, 'status', 'numberReady')),
    countColumn('Up-to-date', (each) => numberAt(each, 'status', 'updatedNumberScheduled')),
    countColumn('Available', (each) => numberAt(each, 'status', 'numberAvailable')),
    {
      name: 'Node Selector',
      value: (each) => labelsText(at(each, 'spec', 'template', 'spec', 'nodeSelector')),
    },
    ageColumn,
    ...templateColumns,
  ],
});

export const controllerRevisions = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  columns: [
    nameColumn,
    { name: 'Controller', value: controllerText },
    countColumn('Revision', (each) => Number(each['revision'] ?? 0)),
    ageColumn,
  ],
});

function controllerText(object: ApiObject): string {
  const owner = object.metadata.ownerReferences?.find((each) => each.controller);
  return owner ? `${owner.kind.toLowerCase()}.${owner.apiVersion.split('/')[0]}/${owner.name}` : '<none>';
}

function validateWorkload(object: ApiObject, old: ApiObject | undefined): FieldError[] {
  const { spec = {} } = object;
  const { selector, replicas } = spec;
  const labels = at(spec, 'template', 'metadata', 'labels');
  const isEmpty = !isObject(selector) || Object.keys(selector).length === 0;
  return [
    ...(Number(replicas) < 0
      ? [invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0')]
      : []),
    ...(isEmpty ? [required('spec.selector')] : []),
    ...(!isEmpty &&
    !matchesLabelSelector(selector, (isObject(labels) ? labels : {}) as Record<string, string>)
      ? [
          invalidValue(
            'spec.template.metadata.labels',
            labels ?? {},
            '`selector` does not match template `labels`',
          ),
        ]
      : []),
    ...(old && !isDeepStrictEqual(selector, old.spec?.['selector'])
      ? [invalidValue('spec.selector', selector, 'field is immutable')]
      : []),
    ...validatePodSpec(
      at(spec, 'template', 'spec'),
      'spec.template.spec',
      listAt(spec, 'volumeClaimTemplates').map((claim) => textAt(claim, 'metadata', 'name')),
    ),
    ...(textAt(spec, 'template', 'spec', 'restartPolicy') === 'Always'
      ? []
      : [
          {
            field: 'spec.template.spec.restartPolicy',
            reason: 'FieldValueNotSupported' as const,
            message: `Unsupported value: "${textAt(spec, 'template', 'spec', 'restartPolicy')}": supported values: "Always"`,
          },
        ]),
  ];
}
