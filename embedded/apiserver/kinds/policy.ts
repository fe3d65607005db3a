import { parseQuantity } from '../../client/quantity.ts';
import { invalidValue, required } from '../field-error.ts';
import { defineKind } from '../kind.ts';
import { isObject, listAt, textAt, type ApiObject } from '../object.ts';
import { ageColumn, countColumn, nameColumn, numberAt, pathColumn, wide } from './columns.ts';
import { oneOf } from './pod-spec.ts';

export const leases = defineKind({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  columns: [nameColumn, pathColumn('Holder', ['spec', 'holderIdentity']), ageColumn],
});

export const priorityClasses = defineKind({
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  shortNames: ['pc'],
  namespaced: false,
  setDefaults(each) {
    each['preemptionPolicy'] ??= 'PreemptLowerPriority';
  },
  validate: (each, old) =>
    old && old['value'] !== each['value']
      ? [invalidValue('value', each['value'], 'may not be changed in an update')]
      : [],
  columns: [
    nameColumn,
    countColumn('Value', (each) => Number(each['value'] ?? 0)),
    { name: 'Global-Default', type: 'boolean', value: (each) => each['globalDefault'] === true },
    ageColumn,
    pathColumn('PreemptionPolicy', ['preemptionPolicy']),
  ],
});

export const podDisruptionBudgets = defineKind({
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  shortNames: ['pdb'],
  subresources: ['status'],
  generation: true,
  initialStatus: () => ({ currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 }),
  validate: ({ spec = {} }) => {
    const amounts = ['minAvailable', 'maxUnavailable'].filter((name) => spec[name] !== undefined);
    return [
      ...(amounts.length > 1
        ? [invalidValue('spec', spec, 'minAvailable and maxUnavailable cannot be both set')]
        : []),
      ...amounts
        .filter((name) => !/^(\d+|(\d{1,2}|100)%)$/.test(String(spec[name])))
        .map((name) =>
          invalidValue(`spec.${name}`, spec[name], 'must be a whole number, or a percentage up to 100%'),
        ),
      ...oneOf('spec.unhealthyPodEvictionPolicy', spec['unhealthyPodEvictionPolicy'], [
        'AlwaysAllow',
        'IfHealthyBudget',
      ]),
    ];
  },
  columns: [
    nameColumn,
    pathColumn('Min Available', ['spec', 'minAvailable'], 'N/A'),
    pathColumn('Max Unavailable', ['spec', 'maxUnavailable'], 'N/A'),
    countColumn('Allowed Disruptions', (budget) => numberAt(budget, 'status', 'disruptionsAllowed')),
    ageColumn,
  ],
});

export const resourceQuotas = defineKind({
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  shortNames: ['quota'],
  subresources: ['status'],
  initialStatus: () => ({}),
  validate: ({ spec }) =>
    Object.entries(isObject(spec?.['hard']) ? spec['hard'] : {})
      .filter(([, amount]) => !(quantityOf(amount) >= 0))
      .map(([name, amount]) => invalidValue(`spec.hard[${name}]`, amount, 'must be a quantity of 0 or more')),
  columns: [
    nameColumn,
    ageColumn,
    { name: 'Request', value: (quota) => usageText(quota, (name) => !name.startsWith('limits.')) },
    { name: 'Limit', value: (quota) => usageText(quota, (name) => name.startsWith('limits.')) },
  ],
});

function quantityOf(text: unknown): number {
  try {
    return parseQuantity(String(text));
  } catch {
    return Number.NaN;
  }
}

function usageText(quota: ApiObject, isShown: (name: string) => boolean): string {
  const hard = isObject(quota.spec?.['hard']) ? Object.keys(quota.spec['hard']) : [];
  return hard
    .filter(isShown)
    .toSorted()
    .map(
      (name) =>
        `${name}: ${textAt(quota, 'status', 'used', name) || '0'}/${textAt(quota, 'spec', 'hard', name)}`,
    )
    .join(', ');
}

export const limitRanges = defineKind({
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  plural: 'limitranges',
  shortNames: ['limits'],
  setDefaults(range) {
    for (const item of listAt(range, 'spec', 'limits')) {
      if (item['type'] !== 'Container') continue;
      item['default'] = { ...asObject(item['max']), ...asObject(item['default']) };
      item['defaultRequest'] = {
        ...asObject(item['min']),
        ...asObject(item['default']),
        ...asObject(item['defaultRequest']),
      };
    }
  },
  validate: (range) =>
    listAt(range, 'spec', 'limits').flatMap((item, i) =>
      oneOf(`spec.limits[${i}].type`, item['type'], ['Container', 'Pod', 'PersistentVolumeClaim']),
    ),
  columns: [nameColumn, { name: 'Created At', value: (range) => range.metadata.creationTimestamp }],
});

function asObject(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {};
}

const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1', nameRule: 'path' as const };
const roleColumn = {
  name: 'Role',
  value: (binding: ApiObject) =>
    `${textAt(binding, 'roleRef', 'kind')}/${textAt(binding, 'roleRef', 'name')}`,
};
const subjectColumns = ['User', 'Group', 'ServiceAccount'].map((kind) =>
  wide({
    name: `${kind}s`,
    value: (binding: ApiObject) =>
      listAt(binding, 'subjects')
        .filter((subject) => subject['kind'] === kind)
        .map((subject) => [textAt(subject, 'namespace'), textAt(subject, 'name')].filter(Boolean).join('/'))
        .join(', '),
  }),
);

function roleRefErrors(binding: ApiObject, old: ApiObject | undefined): ReturnType<typeof required>[] {
  if (!isObject(binding['roleRef']) || !binding['roleRef']['name']) return [required('roleRef.name')];
  const isSame = !old || JSON.stringify(old['roleRef']) === JSON.stringify(binding['roleRef']);
  return isSame ? [] : [invalidValue('roleRef', binding['roleRef'], 'cannot change roleRef')];
}

export const roles = defineKind({
  ...rbac,
  kind: 'Role',
  plural: 'roles',
  columns: [nameColumn, { name: 'Created At', value: (role) => role.metadata.creationTimestamp }],
});
export const clusterRoles = defineKind({
  ...roles,
  kind: 'ClusterRole',
  plural: 'clusterroles',
  singular: 'clusterrole',
  namespaced: false,
});
export const roleBindings = defineKind({
  ...rbac,
  kind: 'RoleBinding',
  plural: 'rolebindings',
  validate: roleRefErrors,
  columns: [nameColumn, roleColumn, ageColumn, ...subjectColumns],
});
export const clusterRoleBindings = defineKind({
  ...roleBindings,
  kind: 'ClusterRoleBinding',
  plural: 'clusterrolebindings',
  singular: 'clusterrolebinding',
  namespaced: false,
});
