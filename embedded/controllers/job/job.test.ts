import { describe, expect, test } from 'vitest';
import { timestamp, type Job, type Pod } from '../kinds.ts';
import { backoffLeftMs } from './backoff.ts';
import { countPods, trackingFinalizer } from './counting.ts';
import { judgeFailure } from './failure-policy.ts';
import { formatIndexes, parseIndexes } from './indexes.ts';
import { planJob, timeToLiveMs } from './plan.ts';

const now = Date.parse('2026-03-01T12:00:00Z');
const backoff = { baseMs: 10_000, maxMs: 360_000 };

function job(spec: Partial<NonNullable<Job['spec']>> = {}, status: Job['status'] = {}): Job {
  const template = { spec: { restartPolicy: 'Never', containers: [] } };
  return {
    metadata: { name: 'work', uid: 'job' },
    spec: { template, completions: 1, parallelism: 1, ...spec },
    status,
  };
}

interface Played {
  readonly phase?: string;
  readonly exitCode?: number;
  readonly endedAgoMs?: number;
  readonly released?: boolean;
  readonly going?: boolean;
}

function pod(
  uid: string,
  { phase = 'Running', exitCode, endedAgoMs = 0, released, going }: Played = {},
): Pod {
  const finishedAt = timestamp(now - endedAgoMs);
  const terminated = { exitCode: exitCode ?? (phase === 'Failed' ? 1 : 0), finishedAt };
  return {
    metadata: {
      uid,
      name: uid,
      namespace: 'default',
      finalizers: released ? [] : [trackingFinalizer],
      ...(going && { deletionTimestamp: timestamp(now), deletionGracePeriodSeconds: 30 }),
    },
    status: {
      phase,
      ...(phase !== 'Running' && {
        containerStatuses: [
          { name: 'main', image: 'x', imageID: '', ready: false, restartCount: 0, state: { terminated } },
        ],
      }),
    },
  };
}

const plan = (job: Job, pods: Pod[]) => planJob({ job, pods, backoff, now });

describe('an end is counted once', () => {
  test('first it is listed, then released, then counted', () => {
    const listed = countPods(job(), [pod('a', { phase: 'Succeeded' })]);
    expect(listed.status).toMatchObject({ uncountedTerminatedPods: { succeeded: ['a'] } });
    expect(listed.status.succeeded).toBeUndefined();
    expect(listed.release).toHaveLength(1);
    const status = { uncountedTerminatedPods: { succeeded: ['a'] } };
    const still = countPods(job({}, status), [pod('a', { phase: 'Succeeded' })]);
    expect(still.status).toMatchObject(status);
    expect(still.added).toEqual([]);
    for (const pods of [[pod('a', { phase: 'Succeeded', released: true })], []]) {
      const counted = countPods(job({}, status), pods);
      expect(counted.status).toMatchObject({ succeeded: 1, uncountedTerminatedPods: {} });
    }
  });
  test('one that was released before it was listed counts nowhere', () => {
    expect(countPods(job(), [pod('a', { phase: 'Succeeded', released: true })])).toMatchObject({
      succeeded: 0,
    });
  });
  test('a pod on its way out has failed, unless the Job waits for its end', () => {
    expect(countPods(job(), [pod('a', { going: true })]).failed).toBe(1);
    expect(countPods(job({ podReplacementPolicy: 'Failed' }), [pod('a', { going: true })]).failed).toBe(0);
  });
});

describe('what comes next', () => {
  test.each([
    [{ completions: 5, parallelism: 2 }, [], 2],
    [{ completions: 5, parallelism: 9 }, [], 5],
    [{ completions: 2, parallelism: 2 }, [pod('a', { phase: 'Succeeded' })], 1],
    [{ completions: undefined, parallelism: 3 }, [pod('a')], 2],
    [{ completions: undefined, parallelism: 3 }, [pod('a', { phase: 'Succeeded' }), pod('b')], 0],
    [{ parallelism: 0 }, [], 0],
    [{ suspend: true }, [], 0],
  ])('%j makes pods', (spec, pods, expected) => {
    expect(plan(job(spec), pods).create).toBe(expected);
  });
  test('a failed pod is replaced after a while, which doubles', () => {
    const failed = [pod('a', { phase: 'Failed' })];
    expect(plan(job(), failed)).toMatchObject({ create: 0, againAfterMs: 10_000 });
    expect(plan(job(), [pod('a', { phase: 'Failed', endedAgoMs: 10_000 })]).create).toBe(1);
    const twice = [
      pod('a', { phase: 'Failed', endedAgoMs: 30_000 }),
      pod('b', { phase: 'Failed', endedAgoMs: 5_000 }),
    ];
    expect(backoffLeftMs(twice, backoff, now)).toBe(15_000);
    expect(backoffLeftMs([...twice, pod('c', { phase: 'Succeeded' })], backoff, now)).toBe(0);
  });
  test('too many go without being counted', () => {
    const { surplus, doomed } = plan(job({ completions: 3, parallelism: 1 }), [pod('a'), pod('b')]);
    expect({ surplus: surplus.length, doomed: doomed.length }).toEqual({ surplus: 1, doomed: 0 });
  });
  test('the limit of failures and the deadline end it with what runs', () => {
    const status = { failed: 3, startTime: timestamp(now - 60_000) };
    const over = plan(job({ backoffLimit: 2 }, status), [pod('a')]);
    expect(over.doomed).toHaveLength(1);
    expect(over.status.conditions).toMatchObject([{ type: 'FailureTarget', reason: 'BackoffLimitExceeded' }]);
    const late = plan(job({ activeDeadlineSeconds: 60 }, { startTime: status.startTime }), []);
    expect(late.status.conditions).toMatchObject([
      { type: 'FailureTarget', reason: 'DeadlineExceeded' },
      { type: 'Failed', reason: 'DeadlineExceeded' },
    ]);
    const left = plan(job({ activeDeadlineSeconds: 90 }, { startTime: status.startTime }), [pod('a')]);
    expect(left.againAfterMs).toBe(30_000);
  });
  test('a finished one has its time to live', () => {
    const conditions = [{ type: 'Complete', status: 'True', lastTransitionTime: timestamp(now - 4_000) }];
    expect(timeToLiveMs(job({ ttlSecondsAfterFinished: 10 }, { conditions }), now)).toBe(6_000);
    expect(timeToLiveMs(job({}, { conditions }), now)).toBeUndefined();
  });
});

test('rules of the failure policy are asked in order', () => {
  const rules = [
    { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
    { action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } },
    { action: 'Count', onExitCodes: { operator: 'NotIn', values: [1] } },
  ];
  const judged = job({ podFailurePolicy: { rules } });
  expect(judgeFailure(judged, pod('a', { phase: 'Failed', exitCode: 42 }))).toEqual({
    action: 'FailJob',
    message: 'Container main for pod default/a failed with exit code 42 matching FailJob rule at index 1',
  });
  expect(judgeFailure(judged, pod('a', { phase: 'Failed', exitCode: 1 })).action).toBe('Count');
  const disrupted = pod('a', { phase: 'Failed', exitCode: 42 });
  const conditions = [{ type: 'DisruptionTarget', status: 'True' }];
  expect(judgeFailure(judged, { ...disrupted, status: { ...disrupted.status, conditions } }).action).toBe(
    'Ignore',
  );
});

test.each([
  [[], ''],
  [[3], '3'],
  [[1, 2], '1,2'],
  [[0, 1, 2, 5, 7, 8, 9], '0-2,5,7-9'],
])('indexes %j are written %j', (indexes, text) => {
  expect(formatIndexes(indexes.toReversed())).toBe(text);
  expect([...parseIndexes(text)]).toEqual(indexes);
});
