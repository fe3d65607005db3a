import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '@skyarc/lib/process';
import { pollUntil } from '@skyarc/lib/retry';
import type { KindTable } from '../client/index.ts';
import { purge, start, type RunningEmbedded } from '../main.ts';
import {
  isReady,
  prepareGround,
  testImage,
  waitForAbsence,
  waitForPod,
  type TestGround,
} from './testing/cluster.ts';

type PodSpec = NonNullable<KindTable['pods']['spec']>;
type Container = PodSpec['containers'][number];

let ground: TestGround;
let cluster: RunningEmbedded;

const usage = { everyMs: 500, diskEveryMs: 500 };

beforeAll(async () => {
  ground = await prepareGround({
    instance: 'hebs',
    basePort: 20_210,
    podCidr: '10.73.0.0/16',
    serviceCidr: '10.74.0.0/16',
    kubelet: { usage, renewVolumesEveryMs: 2_000 },
  });
  cluster = await start(ground.config);
  await cluster.importImage(ground.imageArchive);
});

afterAll(async () => {
  await cluster?.stop();
  if (ground) await purge(ground.config);
  await ground?.stop();
});

async function createPod(name: string, spec: PodSpec): Promise<void> {
  await cluster.client.create('pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { terminationGracePeriodSeconds: 1, ...spec },
  });
}

async function removePod(name: string): Promise<void> {
  await cluster.client.delete('pods', name, 'default');
  await waitForAbsence(cluster.client, name);
}

function shell(name: string, script: string, more: Partial<Container> = {}): Container {
  return { name, image: testImage, command: ['sh', '-c', script], ...more };
}

async function page(path: string): Promise<string> {
  const args = [
    `--kubeconfig=${cluster.kubeconfigFile}`,
    `--cache-dir=${join(ground.config.home, 'kubectl')}`,
    'get',
    '--raw',
    `/api/v1/nodes/node-1/proxy${path}`,
  ];
  return (await run('kubectl', args)).stdout;
}

test('the node tells what its containers use, as a kubelet does', async () => {
  await createPod('busy', {
    volumes: [{ name: 'data', emptyDir: {} }],
    containers: [
      shell(
        'spin',
        'head -c 3000000 /dev/zero > /data/file; head -c 1000000 /dev/zero > /written; while :; do :; done',
        {
          resources: { limits: { cpu: '300m', memory: '64Mi' } },
          volumeMounts: [{ name: 'data', mountPath: '/data' }],
        },
      ),
      shell('rest', 'sleep 600'),
    ],
  });
  const pod = await waitForPod(cluster.client, 'busy', isReady);
  const labels = 'container="spin",[^}]*namespace="default",pod="busy"';
  const value = (text: string, name: string, ofLabels = labels) =>
    Number(new RegExp(`^${name}\\{[^}]*${ofLabels}[^}]*\\} (\\S+)`, 'm').exec(text)?.[1]);
  const text = await pollUntil(
    async () => {
      const answer = await page('/metrics/cadvisor');
      return value(answer, 'container_fs_usage_bytes') >= 1_000_000 ? answer : undefined;
    },
    { timeoutMs: 30_000, everyMs: 500, onTimeout: () => new Error('no usage of the disk is told') },
  );
  expect(value(text, 'container_cpu_usage_seconds_total')).toBeGreaterThan(0.1);
  expect(value(text, 'container_memory_working_set_bytes')).toBeGreaterThan(10_000);
  expect(value(text, 'container_spec_memory_limit_bytes')).toBe(64 * 2 ** 20);
  expect(value(text, 'container_cpu_cfs_periods_total')).toBeGreaterThan(1);
  const link = 'namespace="default",pod="busy",interface="eth0"';
  expect(value(text, 'container_network_receive_bytes_total', link)).toBeGreaterThanOrEqual(0);
  const summary = JSON.parse(await page('/stats/summary')) as {
    node: { cpu: { usageNanoCores: number } };
    pods: {
      podRef: { name: string };
      containers: { name: string; cpu: { usageNanoCores: number } }[];
      volume: { name: string; usedBytes: number }[];
    }[];
  };
  const own = summary.pods.find(({ podRef }) => podRef.name === 'busy');
  const spin = own?.containers.find(({ name }) => name === 'spin');
  expect(spin?.cpu.usageNanoCores).toBeGreaterThan(20e6);
  expect(spin?.cpu.usageNanoCores).toBeLessThan(450e6);
  expect(own?.volume[0]).toMatchObject({ name: 'data' });
  expect(own?.volume[0]?.usedBytes).toBeGreaterThanOrEqual(3_000_000);
  expect(await page('/metrics')).toContain('kubelet_running_pods 1');
  expect(pod.status?.qosClass).toBe('Burstable');
  await removePod('busy');
});

test('pods over their limits of disk are evicted and say why', async () => {
  await createPod('hoarder', {
    volumes: [{ name: 'data', emptyDir: { sizeLimit: '1Mi' } }],
    containers: [
      shell('main', 'head -c 3000000 /dev/zero > /data/file; sleep 600', {
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
      }),
    ],
  });
  await createPod('writer', {
    containers: [
      shell('main', 'head -c 5000000 /dev/zero > /file; sleep 600', {
        resources: { limits: { 'ephemeral-storage': '2Mi' } },
      }),
    ],
  });
  const hoarder = await waitForPod(cluster.client, 'hoarder', ({ status }) => status?.phase === 'Failed');
  expect(hoarder.status).toMatchObject({
    reason: 'Evicted',
    message: 'Usage of EmptyDir volume "data" exceeds the limit "1Mi". ',
  });
  expect(hoarder.status?.conditions).toContainEqual(
    expect.objectContaining({ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet' }),
  );
  const writer = await waitForPod(cluster.client, 'writer', ({ status }) => status?.phase === 'Failed');
  expect(writer.status).toMatchObject({
    reason: 'Evicted',
    message: 'Container main exceeded its local ephemeral storage limit "2Mi". ',
  });
  await removePod('hoarder');
  await removePod('writer');
});

test('a claim mounts by subPath and read-only, config files change live, and growth is told', async () => {
  const { client } = cluster;
  const folder = join(ground.config.home, 'pv');
  await client.create('persistentvolumes', {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'pv' },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      hostPath: { path: folder, type: 'DirectoryOrCreate' },
      storageClassName: 'manual',
    },
  });
  await client.create('persistentvolumeclaims', {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'claim', namespace: 'default' },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'manual',
      resources: { requests: { storage: '1Gi' } },
    },
  });
  await client.create('configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'live', namespace: 'default' },
    data: { 'a.conf': 'one' },
  });
  const script =
    'cd /data && echo mine > file; cat /conf/a.conf; touch /conf/x 2>/dev/null || echo conf-ro; touch /ro/x 2>/dev/null || echo ro;' +
    ' until [ "$(cat /conf/a.conf)" = two ]; do sleep 0.2; done; cat /conf/a.conf /fixed; echo; sleep 600';
  await createPod('reader', {
    securityContext: { fsGroup: 3000 },
    volumes: [
      { name: 'data', persistentVolumeClaim: { claimName: 'claim' } },
      { name: 'conf', configMap: { name: 'live', defaultMode: 0o440 } },
    ],
    containers: [
      shell('main', script, {
        env: [{ name: 'WHO', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
        volumeMounts: [
          { name: 'data', mountPath: '/data', subPathExpr: 'apps/$(WHO)' },
          { name: 'data', mountPath: '/ro', readOnly: true },
          { name: 'conf', mountPath: '/conf' },
          { name: 'conf', mountPath: '/fixed', subPath: 'a.conf' },
        ],
      }),
    ],
  });
  const pod = await waitForPod(client, 'reader', isReady);
  expect(await readFile(join(folder, 'apps', 'reader', 'file'), 'utf8')).toBe('mine\n');
  expect((await stat(folder)).gid).toBe(3000);
  await client.patch('configmaps', 'live', 'default', { data: { 'a.conf': 'two' } });
  await client.patch('persistentvolumes', 'pv', undefined, { spec: { capacity: { storage: '2Gi' } } });
  const { namespace, name, uid } = pod.metadata ?? {};
  const log = join(cluster.podLogRoot, `${namespace}_${name}_${uid}`, 'main', '0.log');
  await pollUntil(async () => ((await readFile(log, 'utf8')).includes('twoone') ? true : undefined), {
    timeoutMs: 20_000,
    everyMs: 200,
    onTimeout: () => new Error('the config file did not change'),
  });
  expect((await readFile(log, 'utf8')).replace(/^\S+ \S+ \S+ /gm, '')).toMatch(/^oneconf-ro\nro\ntwoone/);
  const claim = await client.find('persistentvolumeclaims', 'claim', 'default');
  expect(claim?.status?.capacity?.['storage']).toBe('2Gi');
  expect(await page('/metrics')).toMatch(
    /kubelet_volume_stats_used_bytes\{namespace="default",persistentvolumeclaim="claim"\} \d+/,
  );
  await removePod('reader');
});

test('a node that runs short of disk says so, refuses new pods, and ends the least entitled one first', async () => {
  const { client } = cluster;
  await createPod('modest', {
    containers: [shell('main', 'sleep 600', { resources: { requests: { 'ephemeral-storage': '100Mi' } } })],
  });
  await createPod('large', { containers: [shell('main', 'head -c 9000000 /dev/zero > /file; sleep 600')] });
  await waitForPod(client, 'modest', isReady);
  await waitForPod(client, 'large', isReady);
  await cluster.stop();
  const short = { diskFreePercent: 100, diskFreeBytes: 2 ** 50, checkEveryMs: 1_000, holdMs: 0 };
  cluster = await start({ ...ground.config, kubelet: { ...ground.config.kubelet, usage, eviction: short } });
  const large = await waitForPod(cluster.client, 'large', ({ status }) => status?.phase === 'Failed');
  expect(large.status?.reason).toBe('Evicted');
  expect(large.status?.message).toMatch(
    /^The node was low on resource: ephemeral-storage\. .* Pod was using 9\d{6}, request is 0\. $/,
  );
  const modest = await cluster.client.find('pods', 'modest', 'default');
  expect(modest?.status?.phase).toBe('Running');
  const node = await cluster.client.find('nodes', 'node-1');
  expect(node?.status?.conditions?.find(({ type }) => type === 'DiskPressure')?.status).toBe('True');
  expect(node?.spec?.taints).toContainEqual(
    expect.objectContaining({ key: 'node.kubernetes.io/disk-pressure', effect: 'NoSchedule' }),
  );
  await cluster.client.create('pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'late', namespace: 'default' },
    spec: { nodeName: 'node-1', containers: [shell('main', 'sleep 600')] },
  });
  const late = await waitForPod(cluster.client, 'late', ({ status }) => status?.phase === 'Failed');
  expect(late.status).toMatchObject({
    reason: 'Evicted',
    message: 'The node had condition: [DiskPressure]. ',
  });
  await cluster.stop();
  cluster = await start(ground.config);
  const freed = await cluster.client.find('nodes', 'node-1');
  expect(freed?.status?.conditions?.find(({ type }) => type === 'DiskPressure')?.status).toBe('False');
  expect(freed?.spec?.taints ?? []).toEqual([]);
});
