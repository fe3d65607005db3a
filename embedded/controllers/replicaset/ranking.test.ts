import { expect, test } from 'vitest';
import { timestamp, type Pod } from '../kinds.ts';
import { rankForDeletion } from './ranking.ts';

const now = Date.parse('2026-01-01T12:00:00Z');

interface Traits {
  node?: string;
  phase?: string;
  ready?: number;
  cost?: number;
  restarts?: number;
  age?: number;
}

function pod(
  name: string,
  { node = 'n1', phase = 'Running', ready = 3600, cost, restarts = 0, age = 7200 }: Traits = {},
): Pod {
  return {
    metadata: {
      name,
      uid: name,
      creationTimestamp: timestamp(now - age * 1000),
      annotations: cost === undefined ? {} : { 'controller.kubernetes.io/pod-deletion-cost': String(cost) },
    },
    spec: { nodeName: node || undefined, containers: [] },
    status: {
      phase,
      conditions: [
        {
          type: 'Ready',
          status: ready > 0 ? 'True' : 'False',
          lastTransitionTime: timestamp(now - ready * 1000),
        },
      ],
      containerStatuses: [{ name: 'c', image: '', imageID: '', ready: ready > 0, restartCount: restarts }],
    },
  };
}

const order = (...pods: Pod[]) => rankForDeletion(pods, pods, now).map(({ metadata }) => metadata?.name);

test('the least useful pods go first', () => {
  expect(
    order(
      pod('good'),
      pod('unready', { ready: 0 }),
      pod('pending', { phase: 'Pending', ready: 0 }),
      pod('unassigned', { node: '', phase: 'Pending', ready: 0 }),
    ),
  ).toEqual(['unassigned', 'pending', 'unready', 'good']);
});

test('deletion cost, company on the node, age of readiness, restarts and age decide in that order', () => {
  expect(order(pod('dear', { cost: 5 }), pod('cheap', { cost: -1 }), pod('plain'))).toEqual([
    'cheap',
    'plain',
    'dear',
  ]);
  expect(order(pod('alone', { node: 'n2' }), pod('a'), pod('b'))).toEqual(['a', 'b', 'alone']);
  expect(order(pod('old', { ready: 4000 }), pod('new', { ready: 5 }))).toEqual(['new', 'old']);
  expect(order(pod('calm'), pod('crashing', { restarts: 9 }))).toEqual(['crashing', 'calm']);
  expect(order(pod('elder', { age: 90_000 }), pod('young', { age: 4_000 }))).toEqual(['young', 'elder']);
});
