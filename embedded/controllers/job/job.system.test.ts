import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KubeClient } from '../../client/index.ts';
import type { Job, Pod } from '../kinds.ts';
import { MortalClient, TestCluster } from '../test-cluster.ts';
import { finishOf } from './conditions.ts';
import { isTracked } from './counting.ts';

let cluster: TestCluster;
let client: KubeClient;
const soon = { timeout: 50_000, interval: 50 };

beforeAll(async () => {
  cluster = await TestCluster.start(20_110);
  ({ client } = cluster);
});
afterAll(async () => {
  await cluster?.stop();
});

function job(name: string, image: string, spec: Partial<NonNullable<Job['spec']>> = {}): Job {
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image }] } };
  return { metadata: { name, namespace: 'default' }, spec: { template, ...spec } };
}

async function podsOf(name: string): Promise<Pod[]> {
  const labelSelector = `batch.kubernetes.io/job-name=${name}`;
  return (await client.list('pods', { namespace: 'default', labelSelector })).items;
}

const find = (name: string) => client.find('jobs', name, 'default');

/** The Job once it has ended, with its last condition's type and reason. */
async function ended(name: string): Promise<{ job: Job; type?: string; reason?: string }> {
  let found: Job | null = null;
  await expect
    .poll(async () => {
      found = await find(name);
      return found && finishOf(found)?.type;
    }, soon)
    .toBeTypeOf('string');
  const finish = finishOf(found ?? {});
  return { job: found ?? {}, type: finish?.type, reason: finish?.reason };
}

test('a Job runs its pods to completion and lets them go', async () => {
  await client.create('jobs', job('simple', 'succeeds', { completions: 5, parallelism: 2 }));
  const { job: done, type } = await ended('simple');
  expect(type).toBe('Complete');
  expect(done.status).toMatchObject({ succeeded: 5, ready: 0, terminating: 0, uncountedTerminatedPods: {} });
  expect(done.status?.startTime).toMatch(/Z$/);
  expect(done.status?.completionTime).toMatch(/Z$/);
  expect(done.status?.active).toBeUndefined();
  expect(done.status?.conditions?.map((each) => each.type)).toEqual(['SuccessCriteriaMet', 'Complete']);
  const pods = await podsOf('simple');
  expect(pods).toHaveLength(5);
  expect(pods.filter(isTracked)).toEqual([]);
});

test('failures are counted and end the Job at its limit', async () => {
  await client.create('jobs', job('broken', 'fails', { backoffLimit: 2 }));
  const { job: done, type, reason } = await ended('broken');
  expect({ type, reason, failed: done.status?.failed }).toEqual({
    type: 'Failed',
    reason: 'BackoffLimitExceeded',
    failed: 3,
  });
});

test('a deadline ends a Job with the pods that still run', async () => {
  await client.create(
    'jobs',
    job('slow', 'sleeps', { activeDeadlineSeconds: 1, parallelism: 2, completions: 2 }),
  );
  const { job: done, type, reason } = await ended('slow');
  expect({ type, reason, failed: done.status?.failed }).toEqual({
    type: 'Failed',
    reason: 'DeadlineExceeded',
    failed: 2,
  });
  await expect.poll(() => podsOf('slow'), soon).toEqual([]);
});

test('each index of an Indexed Job succeeds once, and a rule of the failure policy ends another at once', async () => {
  const indexed = { completionMode: 'Indexed', completions: 4, parallelism: 3 };
  await client.create('jobs', job('indexed', 'succeeds', indexed));
  const { job: done } = await ended('indexed');
  expect(done.status).toMatchObject({ succeeded: 4, completedIndexes: '0-3' });
  const pods = await podsOf('indexed');
  expect(new Set(pods.map(({ spec }) => spec?.hostname))).toEqual(
    new Set([0, 1, 2, 3].map((index) => `indexed-${index}`)),
  );
  const onExitCodes = { operator: 'In', values: [3] };
  const podFailurePolicy = { rules: [{ action: 'FailJob', onExitCodes }] };
  await client.create('jobs', job('judged', 'fails', { podFailurePolicy }));
  expect(await ended('judged')).toMatchObject({ type: 'Failed', reason: 'PodFailurePolicy' });
  expect(await podsOf('judged')).toHaveLength(1);
});

test('a suspended Job has no pods until it is resumed, and a finished one goes when its time is over', async () => {
  await client.create('jobs', job('asleep', 'sleeps', { suspend: true, ttlSecondsAfterFinished: 1 }));
  await expect
    .poll(async () => (await find('asleep'))?.status?.conditions, soon)
    .toEqual([expect.objectContaining({ type: 'Suspended', status: 'True' })]);
  expect(await podsOf('asleep')).toEqual([]);
  await client.patch('jobs', 'asleep', 'default', { spec: { suspend: false } });
  await expect.poll(() => podsOf('asleep'), soon).toHaveLength(1);
  await client.patch('jobs', 'asleep', 'default', { spec: { suspend: true } });
  await expect.poll(() => podsOf('asleep'), soon).toEqual([]);
  expect((await find('asleep'))?.status?.failed).toBeUndefined();
  await client.patch('jobs', 'asleep', 'default', { spec: { suspend: false } });
  const [pod] = await expect
    .poll(() => podsOf('asleep'), soon)
    .toHaveLength(1)
    .then(() => podsOf('asleep'));
  await client.patchStatus('pods', pod?.metadata?.name ?? '', 'default', { status: { phase: 'Succeeded' } });
  await expect.poll(() => find('asleep'), soon).toBeNull();
  await expect.poll(() => podsOf('asleep'), soon).toEqual([]);
});

test('a deleted Job lets its pods go, wherever they are', async () => {
  await client.create('jobs', job('gone', 'sleeps', { parallelism: 3, completions: 3 }));
  await expect.poll(() => podsOf('gone'), soon).toHaveLength(3);
  await client.delete('jobs', 'gone', 'default', { propagationPolicy: 'Background' });
  await expect.poll(() => podsOf('gone'), soon).toEqual([]);
});

test('no pod is counted twice, whichever write is the last before the controllers die', async () => {
  for (let writes = 0, died = true; died && writes < 60; writes += 1) {
    const name = `mortal-${writes}`;
    await cluster.stopControllers();
    const mortal = new MortalClient(client, writes);
    await cluster.startControllers(mortal.client);
    await client.create('jobs', job(name, 'succeeds', { completions: 2, parallelism: 1 }));
    const complete = ended(name);
    await Promise.race([mortal.death, complete]);
    died = mortal.isDead;
    await cluster.stopControllers();
    await cluster.startControllers();
    const { job: done, type } = await complete;
    const pods = await podsOf(name);
    expect({ writes, type, succeeded: done.status?.succeeded, failed: done.status?.failed }).toEqual({
      writes,
      type: 'Complete',
      succeeded: 2,
      failed: undefined,
    });
    expect({ writes, pods: pods.length, tracked: pods.filter(isTracked).length }).toEqual({
      writes,
      pods: 2,
      tracked: 0,
    });
    if (!died) expect(writes).toBeGreaterThan(8);
  }
});
