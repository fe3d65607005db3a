import { tmpdir } from 'node:os';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@skyarc/lib/process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addDebugContainer } from '../kubelet/testing/debug-container.ts';
import type { KubeClient } from '../client/index.ts';
import { timestamp, type Pod } from './kinds.ts';
import { TestCluster } from './test-cluster.ts';

let cluster: TestCluster;
let client: KubeClient;
const soon = { timeout: 50_000, interval: 50 };

beforeAll(async () => {
  cluster = await TestCluster.start(20_114);
  ({ client } = cluster);
});
afterAll(async () => {
  await cluster?.stop();
});

async function tryKubectl(...args: string[]): Promise<{ code: number | null; text: string }> {
  const cache = join(tmpdir(), 'skyarc-kubectl-cache');
  const all = ['--kubeconfig', cluster.kubeconfig, '--cache-dir', cache, ...args];
  const { code, stdout, stderr } = await run('kubectl', all, { timeoutMs: 60_000 });
  return { code, text: stdout + stderr };
}

async function kubectl(...args: string[]): Promise<string> {
  const { code, text } = await tryKubectl(...args);
  expect({ args, code, text: code === 0 ? '' : text }).toEqual({ args, code: 0, text: '' });
  return text;
}

async function apply(object: object): Promise<string> {
  const file = join(cluster.folder, 'object.json');
  await writeFile(file, JSON.stringify(object));
  return await kubectl('apply', '-f', file);
}

async function podsOf(app: string): Promise<Pod[]> {
  return (await client.list('pods', { namespace: 'default', labelSelector: `app=${app}` })).items;
}

const byText = (left: string, right: string): number => left.localeCompare(right);
const bodyOf = (victim: string): string => join(cluster.folder, `${victim}.json`);

const evict = (victim: string) =>
  tryKubectl('create', '--raw', `/api/v1/namespaces/default/pods/${victim}/eviction`, '-f', bodyOf(victim));
const nodes = async () => (await podsOf('daemon')).map(({ spec }) => spec?.nodeName ?? '').sort(byText);
const images = async () => (await podsOf('daemon')).map(({ spec }) => spec?.containers[0]?.image);

test('kubectl makes a Job and waits for it', async () => {
  await kubectl('create', 'job', 'hello', '--image=succeeds', '--', 'true');
  await kubectl('wait', 'job/hello', '--for=condition=complete', '--timeout=50s');
  expect(await kubectl('get', 'job', 'hello')).toMatch(/hello +Complete +1\/1/);
  expect(await kubectl('describe', 'job', 'hello')).toContain('Job completed');
});

test('a CronJob runs at its times, once each, and keeps its history short', async () => {
  // Debian's kubectl would create the beta versions of CronJob and PodDisruptionBudget, which are gone.
  const container = { name: 'tick', image: 'succeeds' };
  const template = { spec: { containers: [container], restartPolicy: 'OnFailure' } };
  await apply({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'tick' },
    spec: { schedule: '* * * * *', jobTemplate: { spec: { template } } },
  });
  const jobs = async () =>
    (await client.list('jobs', { namespace: 'default' })).items.filter(({ metadata }) =>
      metadata?.name?.startsWith('tick-'),
    );
  const served = async () => (await client.find('cronjobs', 'tick', 'default'))?.status?.lastScheduleTime;
  /** Makes the CronJob believe that it has not run for so long. */
  const sleepThrough = async (minutes: number) => {
    const lastScheduleTime = timestamp(Date.now() - minutes * 60_000);
    await client.patchStatus('cronjobs', 'tick', 'default', { status: { lastScheduleTime } });
  };
  await sleepThrough(30);
  await expect.poll(async () => (await jobs()).length, soon).toBe(1);
  await expect.poll(async () => Date.now() - Date.parse((await served()) ?? ''), soon).toBeLessThan(61_000);
  await sleepThrough(30);
  await expect.poll(async () => Date.now() - Date.parse((await served()) ?? ''), soon).toBeLessThan(61_000);
  expect((await jobs()).length).toBeLessThanOrEqual(2);
  await kubectl('wait', 'job', '--all', '--for=condition=complete', '--timeout=50s');
  await expect
    .poll(async () => (await client.find('cronjobs', 'tick', 'default'))?.status, soon)
    .toMatchObject({ lastSuccessfulTime: expect.any(String) as string });
  await client.patch('cronjobs', 'tick', 'default', {
    spec: { suspend: true, successfulJobsHistoryLimit: 0 },
  });
  await expect.poll(jobs, soon).toEqual([]);
  expect(await kubectl('get', 'cronjob', 'tick')).toMatch(/tick +\* \* \* \* \* +<none> +True +0/);
  const bad = { spec: { schedule: '61 * * * *', jobTemplate: { spec: { template } } } };
  await expect(
    client.create('cronjobs', { ...bad, metadata: { name: 'bad', namespace: 'default' } }),
  ).rejects.toThrow('spec.schedule: Invalid value');
});

test('a DaemonSet has one pod on every node that takes it, and rolls', async () => {
  await cluster.addNode('node-b');
  const labels = { app: 'daemon' };
  const set = (image: string) => ({
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'daemon' },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image }] } },
    },
  });
  await apply(set('agent:1'));
  await kubectl('rollout', 'status', 'daemonset/daemon', '--timeout=50s');
  expect(await nodes()).toEqual(['node-a', 'node-b']);
  await apply(set('agent:2'));
  await kubectl('rollout', 'status', 'daemonset/daemon', '--timeout=50s');
  expect(await images()).toEqual(['agent:2', 'agent:2']);
  await kubectl('rollout', 'undo', 'daemonset/daemon');
  await kubectl('rollout', 'status', 'daemonset/daemon', '--timeout=50s');
  expect(await images()).toEqual(['agent:1', 'agent:1']);
  await kubectl('taint', 'node', 'node-b', 'job=other:NoExecute');
  await expect.poll(nodes, soon).toEqual(['node-a']);
  await kubectl('taint', 'node', 'node-b', 'job-');
  await expect.poll(nodes, soon).toEqual(['node-a', 'node-b']);
  await kubectl('delete', 'daemonset', 'daemon', '--timeout=50s');
});

test('a drain waits for what a disruption budget allows', async () => {
  await kubectl('create', 'deployment', 'web', '--image=web', '--replicas=3');
  await kubectl('rollout', 'status', 'deployment/web', '--timeout=50s');
  await apply({
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'web' },
    spec: { minAvailable: 3, selector: { matchLabels: { app: 'web' } } },
  });
  const allowed = async () =>
    (await client.find('poddisruptionbudgets', 'web', 'default'))?.status?.disruptionsAllowed;
  const status = async () => (await client.find('poddisruptionbudgets', 'web', 'default'))?.status;
  await expect.poll(async () => (await status())?.currentHealthy, soon).toBe(3);
  expect(await allowed()).toBe(0);
  const [pod] = await podsOf('web');
  const name = pod?.metadata?.name ?? '';
  for (const each of await podsOf('web')) {
    const victim = each.metadata?.name ?? '';
    const eviction = {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: victim, namespace: 'default' },
    };
    await writeFile(bodyOf(victim), JSON.stringify(eviction));
  }
  expect((await evict(name)).text).toContain("would violate the pod's disruption budget");
  expect(await podsOf('web')).toHaveLength(3);
  await client.patch('poddisruptionbudgets', 'web', 'default', { spec: { minAvailable: 2 } });
  await expect.poll(allowed, soon).toBe(1);
  // Two at once, and nowhere for their successors to go: the budget allows one.
  await kubectl('cordon', 'node-a', 'node-b');
  const victims = (await podsOf('web')).slice(0, 2).map(({ metadata }) => metadata?.name ?? '');
  const answers = await Promise.all(victims.map((victim) => evict(victim)));
  expect(answers.filter((answer) => answer.code === 0)).toHaveLength(1);
  await kubectl('uncordon', 'node-a', 'node-b');
  await kubectl('rollout', 'status', 'deployment/web', '--timeout=50s');
  await kubectl(
    'drain',
    'node-b',
    '--ignore-daemonsets',
    '--delete-emptydir-data',
    '--force',
    '--timeout=50s',
  );
  const left = (await podsOf('web')).filter(({ metadata }) => !metadata?.deletionTimestamp);
  expect(left.filter(({ spec }) => spec?.nodeName === 'node-b')).toEqual([]);
  await kubectl('uncordon', 'node-b');
});

test('a debug container is added to a pod by its own subresource', async () => {
  await kubectl('run', 'plain', '--image=plain');
  await kubectl('wait', 'pod/plain', '--for=condition=Ready', '--timeout=50s');
  const tools = { name: 'tools', image: 'tools', targetContainerName: 'plain', command: ['sleep', '60'] };
  await addDebugContainer(cluster.kubeconfig, 'plain', tools);
  const pod = await client.find('pods', 'plain', 'default');
  expect(pod?.spec?.ephemeralContainers).toMatchObject([
    { name: 'tools', image: 'tools', targetContainerName: 'plain', terminationMessagePolicy: 'File' },
  ]);
  const spec = { ephemeralContainers: [] };
  await expect(client.patch('pods', 'plain', 'default', { spec })).rejects.toThrow(/subresource/);
});
