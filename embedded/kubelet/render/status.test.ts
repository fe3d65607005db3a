import { expect, test } from 'vitest';
import type { ContainerStatus } from '../cri/types.ts';
import type { Pod } from '../pod.ts';
import type { PodRuntime } from '../pod-runtime.ts';
import { renderPodStatus, type ContainerFacts } from './status.ts';

const second = 1_000_000_000n;
const nowMs = 1_700_000_100_000;

function run(name: string, attempt: number, end?: { exitCode: number; reason?: string }): ContainerStatus {
  const startedAt = 1_700_000_000n * second;
  return {
    id: `${name}-${attempt}`,
    metadata: { name, attempt },
    state: end ? 'CONTAINER_EXITED' : 'CONTAINER_RUNNING',
    createdAt: String(startedAt),
    startedAt: String(startedAt),
    finishedAt: end ? String(startedAt + 5n * second) : '0',
    exitCode: end?.exitCode ?? 0,
    image: null,
    imageRef: 'sha256:1',
    reason: end?.reason ?? '',
    message: '',
    labels: {},
    annotations: {},
    logPath: '',
  };
}

function runtimeOf(...runs: ContainerStatus[]): PodRuntime {
  const sandbox = {
    id: 's',
    metadata: { name: 'p', namespace: 'n', uid: 'u', attempt: 0 },
    state: 'SANDBOX_READY' as const,
    createdAt: '1',
    labels: {},
    annotations: {},
    network: { ip: '10.0.0.5', additionalIps: [] },
  };
  const containers = new Map<string, ContainerStatus[]>();
  for (const each of runs)
    containers.set(each.metadata.name, [...(containers.get(each.metadata.name) ?? []), each]);
  return { sandboxes: [sandbox], containers };
}

function render(
  spec: Pod['spec'],
  runtime: PodRuntime,
  facts: Partial<ContainerFacts> = {},
  status?: Pod['status'],
) {
  return renderPodStatus({
    pod: { metadata: { name: 'p', namespace: 'n', uid: 'u' }, spec, status },
    runtime,
    facts: () => ({ started: true, ready: true, ...facts }),
    hostIp: '192.0.2.7',
    nowMs,
    isTerminating: false,
  });
}

const conditionsOf = (status: ReturnType<typeof render>) =>
  Object.fromEntries(
    (status.conditions ?? []).map(({ type, status: value, reason }) => [type, reason ?? value]),
  );

test('running and ready', () => {
  const status = render({ containers: [{ name: 'web' }] }, runtimeOf(run('web', 0)));
  expect(status).toMatchObject({
    phase: 'Running',
    podIP: '10.0.0.5',
    hostIP: '192.0.2.7',
    qosClass: 'BestEffort',
  });
  expect(status.containerStatuses?.[0]).toMatchObject({
    ready: true,
    containerID: 'containerd://web-0',
    state: { running: { startedAt: '2023-11-14T22:13:20Z' } },
  });
  expect(conditionsOf(status)).toEqual({
    PodReadyToStartContainers: 'True',
    Initialized: 'True',
    Ready: 'True',
    ContainersReady: 'True',
    PodScheduled: 'True',
  });
});

test('a crash loop is Running, waiting, with the last end and the count of restarts', () => {
  const waiting = { reason: 'CrashLoopBackOff', message: 'back-off 10s' };
  const runtime = runtimeOf(
    run('web', 3, { exitCode: 137, reason: 'OOMKilled' }),
    run('web', 2, { exitCode: 1 }),
  );
  const status = render({ containers: [{ name: 'web' }] }, runtime, { waiting });
  expect(status.phase).toBe('Running');
  expect(status.containerStatuses?.[0]).toMatchObject({
    ready: false,
    restartCount: 3,
    state: { waiting },
    lastState: { terminated: { reason: 'OOMKilled', exitCode: 137, finishedAt: '2023-11-14T22:13:25Z' } },
  });
  expect(conditionsOf(status)['Ready']).toBe('ContainersNotReady');
});

test('init containers come first', () => {
  const spec = { initContainers: [{ name: 'init' }], containers: [{ name: 'web' }] };
  const before = render(spec, runtimeOf(run('init', 0)));
  expect(before.phase).toBe('Pending');
  expect(before.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'PodInitializing' } });
  expect(conditionsOf(before)['Initialized']).toBe('ContainersNotInitialized');
  const failed = render({ ...spec, restartPolicy: 'Never' }, runtimeOf(run('init', 0, { exitCode: 2 })));
  expect(failed.phase).toBe('Failed');
});

test('the end of a pod that never restarts, and times of conditions that do not change', () => {
  const spec = { restartPolicy: 'Never', containers: [{ name: 'a' }, { name: 'b' }] };
  const done = render(spec, runtimeOf(run('a', 0, { exitCode: 0 }), run('b', 0, { exitCode: 0 })));
  expect(done.phase).toBe('Succeeded');
  expect(conditionsOf(done)).toMatchObject({ Ready: 'PodCompleted', Initialized: 'PodCompleted' });
  const half = render(spec, runtimeOf(run('a', 0, { exitCode: 3 }), run('b', 0)));
  expect(half.phase).toBe('Running');
  const kept = { type: 'PodScheduled', status: 'True', lastTransitionTime: '2020-01-01T00:00:00Z' };
  const gate = { type: 'example.com/gate', status: 'False', lastTransitionTime: '2020-01-01T00:00:00Z' };
  const { conditions } = render(spec, runtimeOf(), {}, { conditions: [kept, gate] });
  expect(conditions).toContainEqual(kept);
  expect(conditions).toContainEqual(gate);
});
