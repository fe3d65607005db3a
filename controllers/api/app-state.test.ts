import { expect, test } from 'vitest';
import { appStateOf, type StateFacts } from './app-state.ts';

const readyPod = { name: 'shop-1', status: 'Running', ready: true, lastEnd: null };
const waitingPod = {
  name: 'shop-2',
  status: 'CrashLoopBackOff',
  ready: false,
  lastEnd: 'it exited with code 1',
};
const endingPod = { name: 'shop-0', status: 'Terminating', ready: false, lastEnd: null };
const running: StateFacts = {
  isDeleted: false,
  desired: 'RUNNING',
  hasVersion: true,
  replicas: 1,
  active: null,
  pods: [readyPod],
  lastFailure: null,
};
const active = (kind: NonNullable<StateFacts['active']>['kind'], step: string | null = 'APPLY') => ({
  active: { kind, step },
});

const cases: [string, Partial<StateFacts>, string, string | null][] = [
  ['all wanted pods are ready', {}, 'RUNNING', null],
  ['more pods than wanted are ready', { pods: [readyPod, readyPod] }, 'RUNNING', null],
  ['a service outside that is not asked', { hasVersion: false, pods: [], external: null }, 'RUNNING', null],
  [
    'a service outside of which nothing answers',
    {
      hasVersion: false,
      pods: [],
      external: [{ host: 'db', port: 1, healthy: false, message: 'connection refused' }],
    },
    'FAILED',
    '1 of 1 endpoints do not answer; db:1: connection refused',
  ],
  ['a job between its runs', { pods: [], lastRun: null }, 'RUNNING', null],
  [
    'a job whose last run failed',
    { pods: [], lastRun: { status: 'FAILED', message: 'it exited with code 1' } },
    'FAILED',
    'Its last run failed: it exited with code 1',
  ],
  ['never deployed', { hasVersion: false, desired: 'STOPPED', pods: [] }, 'NEW', null],
  [
    'the first build failed',
    { hasVersion: false, desired: 'STOPPED', pods: [], lastFailure: 'The build ended with exit code 1' },
    'FAILED',
    'The build ended with exit code 1',
  ],
  [
    'first deploy',
    { hasVersion: false, pods: [], ...active('DEPLOY', 'BUILD') },
    'STARTING',
    'Deploy is at build',
  ],
  ['deploy of a running app', active('DEPLOY', 'ROLL_OUT'), 'UPDATING', 'Deploy is at roll out'],
  [
    'deploy of an app whose pods fail',
    { pods: [waitingPod], ...active('DEPLOY') },
    'STARTING',
    'Deploy is at apply',
  ],
  ['queued restart', active('RESTART', null), 'UPDATING', 'Restart is waiting for its turn'],
  ['start', { desired: 'RUNNING', pods: [], ...active('START') }, 'STARTING', 'Start is at apply'],
  ['stop', { desired: 'STOPPED', ...active('STOP') }, 'STOPPING', 'Stop is at apply'],
  ['stopped', { desired: 'STOPPED', pods: [] }, 'STOPPED', null],
  ['stopped, the last pod still ends', { desired: 'STOPPED', pods: [endingPod] }, 'STOPPED', null],
  ['delete', active('DELETE'), 'DELETING', 'Delete is at apply'],
  ['deleted', { isDeleted: true, pods: [] }, 'DELETING', null],
  [
    'one of two pods fails',
    { replicas: 2, pods: [readyPod, waitingPod] },
    'DEGRADED',
    '1 of 2 pods is ready; pod shop-2: CrashLoopBackOff, it exited with code 1',
  ],
  [
    'no pod is ready',
    { pods: [waitingPod] },
    'FAILED',
    '0 of 1 pods are ready; pod shop-2: CrashLoopBackOff, it exited with code 1',
  ],
  ['no pod is there', { pods: [] }, 'FAILED', '0 of 1 pods are ready'],
  ['a pod that ends does not count', { pods: [endingPod] }, 'FAILED', '0 of 1 pods are ready'],
];

test.each(cases)('%s', (_name, facts, state, reason) => {
  expect(appStateOf({ ...running, ...facts })).toEqual({ state, reason });
});
