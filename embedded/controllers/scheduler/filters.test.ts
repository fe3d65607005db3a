import { expect, test } from 'vitest';
import type { Node, Pod } from '../kinds.ts';
import { quantityOrZero } from '../../client/quantity.ts';
import { refusalOf, type NodeState } from './filters.ts';
import { unschedulableMessage } from './message.ts';
import { add, requestsOf } from '../../client/pod-resources.ts';
import { chooseNode } from './scores.ts';

function node(
  name: string,
  spec: Node['spec'] = {},
  labels: Record<string, string> = {},
  ready = 'True',
): Node {
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
    spec,
    status: {
      allocatable: { cpu: '2', memory: '4Gi', pods: '3' },
      conditions: [{ type: 'Ready', status: ready }],
    },
  };
}

function pod(spec: Partial<NonNullable<Pod['spec']>> = {}, labels: Record<string, string> = {}): Pod {
  return { metadata: { name: 'p', namespace: 'n', labels }, spec: { containers: [{ name: 'c' }], ...spec } };
}

function asking(requests: Record<string, string>): Pod {
  return pod({ containers: [{ name: 'c', resources: { requests } }] });
}

function state(of: Node, pods: Pod[] = []): NodeState {
  const requested: Record<string, number> = {};
  for (const each of pods) add(requested, requestsOf(each));
  return { node: of, pods, requested };
}

function container(cpu: string, restartPolicy?: string) {
  return { name: 'x', restartPolicy, resources: { requests: { cpu } } };
}

function expression(key: string, operator: string, ...values: string[]) {
  return { matchExpressions: [{ key, operator, values }] };
}

const refusal = (candidate: Pod, at: NodeState, all = [at]) => refusalOf(candidate, at, all);

test('quantities', () => {
  expect(['250m', '1.5', '64Mi', '1k', '1e3', 'x', undefined].map(quantityOrZero)).toEqual([
    0.25, 1.5, 67_108_864, 1000, 1000, 0, 0,
  ]);
});

test('a pod reserves its containers or its largest init container, and side-cars always', () => {
  const initContainers = [container('100m', 'Always'), container('900m')];
  expect(requestsOf(pod({ initContainers, containers: [container('300m'), container('200m')] }))).toEqual({
    cpu: 1000,
  });
  expect(requestsOf(pod({ initContainers, containers: [container('1500m')] }))).toEqual({ cpu: 1600 });
});

test('resources against what others have taken', () => {
  const busy = state(node('a'), [asking({ cpu: '1500m', memory: '1Gi' })]);
  expect(refusal(asking({ cpu: '500m' }), busy)).toEqual([]);
  expect(refusal(asking({ cpu: '501m', memory: '4Gi' }), busy)).toEqual([
    'Insufficient cpu',
    'Insufficient memory',
  ]);
  expect(refusal(pod(), state(node('a'), [pod(), pod(), pod()]))).toEqual(['Too many pods']);
  expect(refusal(asking({ 'example.com/gpu': '1' }), state(node('a')))).toEqual([
    'Insufficient example.com/gpu',
  ]);
});

test('readiness, cordon, taints and tolerations', () => {
  expect(refusal(pod(), state(node('a', { unschedulable: true })))).toEqual(['node(s) were unschedulable']);
  expect(refusal(pod(), state(node('a', {}, {}, 'False')))).toEqual([
    'node(s) had untolerated taint {node.kubernetes.io/not-ready: }',
  ]);
  const tainted = state(node('a', { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] }));
  expect(refusal(pod(), tainted)).toEqual(['node(s) had untolerated taint {k: v}']);
  expect(refusal(pod({ tolerations: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] }), tainted)).toEqual(
    [],
  );
  expect(refusal(pod({ tolerations: [{ operator: 'Exists' }] }), tainted)).toEqual([]);
  expect(refusal(pod({ tolerations: [{ key: 'k', value: 'w' }] }), tainted)).toHaveLength(1);
  expect(refusal(pod(), state(node('a', { taints: [{ key: 'k', effect: 'PreferNoSchedule' }] })))).toEqual(
    [],
  );
});

test('node selector and required node affinity', () => {
  const ssd = state(node('a', {}, { disk: 'ssd', cores: '8' }));
  const reason = ["node(s) didn't match Pod's node affinity/selector"];
  const required = (...terms: object[]) =>
    pod({
      affinity: {
        nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } },
      },
    });
  expect(refusal(pod({ nodeSelector: { disk: 'ssd' } }), ssd)).toEqual([]);
  expect(refusal(pod({ nodeSelector: { disk: 'hdd' } }), ssd)).toEqual(reason);
  expect(refusal(required(expression('disk', 'In', 'hdd'), expression('cores', 'Gt', '4')), ssd)).toEqual([]);
  expect(refusal(required(expression('disk', 'NotIn', 'ssd')), ssd)).toEqual(reason);
  expect(refusal(required({}), ssd)).toEqual(reason);
});

test('pod affinity and anti-affinity by host', () => {
  const term = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'web' } } };
  const away = pod(
    { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } },
    { app: 'web' },
  );
  const near = pod({ affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } });
  const [taken, free] = [state(node('a'), [pod({}, { app: 'web' })]), state(node('b'))];
  const all = [taken, free];
  expect(refusal(away, taken, all)).toEqual(["node(s) didn't match pod anti-affinity rules"]);
  expect(refusal(away, free, all)).toEqual([]);
  expect(refusal(near, taken, all)).toEqual([]);
  expect(refusal(near, free, all)).toEqual(["node(s) didn't match pod affinity rules"]);
  // The first pod that wants to be near its own kind.
  expect(
    refusal({ ...near, metadata: { namespace: 'n', labels: { app: 'web' } } }, state(node('c'))),
  ).toEqual([]);
  expect(refusal(pod({}, { app: 'web' }), state(node('a'), [away]))).toEqual([
    "node(s) didn't satisfy existing pods anti-affinity rules",
  ]);
});

test('the emptier node wins, and siblings spread', () => {
  const [busy, idle] = [state(node('a'), [asking({ cpu: '1' })]), state(node('b'))];
  expect(chooseNode(asking({ cpu: '100m' }), [busy, idle])?.node.metadata?.name).toBe('b');
  const owned = pod();
  owned.metadata = {
    ...owned.metadata,
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'u', controller: true }],
  };
  expect(chooseNode(owned, [state(node('a'), [owned]), state(node('b'))])?.node.metadata?.name).toBe('b');
  expect(chooseNode(pod(), [])).toBeUndefined();
});

const wish = (app: string) => ({
  weight: 50,
  podAffinityTerm: {
    topologyKey: 'kubernetes.io/hostname',
    labelSelector: { matchLabels: { app } },
  },
});
const chosen = (candidate: Pod, ...states: NodeState[]) => chooseNode(candidate, states)?.node.metadata?.name;

test('wishes for company are met: those of the pod, and of pods that run already', () => {
  const preferring = (kind: 'podAffinity' | 'podAntiAffinity', app: string) => ({
    affinity: { [kind]: { preferredDuringSchedulingIgnoredDuringExecution: [wish(app)] } },
  });
  const full = state(node('a'), [asking({ cpu: '1' }), pod({}, { app: 'web' })]);
  const empty = state(node('b'));
  expect(chosen(pod(preferring('podAffinity', 'web')), full, empty)).toBe('a');
  expect(chosen(pod(preferring('podAffinity', 'other')), full, empty)).toBe('b');
  const busy = state(node('b'), [asking({ cpu: '1500m' })]);
  expect(chosen(pod(preferring('podAntiAffinity', 'web')), full, busy)).toBe('b');
  const hermit = state(node('a'), [pod(preferring('podAntiAffinity', 'web'))]);
  expect(chosen(pod({}, { app: 'web' }), hermit, busy)).toBe('b');
  expect(chosen(pod({}, { app: 'other' }), hermit, busy)).toBe('a');
  // A place may be more than one node, and not all of its nodes can take the pod.
  const zoned = (name: string, zone: string, pods: Pod[] = []) => state(node(name, {}, { zone }), pods);
  const inZone = { ...wish('web'), podAffinityTerm: { ...wish('web').podAffinityTerm, topologyKey: 'zone' } };
  const near = pod({
    affinity: { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [inZone] } },
  });
  const [other, beside] = [zoned('b', 'east'), zoned('c', 'west', [asking({ cpu: '500m' })])];
  const taken = zoned('a', 'west', [pod({}, { app: 'web' })]);
  expect(chooseNode(near, [other, beside], [taken, other, beside])?.node.metadata?.name).toBe('c');
});

test("the sentence that kube-scheduler's users know", () => {
  expect(unschedulableMessage([])).toBe('no nodes available to schedule pods');
  expect(unschedulableMessage([['Insufficient cpu', 'Insufficient memory'], ['Insufficient cpu']])).toBe(
    '0/2 nodes are available: 1 Insufficient memory, 2 Insufficient cpu.',
  );
});
