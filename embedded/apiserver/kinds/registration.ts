import { forbiddenField, invalidValue, required } from '../field-error.ts';
import { defineKind } from '../kind.ts';
import { at, listAt, textAt, type ApiObject } from '../object.ts';
import { available } from '../aggregation/available.ts';
import { ageColumn, nameColumn } from './columns.ts';

/** An API that another server answers for (apiregistration.k8s.io/v1). */
export const apiServices = defineKind({
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  plural: 'apiservices',
  namespaced: false,
  subresources: ['status'],
  initialStatus: (service) =>
    textAt(service, 'spec', 'service', 'name')
      ? {}
      : { conditions: [available('True', 'Local', 'Local APIServices are always available')] },
  setDefaults(service) {
    const reference = at(service, 'spec', 'service');
    if (typeof reference === 'object' && reference !== null)
      (reference as Record<string, unknown>)['port'] ??= 443;
  },
  validate: (service) => {
    const { metadata, spec = {} } = service;
    const [group, version] = [textAt(spec, 'group'), textAt(spec, 'version')];
    const isRemote = Boolean(at(spec, 'service'));
    return [
      ...(metadata.name === `${version}.${group}`
        ? []
        : [invalidValue('metadata.name', metadata.name, `must be \`spec.version+"."+spec.group\``)]),
      ...(version ? [] : [required('spec.version')]),
      ...(group || !isRemote ? [] : [required('spec.group', 'only v1 may have an empty group')]),
      ...['groupPriorityMinimum', 'versionPriority']
        .filter((name) => !(Number(spec[name]) > 0))
        .map((name) => invalidValue(`spec.${name}`, spec[name] ?? 0, 'must be positive')),
      ...(isRemote && !textAt(spec, 'service', 'name') ? [required('spec.service.name')] : []),
      ...(isRemote && !textAt(spec, 'service', 'namespace') ? [required('spec.service.namespace')] : []),
      ...(!isRemote && (spec['caBundle'] || spec['insecureSkipTLSVerify'])
        ? [forbiddenField('spec', 'local APIServices may not have a caBundle or insecureSkipTLSVerify')]
        : []),
      ...(spec['caBundle'] && spec['insecureSkipTLSVerify']
        ? [forbiddenField('spec.insecureSkipTLSVerify', 'may not be true if caBundle is present')]
        : []),
    ];
  },
  columns: [
    nameColumn,
    {
      name: 'Service',
      value: ({ spec }) =>
        textAt(spec, 'service', 'name')
          ? `${textAt(spec, 'service', 'namespace')}/${textAt(spec, 'service', 'name')}`
          : 'Local',
    },
    { name: 'Available', value: availableText },
    ageColumn,
  ],
});

function availableText(service: ApiObject): string {
  const condition = listAt(service, 'status', 'conditions').find((each) => each['type'] === 'Available');
  if (!condition) return 'Unknown';
  const status = textAt(condition, 'status');
  return status === 'True' ? 'True' : `${status} (${textAt(condition, 'reason')})`;
}
