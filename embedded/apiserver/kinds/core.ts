import { forbiddenField, invalidValue, type FieldError } from '../field-error.ts';
import { defineKind } from '../kind.ts';
import { at, isObject, listAt, textAt, type ApiObject, type JsonObject } from '../object.ts';
import { isDeepStrictEqual } from 'node:util';
import { ageColumn, countColumn, nameColumn, pathColumn, wide } from './columns.ts';

export const namespaces = defineKind({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  shortNames: ['ns'],
  namespaced: false,
  nameRule: 'label',
  subresources: ['status', 'finalize'],
  initialStatus: () => ({ phase: 'Active' }),
  setDefaults(namespace) {
    // Held until its content is gone; only an ending namespace may lose it.
    if (!namespace.metadata.deletionTimestamp)
      namespace.spec = { ...namespace.spec, finalizers: ['kubernetes'] };
    namespace.metadata.labels = {
      ...namespace.metadata.labels,
      'kubernetes.io/metadata.name': namespace.metadata.name,
    };
  },
  fields: { 'status.phase': (namespace) => textAt(namespace, 'status', 'phase') },
  columns: [nameColumn, pathColumn('Status', ['status', 'phase']), ageColumn],
});

export const nodes = defineKind({
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  shortNames: ['no'],
  namespaced: false,
  subresources: ['status'],
  fields: { 'spec.unschedulable': (node) => textAt(node, 'spec', 'unschedulable') || 'false' },
  columns: [
    nameColumn,
    { name: 'Status', value: nodeStatusText },
    { name: 'Roles', value: nodeRolesText },
    ageColumn,
    pathColumn('Version', ['status', 'nodeInfo', 'kubeletVersion']),
    wide({ name: 'Internal-IP', value: (node) => addressOf(node, 'InternalIP') }),
    wide({ name: 'External-IP', value: (node) => addressOf(node, 'ExternalIP') }),
    wide(pathColumn('OS-Image', ['status', 'nodeInfo', 'osImage'], '<unknown>')),
    wide(pathColumn('Kernel-Version', ['status', 'nodeInfo', 'kernelVersion'], '<unknown>')),
    wide(pathColumn('Container-Runtime', ['status', 'nodeInfo', 'containerRuntimeVersion'], '<unknown>')),
  ],
});

function nodeStatusText(node: ApiObject): string {
  const ready = listAt(node, 'status', 'conditions').find((condition) => condition['type'] === 'Ready');
  const word = ready ? (ready['status'] === 'True' ? 'Ready' : 'NotReady') : 'Unknown';
  return at(node, 'spec', 'unschedulable') === true ? `${word},SchedulingDisabled` : word;
}

function nodeRolesText(node: ApiObject): string {
  const prefix = 'node-role.kubernetes.io/';
  const roles = Object.keys(node.metadata.labels ?? {}).filter((key) => key.startsWith(prefix));
  return (
    roles
      .map((key) => key.slice(prefix.length))
      .sort()
      .join(',') || '<none>'
  );
}

function addressOf(node: ApiObject, type: string): string {
  const address = listAt(node, 'status', 'addresses').find((each) => each['type'] === type);
  return textAt(address, 'address') || '<none>';
}

export const configMaps = defineKind({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  shortNames: ['cm'],
  validate: (map, old) => [
    ...keyErrors(map, ['data', 'binaryData']),
    ...immutableErrors(map, old, ['data', 'binaryData']),
  ],
  columns: [
    nameColumn,
    countColumn('Data', (map) => keyCount(map['data']) + keyCount(map['binaryData'])),
    ageColumn,
  ],
});

export const secrets = defineKind({
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  setDefaults(secret) {
    secret['type'] ??= 'Opaque';
    const { stringData } = secret;
    if (!isObject(stringData)) return;
    const encoded = Object.entries(stringData).map(([key, text]) => [
      key,
      Buffer.from(String(text)).toString('base64'),
    ]);
    secret['data'] = { ...(isObject(secret['data']) ? secret['data'] : {}), ...Object.fromEntries(encoded) };
    delete secret['stringData'];
  },
  validate: (secret, old) => [
    ...keyErrors(secret, ['data']),
    ...base64Errors(secret),
    ...immutableErrors(secret, old, ['data']),
    ...(old && old['type'] !== secret['type']
      ? [invalidValue('type', secret['type'], 'field is immutable')]
      : []),
  ],
  fields: { type: (secret) => textAt(secret, 'type') },
  columns: [
    nameColumn,
    pathColumn('Type', ['type']),
    countColumn('Data', (secret) => keyCount(secret['data'])),
    ageColumn,
  ],
});

function keyErrors(object: ApiObject, maps: readonly string[]): FieldError[] {
  return maps.flatMap((map) =>
    Object.keys(isObject(object[map]) ? object[map] : {})
      .filter((key) => !/^[-._a-zA-Z0-9]{1,253}$/.test(key) || key === '.' || key === '..')
      .map((key) =>
        invalidValue(
          `${map}[${key}]`,
          key,
          "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
        ),
      ),
  );
}

function base64Errors(secret: ApiObject): FieldError[] {
  const data = isObject(secret['data']) ? Object.entries(secret['data']) : [];
  return data
    .filter(([, value]) => typeof value !== 'string' || !/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(value))
    .map(([key]) => invalidValue(`data[${key}]`, '<hidden>', 'must be base64'));
}

function immutableErrors(
  object: ApiObject,
  old: ApiObject | undefined,
  fields: readonly string[],
): FieldError[] {
  if (old?.['immutable'] !== true) return [];
  return fields
    .filter((field) => object['immutable'] !== true || !isDeepStrictEqual(object[field], old[field]))
    .map((field) => forbiddenField(field, 'field is immutable when `immutable` is set'));
}

function keyCount(map: unknown): number {
  return isObject(map) ? Object.keys(map).length : 0;
}

export const serviceAccounts = defineKind({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  shortNames: ['sa'],
  subresources: ['token'],
  columns: [nameColumn, countColumn('Secrets', (account) => listAt(account, 'secrets').length), ageColumn],
});

/** Stored as core/v1; events.k8s.io/v1 is the same event in other words. */
export const events = defineKind({
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  fields: Object.fromEntries(
    [
      ...['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map((name) => [
        'involvedObject',
        name,
      ]),
      ['reason'],
      ['type'],
      ['source'],
      ['reportingComponent'],
    ].map((path) => [
      path.join('.'),
      (event: ApiObject) =>
        path[0] === 'source' ? textAt(event, 'source', 'component') : textAt(event, ...path),
    ]),
  ),
  columns: [
    { name: 'Last Seen', value: (event) => ageOf(event) },
    pathColumn('Type', ['type']),
    pathColumn('Reason', ['reason']),
    {
      name: 'Object',
      value: (event) =>
        `${textAt(event, 'involvedObject', 'kind').toLowerCase()}/${textAt(event, 'involvedObject', 'name')}`,
    },
    wide(pathColumn('Subobject', ['involvedObject', 'fieldPath'])),
    wide(pathColumn('Source', ['source', 'component'])),
    { name: 'Message', value: (event) => textAt(event, 'message').trim() },
    wide({ name: 'First Seen', value: (event) => textAt(event, 'firstTimestamp') }),
    wide(pathColumn('Count', ['count'], '1')),
    wide(nameColumn),
  ],
  views: [{ group: 'events.k8s.io', version: 'v1', toView: toEventsView, fromView: fromEventsView }],
});

function ageOf(event: ApiObject): string {
  const time =
    textAt(event, 'lastTimestamp') || textAt(event, 'eventTime') || textAt(event, 'firstTimestamp');
  return String(ageColumn.value({ ...event, metadata: { ...event.metadata, creationTimestamp: time } }));
}

function toEventsView(event: ApiObject): ApiObject {
  const {
    involvedObject,
    message,
    source,
    firstTimestamp,
    lastTimestamp,
    count,
    reportingComponent,
    ...rest
  } = event;
  return {
    ...rest,
    apiVersion: 'events.k8s.io/v1',
    regarding: involvedObject,
    note: message,
    reportingController: reportingComponent,
    deprecatedSource: source,
    deprecatedFirstTimestamp: firstTimestamp,
    deprecatedLastTimestamp: lastTimestamp,
    deprecatedCount: count,
  };
}

function fromEventsView(event: ApiObject): ApiObject {
  const { regarding, note, reportingController, ...rest } = event;
  const old: JsonObject = {};
  for (const [name, was] of [
    ['source', 'deprecatedSource'],
    ['firstTimestamp', 'deprecatedFirstTimestamp'],
    ['lastTimestamp', 'deprecatedLastTimestamp'],
    ['count', 'deprecatedCount'],
  ] as const) {
    if (rest[was] !== undefined) old[name] = rest[was];
    delete rest[was];
  }
  return {
    ...rest,
    ...old,
    apiVersion: 'v1',
    kind: 'Event',
    metadata: rest.metadata,
    involvedObject: regarding,
    message: note,
    reportingComponent: reportingController,
  };
}
