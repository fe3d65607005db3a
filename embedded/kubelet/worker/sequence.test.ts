import { expect, test } from 'vitest';
import type { ContainerStatus, PodSandboxStatus } from '../cri/types.ts';
import type { Pod, PodSpec } from '../pod.ts';
import type { PodRuntime } from '../pod-runtime.ts';
import { findFailure } from './failure.ts';
import { withLostContainers } from './lost-containers.ts';
import { findStartable, isComplete, mayRunAgain } from './sequence.ts';

const sandbox: PodSandboxStatus = {
  id: 's',
  metadata: { name: 'p', namespace: 'n', uid: 'u', attempt: 1 },
  state: 'SANDBOX_READY',
  createdAt: '100',
  labels: {},
  annotations: {},
  network: null,
};

/** A run: `name` runs, `name=3` has ended with 3, `name@50` was made before the sandbox. */
function runtimeOf(...runs: string[]): PodRuntime {
  const statuses = runs.map((text): ContainerStatus => {
    const [, name = '', at = '150', exit] = /^(\w+)(?:@(\d+))?(?:=(\d+))?$/.exec(text) ?? [];
    return {
      id: name,
      metadata: { name, attempt: 0 },
      state: exit === undefined ? 'CONTAINER_RUNNING' : 'CONTAINER_EXITED',
      createdAt: at,
      startedAt: at,
      finishedAt: exit === undefined ? '0' : at,
      exitCode: Number(exit ?? 0),
      image: null,
      imageRef: '',
      reason: '',
      message: '',
      labels: {},
      annotations: {},
      logPath: '',
    };
  });
  return { sandboxes: [sandbox], containers: new Map(statuses.map((each) => [each.id, [each]])) };
}

const podOf = (spec: Partial<PodSpec>): Pod => ({ spec: { containers: [{ name: 'main' }], ...spec } });
const spec: Partial<PodSpec> = {
  initContainers: [{ name: 'one' }, { name: 'side', restartPolicy: 'Always' }, { name: 'two' }],
};

test.each<[string[], string[], boolean]>([
  [[], ['one'], true],
  [['one'], [], true],
  [['one=1'], ['one'], true],
  [['one=0'], ['side'], true],
  [['one=0', 'side'], [], false],
  [['one=0', 'side'], ['two'], true],
  [['one=0', 'side=1', 'two'], ['side'], true],
  [['one=0', 'side', 'two=0'], ['main'], true],
  [['one=0', 'side=1', 'two=0', 'main'], ['side'], true],
  [['one=0', 'side', 'two=0', 'main=1'], ['main'], true],
  // A new sandbox is initialized anew.
  [['one@50=0', 'side@50=0', 'two@50=0', 'main@50=0'], ['one'], true],
])('with %j next is %j', (runs, expected, isUp) => {
  const pod = podOf(spec);
  expect(findStartable(pod, runtimeOf(...runs), sandbox, () => isUp).map(({ name }) => name)).toEqual(
    expected,
  );
});

test('an ephemeral container starts at once and once only', () => {
  const pod = podOf({ ...spec, ephemeralContainers: [{ name: 'debug' }] });
  const names = (runtime: PodRuntime) =>
    findStartable(pod, runtime, sandbox, () => true).map(({ name }) => name);
  expect(names(runtimeOf('one'))).toEqual(['debug']);
  expect(names(runtimeOf('one', 'debug=1'))).toEqual([]);
});

test.each<[string, string[], boolean]>([
  ['Always', ['one=0', 'main=0'], false],
  ['OnFailure', ['one=0', 'main=0'], true],
  ['OnFailure', ['one=0', 'main=1'], false],
  ['Never', ['one=0', 'main=1'], true],
  ['Never', ['one=0', 'side', 'main=1'], true],
  ['Never', ['one=1'], true],
  ['OnFailure', ['one=1'], false],
  ['Never', ['one=0', 'side'], false],
])('restart policy %s with %j is complete: %s', (restartPolicy, runs, expected) => {
  expect(isComplete(podOf({ ...spec, restartPolicy }), runtimeOf(...runs))).toBe(expected);
});

test('what has ended for good does not run again in a new sandbox, its init containers do', () => {
  const pod = podOf({ ...spec, restartPolicy: 'Never', containers: [{ name: 'main' }, { name: 'other' }] });
  const runtime = runtimeOf('one@50=0', 'main@50=0');
  const may = (name: string) => {
    const [ended] = runtime.containers.get(name) ?? [];
    const container = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].find(
      (each) => each.name === name,
    );
    return ended && container ? mayRunAgain(pod, container, ended, sandbox) : undefined;
  };
  expect(may('one')).toBe(true);
  expect(may('main')).toBe(false);
});

test('a deadline and an eviction that was begun are found in the object', () => {
  const startTime = '2026-01-01T00:00:00Z';
  const pod: Pod = { spec: { containers: [], activeDeadlineSeconds: 10 }, status: { startTime } };
  const at = (seconds: number) => Date.parse(startTime) + seconds * 1_000;
  expect(findFailure(pod, at(9))).toBeUndefined();
  expect(findFailure(pod, at(10))?.reason).toBe('DeadlineExceeded');
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'TerminationByKubelet',
    message: 'disk',
  };
  expect(findFailure({ ...pod, status: { startTime, conditions: [condition] } }, at(0))).toMatchObject({
    reason: 'Evicted',
    message: 'disk',
  });
});

const stored = (name: string, state: object, containerID?: string) => ({
  name,
  state,
  containerID,
  restartCount: 2,
  image: '',
  imageID: '',
  ready: false,
});

test('runs that the runtime has lost count as ended', () => {
  const ended = {
    exitCode: 0,
    reason: 'Completed',
    containerID: 'containerd://b1',
    startedAt: '2026-01-01T00:00:00Z',
  };
  const pod: Pod = {
    spec: {
      restartPolicy: 'OnFailure',
      containers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }, { name: 'd' }],
    },
    status: {
      containerStatuses: [
        stored('a', { running: { startedAt: '2026-01-01T00:00:00Z' } }, 'containerd://a1'),
        stored('b', { terminated: ended }, 'containerd://b1'),
        stored('c', { waiting: { reason: 'ContainerCreating' } }, 'containerd://c1'),
        stored('d', { running: {} }, 'containerd://d1'),
      ],
    },
  };
  const runtime = withLostContainers(pod, runtimeOf('d'));
  const of = (name: string) => runtime.containers.get(name)?.[0];
  expect(of('a')).toMatchObject({ id: 'a1', exitCode: 137, reason: 'ContainerStatusUnknown' });
  expect(of('b')).toMatchObject({ id: 'b1', exitCode: 0, reason: 'Completed' });
  expect(of('c')).toBeUndefined();
  expect(of('d')?.state).toBe('CONTAINER_RUNNING');
  const due = findStartable(pod, runtime, sandbox, () => true).filter((container) => {
    const lost = of(container.name);
    return !lost || mayRunAgain(pod, container, lost, sandbox);
  });
  expect(due.map(({ name }) => name)).toEqual(['a', 'c']);
});
