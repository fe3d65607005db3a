import { isIP } from 'node:net';
import { invalidValue, required, type FieldError } from '../field-error.ts';
import { defineKind } from '../kind.ts';
import { at, isObject, listAt, textAt, type JsonObject } from '../object.ts';
import { ageColumn, nameColumn, selectorText } from './columns.ts';
import { oneOf, portErrors } from './pod-spec.ts';

/** Enforced by the network; what it could not read is refused here. */
export const networkPolicies = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  shortNames: ['netpol'],
  generation: true,
  setDefaults(policy) {
    const spec = (policy.spec ??= {});
    spec['podSelector'] ??= {};
    spec['policyTypes'] ??= Array.isArray(spec['egress']) ? ['Ingress', 'Egress'] : ['Ingress'];
  },
  validate: (policy) => [
    ...[at(policy, 'spec', 'policyTypes')]
      .flat()
      .flatMap((type, i) => oneOf(`spec.policyTypes[${i}]`, type, ['Ingress', 'Egress'])),
    ...(['ingress', 'egress'] as const).flatMap((way) =>
      listAt(policy, 'spec', way).flatMap((rule, i) => ruleErrors(rule, way, `spec.${way}[${i}]`)),
    ),
  ],
  columns: [
    nameColumn,
    { name: 'Pod-Selector', value: (policy) => selectorText(policy.spec?.['podSelector']) },
    ageColumn,
  ],
});

function ruleErrors(rule: JsonObject, way: 'ingress' | 'egress', path: string): FieldError[] {
  const peers = way === 'ingress' ? 'from' : 'to';
  return [
    ...listAt(rule, 'ports').flatMap((port, i) => policyPortErrors(port, `${path}.ports[${i}]`)),
    ...listAt(rule, peers).flatMap((peer, i) => peerErrors(peer, `${path}.${peers}[${i}]`)),
  ];
}

function policyPortErrors(entry: JsonObject, path: string): FieldError[] {
  const { port, endPort } = entry;
  const isNumber = typeof port === 'number';
  return [
    ...oneOf(`${path}.protocol`, entry['protocol'], ['TCP', 'UDP', 'SCTP']),
    ...(isNumber ? portErrors(`${path}.port`, port) : []),
    ...(endPort === undefined ? [] : portErrors(`${path}.endPort`, endPort)),
    ...(endPort !== undefined && !(isNumber && Number(endPort) >= port)
      ? [invalidValue(`${path}.endPort`, endPort, 'must be greater than or equal to a numeric `port`')]
      : []),
  ];
}

function peerErrors(peer: JsonObject, path: string): FieldError[] {
  const block = peer['ipBlock'];
  const hasSelector = Boolean(peer['podSelector'] ?? peer['namespaceSelector']);
  if (!isObject(block)) return hasSelector ? [] : [required(path, 'must specify a peer')];
  const cidr = textAt(block, 'cidr');
  const exceptions = [at(block, 'except') ?? []].flat();
  return [
    ...(hasSelector ? [invalidValue(path, peer, 'may not specify both ipBlock and another peer')] : []),
    ...[cidr, ...exceptions]
      .filter((each) => !isCidr(each))
      .map((each) => invalidValue(`${path}.ipBlock`, each, 'must be a valid CIDR value, e.g. 10.9.8.0/24')),
  ];
}

function isCidr(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  const [address = '', length = ''] = value.split('/');
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return /^\d{1,3}$/.test(length) && Number(length) <= bits;
}
