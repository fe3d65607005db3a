import { describe, expect, test } from 'vitest';
import { timestamp, type Autoscaler, type Pod } from '../kinds.ts';
import { behaviorOf, decide, type History } from './behavior.ts';
import { byAverage, byShare, byUtilization, byValue, type PodSample } from './replicas.ts';

const now = Date.parse('2026-03-01T12:00:00Z');
const rules = { tolerance: 0.1, cpuInitializationMs: 300_000, initialReadinessMs: 30_000 };

interface Played {
  readonly used?: number;
  readonly ready?: boolean;
  readonly phase?: string;
  /** Seconds ago that it started, and that its readiness changed. */
  readonly started?: number;
  readonly changed?: number;
}

/** Ten minutes old and ready unless it says otherwise; requests 1000 of everything. */
function scene(...played: readonly Played[]) {
  const samples = new Map<string, PodSample>();
  const pods = played.map(
    ({ used, ready = true, phase = 'Running', started = 600, changed = started }, i): Pod => {
      const name = `pod-${i}`;
      if (used !== undefined) samples.set(name, { value: used, atMs: now, windowMs: 15_000 });
      const lastTransitionTime = timestamp(now - changed * 1_000);
      return {
        metadata: { name },
        status: {
          phase,
          startTime: timestamp(now - started * 1_000),
          conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime }],
        },
      };
    },
  );
  const requests = new Map(pods.map(({ metadata }) => [metadata?.name ?? '', 1_000]));
  const question = { current: played.length, pods, samples, isCpu: true, rules, now };
  return { question, requests };
}

const utilization = (target: number, ...played: readonly Played[]) => {
  const { question, requests } = scene(...played);
  return byUtilization(question, target, requests);
};

describe('replicas by utilisation', () => {
  test('in proportion to the load', () => {
    expect(utilization(50, { used: 1_000 }, { used: 1_000 })).toEqual({
      replicas: 4,
      average: 1_000,
      utilization: 100,
    });
    expect(utilization(50, { used: 250 }, { used: 250 }, { used: 250 }, { used: 250 }).replicas).toBe(2);
  });
  test.each([450, 500, 549])('%d of 500 is near enough', (used) => {
    expect(utilization(50, { used }, { used }).replicas).toBe(2);
  });
  test('a pod without a sample is taken for idle when scaling up, for busy when scaling down', () => {
    expect(utilization(50, { used: 1_000 }, { used: 1_000 }, {}).replicas).toBe(4);
    expect(utilization(50, { used: 100 }, { used: 100 }, {}).replicas).toBe(3);
  });
  test('a pod that is not ready yet never adds to scaling up', () => {
    const young = { used: 5_000, ready: false, started: 20 };
    expect(utilization(50, { used: 600 }, { used: 600 }, young).replicas).toBe(3);
    expect(utilization(50, { used: 1_500 }, young).replicas).toBe(3);
    expect(utilization(50, { used: 100 }, { used: 100 }, { phase: 'Pending' }).replicas).toBe(1);
  });
  test('a pod that was ready before counts though it is not now', () => {
    expect(utilization(50, { used: 1_000, ready: false, changed: 100 }).replicas).toBe(2);
    expect(() => utilization(50, { used: 1_000, ready: false, changed: 590 })).toThrow(/did not receive/);
  });
  test('nothing measured is no ground to act', () => {
    expect(() => utilization(50, {}, {})).toThrow(/did not receive metrics/);
  });
});

test('replicas by averages and values', () => {
  const { question } = scene({ used: 30 }, { used: 30 });
  expect(byAverage({ ...question, isCpu: false }, 20).replicas).toBe(3);
  expect(byShare({ current: 2, rules }, 250, 100)).toBe(3);
  expect(byShare({ current: 3, rules }, 270, 100)).toBe(3);
  expect(byValue({ current: 2, ready: 2, rules }, 300, 100)).toBe(6);
  expect(byValue({ current: 2, ready: 2, rules }, 105, 100)).toBe(2);
});

type Behavior = NonNullable<Autoscaler['spec']>['behavior'];

const scaler = (behavior?: Behavior): Autoscaler => ({
  spec: { maxReplicas: 100, scaleTargetRef: { kind: 'Deployment', name: 'x' }, behavior },
});
const recommended = (replicas: number, agoMs: number): History => ({
  recommendations: [{ replicas, atMs: now - agoMs }],
  changes: [],
});

const run = (
  wanted: number,
  {
    current,
    history = { recommendations: [], changes: [] },
    behavior,
  }: {
    current: number;
    history?: History;
    behavior?: NonNullable<Autoscaler['spec']>['behavior'];
  },
) => decide(wanted, { current, min: 1, max: 100, now }, behaviorOf(scaler(behavior), 300_000), history);

describe('behaviour', () => {
  test('by default it doubles or adds four, whichever is more, in 15 seconds', () => {
    expect(run(50, { current: 1 })).toMatchObject({ replicas: 5, limited: { reason: 'ScaleUpLimit' } });
    expect(run(50, { current: 10 }).replicas).toBe(20);
    const history: History = { recommendations: [], changes: [{ by: 10, atMs: now - 5_000 }] };
    expect(run(50, { current: 20, history }).replicas).toBe(20);
  });
  test('down only when all of five minutes wanted it', () => {
    expect(run(2, { current: 10, history: recommended(10, 299_000) })).toMatchObject({
      replicas: 10,
      stabilized: { reason: 'ScaleDownStabilized' },
    });
    expect(run(2, { current: 10, history: recommended(10, 301_000) }).replicas).toBe(2);
  });
  test('its own windows, policies and limits', () => {
    const slow = { stabilizationWindowSeconds: 0, policies: [{ type: 'Pods', value: 2, periodSeconds: 60 }] };
    expect(run(1, { current: 10, behavior: { scaleDown: slow } }).replicas).toBe(8);
    const off = { selectPolicy: 'Disabled', stabilizationWindowSeconds: 0 };
    expect(run(1, { current: 10, behavior: { scaleDown: off } }).replicas).toBe(10);
    const policies = [
      { type: 'Pods', value: 4, periodSeconds: 60 },
      { type: 'Percent', value: 10, periodSeconds: 60 },
    ];
    expect(
      run(1, { current: 80, behavior: { scaleDown: { stabilizationWindowSeconds: 0, policies } } }).replicas,
    ).toBe(72);
    const min = { stabilizationWindowSeconds: 0, policies, selectPolicy: 'Min' };
    expect(run(1, { current: 80, behavior: { scaleDown: min } }).replicas).toBe(76);
    const wait = { stabilizationWindowSeconds: 60 };
    const history = recommended(3, 30_000);
    expect(run(6, { current: 3, behavior: { scaleUp: wait }, history })).toMatchObject({
      replicas: 3,
      stabilized: { reason: 'ScaleUpStabilized' },
    });
  });
  test('the bounds hold', () => {
    const all = { policies: [{ type: 'Percent', value: 900, periodSeconds: 15 }] };
    expect(run(500, { current: 60, behavior: { scaleUp: all } })).toMatchObject({
      replicas: 100,
      limited: { reason: 'TooManyReplicas' },
    });
    expect(run(0, { current: 4 })).toMatchObject({ replicas: 1, limited: { reason: 'TooFewReplicas' } });
  });
});
