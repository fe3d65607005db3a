import { expect, test } from 'vitest';
import type { Pod } from '../pod.ts';
import { expand, readField, readResource, resolveEnvironment, type Lookups } from './environment.ts';

const node = { name: 'node-1', address: '192.0.2.7', cpus: 2, memoryBytes: 2 ** 30 };
const pod: Pod = {
  metadata: { name: 'web-0', namespace: 'shop', uid: 'u-1', labels: { app: 'web', 'a/b': 'x"y' } },
  spec: {
    containers: [
      { name: 'web', resources: { limits: { cpu: '250m', memory: '64Mi' } } },
      { name: 'other', resources: { requests: { cpu: '1' } } },
    ],
  },
};
const lookups: Lookups = {
  configMap: async (namespace, name) =>
    namespace === 'shop' && name === 'settings' ? { data: { colour: 'green', 'a=b': 'unusable' } } : null,
  secret: async (_, name) =>
    name === 'keys' ? { data: { pass: Buffer.from('p$(X)').toString('base64') } } : null,
};

test.each([
  ['$(A)', '1'],
  ['$$(A)', '$(A)'],
  ['$$$(A)', '$1'],
  ['$(UNKNOWN) $ $( $)', '$(UNKNOWN) $ $( $)'],
  ['x$(A)y$(A)', 'x1y1'],
])('expands %s', (text, expected) => {
  expect(expand(text, new Map([['A', '1']]))).toBe(expected);
});

test('later names win, earlier ones expand, secrets are not expanded', async () => {
  const environment = await resolveEnvironment({
    pod,
    podIp: '10.0.0.9',
    node,
    lookups,
    inherited: new Map([['HOST', 'api']]),
    container: {
      name: 'web',
      envFrom: [
        { prefix: 'C_', configMapRef: { name: 'settings' } },
        { secretRef: { name: 'absent', optional: true } },
      ],
      env: [
        { name: 'PASS', valueFrom: { secretKeyRef: { name: 'keys', key: 'pass' } } },
        { name: 'LATE', value: '$(PASS)/$(NEXT)/$(HOST)' },
        { name: 'NEXT', value: 'n' },
        { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        { name: 'NONE', valueFrom: { configMapKeyRef: { name: 'settings', key: 'absent', optional: true } } },
      ],
    },
  });
  expect(Object.fromEntries(environment)).toEqual({
    HOST: 'api',
    C_colour: 'green',
    PASS: 'p$(X)',
    LATE: 'p$(X)/$(NEXT)/api',
    NEXT: 'n',
    IP: '10.0.0.9',
  });
});

test('something that is missing and not optional is told', async () => {
  const input = { pod, podIp: '', node, lookups };
  await expect(
    resolveEnvironment({
      ...input,
      container: { name: 'web', envFrom: [{ configMapRef: { name: 'absent' } }] },
    }),
  ).rejects.toThrow('configmap "absent" not found');
  const env = [{ name: 'X', valueFrom: { secretKeyRef: { name: 'keys', key: 'other' } } }];
  await expect(resolveEnvironment({ ...input, container: { name: 'web', env } })).rejects.toThrow(
    "couldn't find key other in secret shop/keys",
  );
});

test('downward fields and resources', () => {
  const input = { pod, podIp: '10.0.0.9', node };
  expect(readField(input, "metadata.labels['app']")).toBe('web');
  expect(readField(input, 'metadata.labels')).toBe('a/b="x\\"y"\napp="web"');
  expect(readField(input, 'status.hostIP')).toBe('192.0.2.7');
  expect(() => readField(input, 'spec.secret')).toThrow('not supported');
  const container = pod.spec?.containers[0];
  expect(readResource({ pod, container, node }, { resource: 'limits.memory', divisor: '1Mi' })).toBe('64');
  expect(readResource({ pod, container, node }, { resource: 'limits.cpu' })).toBe('1');
  expect(readResource({ pod, container, node }, { resource: 'limits.cpu', divisor: '1m' })).toBe('250');
  expect(readResource({ pod, container, node }, { containerName: 'other', resource: 'limits.cpu' })).toBe(
    '2',
  );
});
