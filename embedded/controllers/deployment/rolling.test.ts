import { expect, test } from 'vitest';
import type { Deployment, ReplicaSet } from '../kinds.ts';
import {
  annotationKeys,
  newReplicaSetSize,
  rollingBounds,
  scaledValue,
  scaleProportionally,
  shrinkOld,
} from './rolling.ts';

interface Strategy {
  maxSurge?: number | string;
  maxUnavailable?: number | string;
}

function deployment(replicas: number, rollingUpdate?: Strategy): Deployment {
  const strategy = { type: 'RollingUpdate', rollingUpdate };
  return { metadata: { name: 'web' }, spec: { replicas, strategy, selector: {}, template: {} } };
}

function replicaSet(name: string, replicas: number, available = replicas, max = 0): ReplicaSet {
  const annotations = max > 0 ? { [annotationKeys.maxReplicas]: String(max) } : undefined;
  const creationTimestamp = `2026-01-01T00:00:0${name.length}Z`;
  return {
    metadata: { name, annotations, creationTimestamp },
    spec: { replicas, selector: {} },
    status: { replicas, availableReplicas: available },
  };
}

const sizes = (resizes: readonly { replicaSet: ReplicaSet; replicas: number }[]): Record<string, number> =>
  Object.fromEntries(resizes.map((each) => [each.replicaSet.metadata?.name, each.replicas]));

test('percentages: surge rounds up, unavailable rounds down, never both nothing', () => {
  expect(scaledValue('25%', 10, 'up')).toBe(3);
  expect(scaledValue('25%', 10, 'down')).toBe(2);
  expect(scaledValue(4, 10, 'up')).toBe(4);
  expect(rollingBounds(deployment(3))).toEqual({ maxSurge: 1, maxUnavailable: 0 });
  expect(rollingBounds(deployment(10))).toEqual({ maxSurge: 3, maxUnavailable: 2 });
  expect(rollingBounds(deployment(1))).toEqual({ maxSurge: 1, maxUnavailable: 0 });
  expect(rollingBounds(deployment(4, { maxSurge: 0, maxUnavailable: 0 }))).toEqual({
    maxSurge: 0,
    maxUnavailable: 1,
  });
  expect(rollingBounds(deployment(2, { maxSurge: 0, maxUnavailable: 5 })).maxUnavailable).toBe(2);
});

test('the documented rollout of 10 with surge 3 and unavailable 2: 8 old and 5 new', () => {
  const web = deployment(10, { maxSurge: 3, maxUnavailable: 2 });
  const old = replicaSet('a', 10);
  expect(newReplicaSetSize(web, [old], undefined)).toBe(3);
  expect(sizes(shrinkOld(web, [old], replicaSet('bb', 3, 0)))).toEqual({ a: 8 });
  const shrunk = replicaSet('a', 8);
  expect(newReplicaSetSize(web, [shrunk, replicaSet('bb', 3, 0)], replicaSet('bb', 3, 0))).toBe(5);
  expect(shrinkOld(web, [shrunk], replicaSet('bb', 5, 0))).toEqual([]);
});

test('the documented proportional scaling of that rollout from 10 to 15: 11 old and 7 new', () => {
  const web = deployment(15, { maxSurge: 3, maxUnavailable: 2 });
  const scaled = scaleProportionally(web, [replicaSet('a', 8, 8, 13), replicaSet('bb', 5, 0, 13)]);
  expect(sizes(scaled)).toEqual({ a: 11, bb: 7 });
});

test('scaling down in the middle of a rollout, and to nothing', () => {
  const active = [replicaSet('a', 8, 8, 13), replicaSet('bb', 5, 0, 13)];
  const smaller = scaleProportionally(deployment(5, { maxSurge: 3, maxUnavailable: 2 }), active);
  expect(Object.values(sizes(smaller)).reduce((sum, size) => sum + size, 0)).toBe(8);
  expect(sizes(scaleProportionally(deployment(0), active))).toEqual({ a: 0, bb: 0 });
});

test('broken old pods go first and cost no availability', () => {
  const web = deployment(3, { maxSurge: 1, maxUnavailable: 0 });
  // Of 3 old pods one is broken; the new one is not ready yet.
  expect(sizes(shrinkOld(web, [replicaSet('a', 3, 2)], replicaSet('bb', 1, 0)))).toEqual({});
  expect(sizes(shrinkOld(web, [replicaSet('a', 3, 2)], replicaSet('bb', 1, 1)))).toEqual({ a: 2 });
  expect(sizes(shrinkOld(web, [replicaSet('a', 3, 3)], replicaSet('bb', 1, 1)))).toEqual({ a: 2 });
});

test('any rollout ends with the new ReplicaSet alone and stays within its bounds', () => {
  for (const replicas of [1, 2, 3, 7, 10]) {
    for (const strategy of [
      {},
      { maxSurge: 1, maxUnavailable: 0 },
      { maxSurge: 0, maxUnavailable: 1 },
      { maxSurge: '100%' },
    ]) {
      const web = deployment(replicas, strategy);
      const { maxSurge, maxUnavailable } = rollingBounds(web);
      let [old, fresh] = [replicas, 0];
      for (let round = 0; round < 100 && (old > 0 || fresh < replicas); round += 1) {
        const [a, b] = [replicaSet('a', old), replicaSet('bb', fresh)];
        fresh = newReplicaSetSize(web, [a, b], b);
        expect(old + fresh).toBeLessThanOrEqual(replicas + maxSurge);
        // The grown pods become available before the next round shrinks the old ones.
        const resized = shrinkOld(web, [replicaSet('a', old)], replicaSet('bb', fresh));
        old = resized[0]?.replicas ?? old;
        expect(old + fresh).toBeGreaterThanOrEqual(replicas - maxUnavailable);
      }
      expect([old, fresh]).toEqual([0, replicas]);
    }
  }
});
