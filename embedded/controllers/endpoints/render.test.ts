import { expect, test } from 'vitest';
import type { Pod, Service } from '../kinds.ts';
import { portGroups, renderEndpoints, renderSlices } from './render.ts';

function service(spec: Service['spec'] = {}): Service {
  return {
    metadata: { name: 'web', namespace: 'n', uid: 's' },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'web' }], ...spec },
  };
}

function pod(ip: string, { ready = true, terminating = false, port = 8080, phase = 'Running' } = {}): Pod {
  return {
    metadata: {
      name: `p-${ip}`,
      namespace: 'n',
      uid: ip,
      labels: { app: 'web' },
      deletionTimestamp: terminating ? '2026-01-01T00:00:00Z' : undefined,
    },
    spec: { nodeName: 'node', containers: [{ name: 'c', ports: [{ name: 'web', containerPort: port }] }] },
    status: { phase, podIP: ip, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

test('a terminating pod is at once not ready, still serving, and gone from Endpoints', () => {
  const groups = portGroups(service(), [pod('10.0.0.1'), pod('10.0.0.2', { terminating: true })]);
  const [slice] = renderSlices(service(), groups, []);
  expect(slice?.endpoints?.map(({ conditions }) => conditions)).toEqual([
    { ready: true, serving: true, terminating: false },
    { ready: false, serving: true, terminating: true },
  ]);
  expect(slice?.ports).toEqual([{ name: 'http', port: 8080, protocol: 'TCP' }]);
  const endpoints = renderEndpoints(service(), groups);
  expect(endpoints.subsets).toMatchObject([{ addresses: [{ ip: '10.0.0.1' }] }]);
  expect(endpoints.subsets?.[0]).not.toHaveProperty('notReadyAddresses');
});

test('not ready, no address, finished and foreign pods', () => {
  const pods = [pod('10.0.0.1', { ready: false }), pod(''), pod('10.0.0.3', { phase: 'Failed' })];
  const groups = portGroups(service(), [...pods, { ...pod('10.0.0.4'), metadata: { labels: { app: 'x' } } }]);
  expect(renderEndpoints(service(), groups).subsets).toMatchObject([
    { notReadyAddresses: [{ ip: '10.0.0.1' }] },
  ]);
  const early = service({ publishNotReadyAddresses: true });
  expect(renderEndpoints(early, portGroups(early, pods)).subsets).toMatchObject([
    { addresses: [{ ip: '10.0.0.1' }] },
  ]);
});

test('a named port that differs from pod to pod makes two slices', () => {
  const groups = portGroups(service(), [pod('10.0.0.1'), pod('10.0.0.2', { port: 9090 })]);
  const slices = renderSlices(service(), groups, []);
  expect(new Set(slices.map(({ ports }) => ports?.[0]?.port))).toEqual(new Set([8080, 9090]));
  expect(new Set(slices.map(({ metadata }) => metadata?.name)).size).toBe(2);
});

test('a headless service without ports, and one without pods', () => {
  const headless = service({ clusterIP: 'None', ports: undefined });
  const [slice] = renderSlices(headless, portGroups(headless, [pod('10.0.0.1')]), []);
  expect(slice).toMatchObject({ ports: [], endpoints: [{ addresses: ['10.0.0.1'] }] });
  expect(slice?.metadata?.labels).toHaveProperty(['service.kubernetes.io/headless'], '');
  expect(renderSlices(service(), [], [])).toMatchObject([{ endpoints: [] }]);
});

test('250 pods fill three slices; one leaving rewrites only its own', () => {
  const pods = Array.from({ length: 250 }, (_, index) => pod(`10.0.${index >> 8}.${index & 255}`));
  const before = renderSlices(service(), portGroups(service(), pods), []);
  expect(before.map(({ endpoints }) => endpoints?.length)).toEqual([100, 100, 50]);
  const after = renderSlices(service(), portGroups(service(), pods.toSpliced(5, 1)), before);
  const changed = after.filter((slice, index) => JSON.stringify(slice) !== JSON.stringify(before[index]));
  expect(changed).toHaveLength(1);
  const again = renderSlices(service(), portGroups(service(), pods), after);
  expect(again.flatMap(({ endpoints }) => endpoints ?? [])).toHaveLength(250);
});
