import { required } from '../field-error.ts';
import { defineKind } from '../kind.ts';
import { at, listAt, textAt, type ApiObject } from '../object.ts';
import { ageColumn, nameColumn, pathColumn } from './columns.ts';
import { oneOf } from './pod-spec.ts';

export const ingresses = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  plural: 'ingresses',
  shortNames: ['ing'],
  subresources: ['status'],
  generation: true,
  initialStatus: () => ({ loadBalancer: {} }),
  validate: (ingress) => [
    ...(at(ingress, 'spec', 'defaultBackend') || listAt(ingress, 'spec', 'rules').length > 0
      ? []
      : [required('spec', 'either `defaultBackend` or `rules` must be specified')]),
    ...listAt(ingress, 'spec', 'rules').flatMap((rule, i) =>
      listAt(rule, 'http', 'paths').flatMap((path, j) => {
        const field = `spec.rules[${i}].http.paths[${j}]`;
        return [
          ...(path['pathType']
            ? oneOf(`${field}.pathType`, path['pathType'], ['Exact', 'ImplementationSpecific', 'Prefix'])
            : [required(`${field}.pathType`, 'pathType must be specified')]),
          ...(at(path, 'backend', 'service') && !textAt(path, 'backend', 'service', 'name')
            ? [required(`${field}.backend.service.name`)]
            : []),
        ];
      }),
    ),
  ],
  columns: [
    nameColumn,
    pathColumn('Class', ['spec', 'ingressClassName'], '<none>'),
    { name: 'Hosts', value: (ingress) => texts(listAt(ingress, 'spec', 'rules'), 'host') || '*' },
    {
      name: 'Address',
      value: (ingress) =>
        listAt(ingress, 'status', 'loadBalancer', 'ingress')
          .map((each) => textAt(each, 'ip') || textAt(each, 'hostname'))
          .join(','),
    },
    { name: 'Ports', value: (ingress) => (listAt(ingress, 'spec', 'tls').length > 0 ? '80, 443' : '80') },
    ageColumn,
  ],
});

function texts(list: readonly object[], field: string): string {
  return list
    .map((each) => textAt(each, field))
    .filter(Boolean)
    .join(',');
}

export const ingressClasses = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  plural: 'ingressclasses',
  namespaced: false,
  generation: true,
  columns: [
    nameColumn,
    pathColumn('Controller', ['spec', 'controller']),
    { name: 'Parameters', value: parametersText },
    ageColumn,
  ],
});

function parametersText(each: ApiObject): string {
  const parameters = at(each, 'spec', 'parameters');
  return parameters
    ? `${textAt(parameters, 'kind')}.${textAt(parameters, 'apiGroup')}/${textAt(parameters, 'name')}`
    : '<none>';
}
