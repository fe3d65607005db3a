import { expect, test } from 'vitest';
import { timestamp, type Pod, type StatefulSet } from '../kinds.ts';
import { ordinalOf, planStatefulSet, revisionLabel, type StatefulSetState } from './plan.ts';

type Spec = Partial<NonNullable<StatefulSet['spec']>>;

function set(spec: Spec = {}, status?: StatefulSet['status']): StatefulSet {
  return {
    metadata: { name: 'db', generation: 1 },
    spec: { replicas: 3, serviceName: 'db', selector: {}, template: {}, ...spec },
    status,
  };
}

function pod(
  ordinal: number,
  { ready = true, revision = 'r1', terminating = false, phase = 'Running' } = {},
): Pod {
  const at = timestamp();
  return {
    metadata: {
      name: `db-${ordinal}`,
      labels: { [revisionLabel]: revision },
      deletionTimestamp: terminating ? at : undefined,
    },
    status: {
      phase,
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: at }],
    },
  };
}

function actions(state: Partial<StatefulSetState> & { set: StatefulSet; pods: Pod[] }): string[] {
  return planStatefulSet({ currentRevision: 'r1', updateRevision: 'r1', ...state }).actions.map((action) =>
    action.type === 'create' ? `+${action.ordinal} ${action.revision}` : `-${action.pod.metadata?.name}`,
  );
}

function statusAfter(pods: Pod[]) {
  return planStatefulSet({ set: set(), pods, currentRevision: 'r1', updateRevision: 'r2' }).status;
}

test('names give ordinals, and nothing else does', () => {
  expect(ordinalOf(set(), 'db-12')).toBe(12);
  for (const name of ['db-', 'db-01', 'db-x', 'other-1', 'db-1-2'])
    expect(ordinalOf(set(), name)).toBeUndefined();
});

test('in order: one pod at a time, each after the one before is available', () => {
  expect(actions({ set: set(), pods: [] })).toEqual(['+0 update']);
  expect(actions({ set: set(), pods: [pod(0, { ready: false })] })).toEqual([]);
  expect(actions({ set: set(), pods: [pod(0)] })).toEqual(['+1 update']);
  expect(actions({ set: set({ minReadySeconds: 60 }), pods: [pod(0)] })).toEqual([]);
  expect(actions({ set: set(), pods: [pod(0), pod(2)] })).toEqual(['+1 current']);
  expect(actions({ set: set(), pods: [pod(0, { terminating: true })] })).toEqual([]);
});

test('parallel: all at once', () => {
  const parallel = set({ podManagementPolicy: 'Parallel' });
  expect(actions({ set: parallel, pods: [] })).toEqual(['+0 update', '+1 update', '+2 update']);
  expect(
    actions({ set: { ...parallel, spec: { ...parallel.spec!, replicas: 0 } }, pods: [pod(0), pod(1)] }),
  ).toEqual(['-db-1', '-db-0']);
});

test('scaling down goes from the highest ordinal, and waits for each to be gone', () => {
  const small = set({ replicas: 1 });
  expect(actions({ set: small, pods: [pod(0), pod(1), pod(2)] })).toEqual(['-db-2']);
  expect(actions({ set: small, pods: [pod(0), pod(1), pod(2, { terminating: true })] })).toEqual([]);
  expect(actions({ set: small, pods: [pod(0, { ready: false }), pod(1), pod(2)] })).toEqual([]);
});

test('a rolling update replaces from the highest ordinal down to the partition', () => {
  const rolling = { updateRevision: 'r2', set: set({}, { replicas: 3, currentReplicas: 3 }) };
  expect(actions({ ...rolling, pods: [pod(0), pod(1), pod(2)] })).toEqual(['-db-2']);
  const done2 = pod(2, { revision: 'r2' });
  expect(actions({ ...rolling, pods: [pod(0), pod(1), pod(2, { revision: 'r2', ready: false })] })).toEqual(
    [],
  );
  expect(actions({ ...rolling, pods: [pod(0), pod(1), done2] })).toEqual(['-db-1']);
  expect(actions({ ...rolling, pods: [pod(0), pod(1)] })).toEqual(['+2 update']);

  const partition = set({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } });
  expect(actions({ updateRevision: 'r2', set: partition, pods: [pod(0), pod(1), done2] })).toEqual([]);
  expect(actions({ updateRevision: 'r2', set: partition, pods: [pod(0), done2] })).toEqual(['+1 current']);
});

test('on delete: only a pod that is deleted by hand comes back new', () => {
  const manual = set({ updateStrategy: { type: 'OnDelete' } });
  expect(actions({ updateRevision: 'r2', set: manual, pods: [pod(0), pod(1), pod(2)] })).toEqual([]);
  expect(actions({ updateRevision: 'r2', set: manual, pods: [pod(0), pod(2)] })).toEqual(['+1 update']);
});

test('a finished pod is replaced; a set that is being deleted does nothing', () => {
  expect(actions({ set: set(), pods: [pod(0, { phase: 'Failed' })] })).toEqual(['-db-0']);
  const ending = set();
  ending.metadata = { ...ending.metadata, deletionTimestamp: timestamp() };
  expect(actions({ set: ending, pods: [] })).toEqual([]);
});

test('the update revision becomes the current one when every pod has it and is ready', () => {
  const updated = [0, 1, 2].map((ordinal) => pod(ordinal, { revision: 'r2' }));
  expect(statusAfter(updated)).toMatchObject({
    currentRevision: 'r2',
    currentReplicas: 3,
    updatedReplicas: 3,
  });
  expect(statusAfter([pod(0), ...updated.slice(1)])).toMatchObject({
    currentRevision: 'r1',
    currentReplicas: 1,
    updatedReplicas: 2,
  });
});
