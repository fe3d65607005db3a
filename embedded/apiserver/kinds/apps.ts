import { isDeepStrictEqual } from 'node:util';
import { invalidValue, required, type FieldError } from '../field-error.ts';
import { defineKind } from '../kind.ts';
import { at, isObject, listAt, textAt, type ApiObject } from '../object.ts';
import { matchesLabelSelector } from '../selectors.ts';
import {
  ageColumn,
  ageText,
  countColumn,
  labelsText,
  nameColumn,
  numberAt,
  pathColumn,
  templateColumns,
  wide,
} from './columns.ts';
import { setPodSpecDefaults, validatePodSpec } from './pod-spec.ts';

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

const job = {
  group: 'batch',
  version: 'v1',
  categories: ['all'],
  generation: true,
  subresources: ['status'] as const,
  initialStatus: () => ({}),
};

export const jobs = defineKind({
  ...job,
  kind: 'Job',
  plural: 'jobs',
  setDefaults(each) {
    const spec = (each.spec ??= {});
    spec['completions'] ??= 1;
    spec['parallelism'] ??= 1;
    spec['backoffLimit'] ??= 6;
    spec['completionMode'] ??= 'NonIndexed';
    spec['suspend'] ??= false;
    const { uid, name } = each.metadata;
    const labels = { 'controller-uid': uid, 'job-name': name };
    if (!spec['selector']) {
      spec['selector'] = { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } };
      const template = (spec['template'] ??= {}) as Record<string, unknown>;
      const metadata = (template['metadata'] ??= {}) as Record<string, unknown>;
      const prefixed = Object.entries(labels).map(([key, value]) => [`batch.kubernetes.io/${key}`, value]);
      metadata['labels'] = { ...(metadata['labels'] as object), ...labels, ...Object.fromEntries(prefixed) };
    }
    setTemplateDefaults(each);
  },
  validate: (each) => {
    const policy = textAt(each, 'spec', 'template', 'spec', 'restartPolicy');
    return [
      ...validatePodSpec(at(each, 'spec', 'template', 'spec'), 'spec.template.spec'),
      ...(policy === 'OnFailure' || policy === 'Never'
        ? []
        : [
            {
              field: 'spec.template.spec.restartPolicy',
              reason: 'FieldValueNotSupported' as const,
              message: `Unsupported value: "${policy}": supported values: "OnFailure", "Never"`,
            },
          ]),
    ];
  },
  fields: { 'status.successful': (each) => String(numberAt(each, 'status', 'succeeded')) },
  columns: [
    nameColumn,
    { name: 'Status', value: jobStatusText },
    {
      name: 'Completions',
      value: (each) => `${numberAt(each, 'status', 'succeeded')}/${numberAt(each, 'spec', 'completions')}`,
    },
    {
      name: 'Duration',
      value: (each) => {
        const start = textAt(each, 'status', 'startTime');
        const end = Date.parse(textAt(each, 'status', 'completionTime')) || Date.now();
        return start ? ageText(start, end) : '';
      },
    },
    ageColumn,
    ...templateColumns,
  ],
});

function jobStatusText(each: ApiObject): string {
  const condition = listAt(each, 'status', 'conditions').find(
    (one) => one['status'] === 'True' && ['Complete', 'Failed', 'Suspended'].includes(textAt(one, 'type')),
  );
  return textAt(condition, 'type') || (each.metadata.deletionTimestamp ? 'Terminating' : 'Running');
}

export const cronJobs = defineKind({
  ...job,
  kind: 'CronJob',
  plural: 'cronjobs',
  shortNames: ['cj'],
  setDefaults(each) {
    const spec = (each.spec ??= {});
    spec['concurrencyPolicy'] ??= 'Allow';
    spec['suspend'] ??= false;
    spec['successfulJobsHistoryLimit'] ??= 3;
    spec['failedJobsHistoryLimit'] ??= 1;
    const podSpec = at(spec, 'jobTemplate', 'spec', 'template', 'spec');
    if (isObject(podSpec)) setPodSpecDefaults(podSpec);
  },
  validate: (each) => [
    ...(textAt(each, 'spec', 'schedule') ? [] : [required('spec.schedule')]),
    ...validatePodSpec(
      at(each, 'spec', 'jobTemplate', 'spec', 'template', 'spec'),
      'spec.jobTemplate.spec.template.spec',
    ),
  ],
  columns: [
    nameColumn,
    pathColumn('Schedule', ['spec', 'schedule']),
    pathColumn('Timezone', ['spec', 'timeZone'], '<none>'),
    { name: 'Suspend', type: 'boolean', value: (each) => at(each, 'spec', 'suspend') === true },
    countColumn('Active', (each) => listAt(each, 'status', 'active').length),
    {
      name: 'Last Schedule',
      value: (each) => {
        const last = textAt(each, 'status', 'lastScheduleTime');
        return last ? ageText(last) : '<none>';
      },
    },
    ageColumn,
    wide({
      name: 'Images',
      value: (each) =>
        listAt(each, 'spec', 'jobTemplate', 'spec', 'template', 'spec', 'containers')
          .map((one) => textAt(one, 'image'))
          .join(','),
    }),
  ],
});

function setTemplateDefaults(object: ApiObject): void {
  const podSpec = at(object, 'spec', 'template', 'spec');
  if (isObject(podSpec)) setPodSpecDefaults(podSpec);
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
    ...validatePodSpec(at(spec, 'template', 'spec'), 'spec.template.spec'),
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
