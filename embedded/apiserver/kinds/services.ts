import { invalidValue, notSupported, required, type FieldError } from '../field-error.ts';
import { defineKind, type AdmissionContext, type Claim } from '../kind.ts';
import { isObject, listAt, textAt, type ApiObject } from '../object.ts';
import { freeAddress, isInside } from '../service-addresses.ts';
import { ageColumn, labelsText, nameColumn, pathColumn, wide } from './columns.ts';
import { allocateNodePorts, nodePortClaims, nodePortErrors } from './node-ports.ts';
import { oneOf, portErrors } from './pod-spec.ts';

const ownTypes = ['ClusterIP', 'ExternalName', 'NodePort'];
const affinityTimeoutSec = 10_800;

export const services = defineKind({
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  shortNames: ['svc'],
  categories: ['all'],
  nameRule: 'label1035',
  subresources: ['status'],
  initialStatus: () => ({ loadBalancer: {} }),
  setDefaults(service) {
    const spec = (service.spec ??= {});
    spec['type'] ??= 'ClusterIP';
    spec['sessionAffinity'] ??= 'None';
    for (const port of listAt(spec, 'ports')) {
      port['protocol'] ??= 'TCP';
      port['targetPort'] ??= port['port'];
    }
    if (spec['type'] === 'ExternalName') return;
    spec['internalTrafficPolicy'] ??= 'Cluster';
    if (spec['type'] === 'NodePort') spec['externalTrafficPolicy'] ??= 'Cluster';
    if (spec['sessionAffinity'] === 'ClientIP') {
      spec['sessionAffinityConfig'] ??= { clientIP: { timeoutSeconds: affinityTimeoutSec } };
    } else delete spec['sessionAffinityConfig'];
    spec['ipFamilyPolicy'] ??= 'SingleStack';
    spec['ipFamilies'] ??= ['IPv4'];
  },
  admit(service, old, context) {
    allocateAddress(service, old, context);
    allocateNodePorts(service, old, (key) => context.isClaimed(key));
  },
  validate: validateService,
  claims: (service) => [...claimsOf(service), ...nodePortClaims(service)],
  fields: {
    'spec.clusterIP': (service) => textAt(service, 'spec', 'clusterIP'),
    'spec.type': (service) => textAt(service, 'spec', 'type'),
  },
  columns: [
    nameColumn,
    pathColumn('Type', ['spec', 'type']),
    pathColumn('Cluster-IP', ['spec', 'clusterIP'], '<none>'),
    pathColumn('External-IP', ['spec', 'externalName'], '<none>'),
    { name: 'Port(s)', value: portsText },
    ageColumn,
    wide({ name: 'Selector', value: (service) => labelsText(service.spec?.['selector']) }),
  ],
});

/** A cluster IP once given stays; a new service without one gets a free address of the service range. */
function allocateAddress(service: ApiObject, old: ApiObject | undefined, context: AdmissionContext): void {
  const spec = (service.spec ??= {});
  if (spec['type'] === 'ExternalName') {
    delete spec['clusterIP'];
    delete spec['clusterIPs'];
    return;
  }
  spec['clusterIP'] ||= old?.spec?.['clusterIP'];
  const asked = textAt(spec, 'clusterIP');
  if (!asked) {
    const address = freeAddress(context.serviceCidr, (each) => context.isClaimed(claimKey(each)));
    if (address) spec['clusterIP'] = address;
  } else if (
    asked !== 'None' &&
    asked !== textAt(old, 'spec', 'clusterIP') &&
    !isInside(context.serviceCidr, asked)
  ) {
    // Said by validation, which does not know the range.
    spec['clusterIPs'] = ['outside', context.serviceCidr];
    return;
  }
  if (spec['clusterIP']) spec['clusterIPs'] = [spec['clusterIP']];
}

function claimKey(address: string): string {
  return `clusterips/${address}`;
}

function claimsOf(service: ApiObject): Claim[] {
  const address = textAt(service, 'spec', 'clusterIP');
  if (!address || address === 'None') return [];
  return [
    {
      key: claimKey(address),
      taken: invalidValue(
        'spec.clusterIP',
        address,
        'failed to allocate IP: provided IP is already allocated',
      ),
    },
  ];
}

function validateService(service: ApiObject, old: ApiObject | undefined): FieldError[] {
  const { spec = {} } = service;
  const type = textAt(spec, 'type');
  if (!ownTypes.includes(type)) return [notSupported('spec.type', type, ownTypes)];
  if (type === 'ExternalName') return spec['externalName'] ? [] : [required('spec.externalName')];
  const ports = listAt(spec, 'ports');
  const isHeadless = spec['clusterIP'] === 'None';
  return [
    ...addressErrors(service, old),
    ...(ports.length === 0 && !isHeadless ? [required('spec.ports')] : []),
    ...ports.flatMap((port, i) => [
      ...portErrors(`spec.ports[${i}].port`, port['port']),
      ...oneOf(`spec.ports[${i}].protocol`, port['protocol'], ['SCTP', 'TCP', 'UDP']),
      ...(ports.length > 1 && !port['name'] ? [required(`spec.ports[${i}].name`)] : []),
    ]),
    ...duplicatePorts(ports),
    ...nodePortErrors(service),
    ...oneOf('spec.sessionAffinity', spec['sessionAffinity'], ['ClientIP', 'None']),
    ...affinityErrors(service),
    ...['internalTrafficPolicy', 'externalTrafficPolicy'].flatMap((name) =>
      spec[name] === undefined ? [] : oneOf(`spec.${name}`, spec[name], ['Cluster', 'Local']),
    ),
    ...(isObject(spec['selector'] ?? {})
      ? []
      : [invalidValue('spec.selector', spec['selector'], 'must be a map')]),
  ];
}

function affinityErrors(service: ApiObject): FieldError[] {
  const path = ['spec', 'sessionAffinityConfig', 'clientIP', 'timeoutSeconds'] as const;
  if (textAt(service, 'spec', 'sessionAffinity') !== 'ClientIP') return [];
  const seconds = Number(textAt(service, ...path));
  return Number.isInteger(seconds) && seconds > 0 && seconds <= 86_400
    ? []
    : [invalidValue(path.join('.'), textAt(service, ...path), 'must be greater than 0 and less than 86400')];
}

function addressErrors(service: ApiObject, old: ApiObject | undefined): FieldError[] {
  const field = 'spec.clusterIP';
  const address = textAt(service, 'spec', 'clusterIP');
  const [first, range] = (service.spec?.['clusterIPs'] ?? []) as string[];
  if (!address) return [invalidValue(field, '', 'failed to allocate IP: the service range is full')];
  if (first === 'outside') {
    return [
      invalidValue(
        'spec.clusterIPs',
        [address],
        `failed to allocate IP ${address}: the provided IP is not in the valid range. The range of valid IPs is ${range}`,
      ),
    ];
  }
  const was = textAt(old, 'spec', 'clusterIP');
  return was && was !== address
    ? [invalidValue('spec.clusterIPs[0]', [address], 'may not change once set')]
    : [];
}

function duplicatePorts(ports: readonly Record<string, unknown>[]): FieldError[] {
  const seen = ports.map((port) => `${textAt(port, 'protocol')}/${textAt(port, 'port')}`);
  return seen.flatMap((each, i) =>
    seen.indexOf(each) < i
      ? [
          {
            field: `spec.ports[${i}]`,
            reason: 'FieldValueDuplicate' as const,
            message: `Duplicate value: {"port":${textAt(ports[i], 'port')},"protocol":"${textAt(ports[i], 'protocol')}"}`,
          },
        ]
      : [],
  );
}

function portsText(service: ApiObject): string {
  const texts = listAt(service, 'spec', 'ports').map(
    (port) => `${[port['port'], port['nodePort']].filter(Boolean).join(':')}/${textAt(port, 'protocol')}`,
  );
  return texts.join(',') || '<none>';
}

export const endpoints = defineKind({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  plural: 'endpoints',
  singular: 'endpoints',
  shortNames: ['ep'],
  columns: [nameColumn, { name: 'Endpoints', value: endpointsText }, ageColumn],
});

function endpointsText(object: ApiObject): string {
  const all = listAt(object, 'subsets').flatMap((subset) =>
    listAt(subset, 'addresses').flatMap((address) => {
      const ports = listAt(subset, 'ports');
      const ip = textAt(address, 'ip');
      return ports.length === 0 ? [ip] : ports.map((port) => `${ip}:${textAt(port, 'port')}`);
    }),
  );
  if (all.length === 0) return '<none>';
  return all.length > 3 ? `${all.slice(0, 3).join(',')} + ${all.length - 3} more...` : all.join(',');
}

export const endpointSlices = defineKind({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  setDefaults(slice) {
    for (const port of listAt(slice, 'ports')) {
      port['name'] ??= '';
      port['protocol'] ??= 'TCP';
    }
  },
  validate: (slice) => [
    ...(slice['addressType']
      ? oneOf('addressType', slice['addressType'], ['IPv4', 'IPv6', 'FQDN'])
      : [required('addressType')]),
    ...listAt(slice, 'endpoints').flatMap((endpoint, i) =>
      Array.isArray(endpoint['addresses']) && endpoint['addresses'].length > 0
        ? []
        : [required(`endpoints[${i}].addresses`, 'must contain at least 1 address')],
    ),
  ],
  columns: [
    nameColumn,
    pathColumn('AddressType', ['addressType']),
    {
      name: 'Ports',
      value: (slice) =>
        listAt(slice, 'ports')
          .map((port) => textAt(port, 'port'))
          .join(',') || '<unset>',
    },
    {
      name: 'Endpoints',
      value: (slice) =>
        listAt(slice, 'endpoints')
          .flatMap((endpoint) =>
            Array.isArray(endpoint['addresses']) ? endpoint['addresses'].map(String) : [],
          )
          .join(',') || '<unset>',
    },
    ageColumn,
  ],
});
