import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KubeClient } from '../../client/index.ts';
import type { Claim, StorageClass } from '../kinds.ts';
import { TestCluster } from '../test-cluster.ts';
import { provisionerAnnotations, selectedNodeAnnotation } from './binding.ts';

let cluster: TestCluster;
let client: KubeClient;
const soon = { timeout: 50_000, interval: 50 };
const namespace = 'default';

beforeAll(async () => {
  cluster = await TestCluster.start(20_126);
  ({ client } = cluster);
  await cluster.addNode('node-b');
});
afterAll(async () => {
  await cluster?.stop();
});

const find = (name: string) => client.find('persistentvolumeclaims', name, namespace);
const nodeOf = async (name: string) => (await client.find('pods', name, namespace))?.spec?.nodeName;
const capacityOf = async (name: string) => (await find(name))?.status?.capacity?.['storage'];

async function refusalOf(name: string): Promise<string | undefined> {
  const pod = await client.find('pods', name, namespace);
  return pod?.status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message;
}

async function claim(name: string, storageClassName?: string): Promise<Claim> {
  return await client.create('persistentvolumeclaims', {
    metadata: { name, namespace },
    spec: { storageClassName, accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
}

async function storageClass(name: string, more: Partial<StorageClass>): Promise<void> {
  await client.create('storageclasses', { metadata: { name }, provisioner: 'example.com/disk', ...more });
}

async function podWith(claimName: string, nodeSelector?: Record<string, string>): Promise<void> {
  await client.create('pods', {
    metadata: { name: claimName, namespace },
    spec: {
      nodeSelector,
      containers: [{ name: 'main', image: 'x' }],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }],
    },
  });
}

/** What an external provisioner does: a volume that only one node reaches. */
async function provision({ metadata, spec }: Claim, node: string): Promise<string> {
  const name = `disk-${metadata?.name ?? ''}`;
  const expression = { key: 'kubernetes.io/hostname', operator: 'In', values: [node] };
  await client.create('persistentvolumes', {
    metadata: { name },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: spec?.accessModes,
      storageClassName: spec?.storageClassName,
      persistentVolumeReclaimPolicy: 'Retain',
      local: { path: '/nowhere' },
      claimRef: { name: metadata?.name, namespace, uid: metadata?.uid },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [expression] }] } },
    },
  });
  return name;
}

test('a claim that waits for its first consumer gets a volume where the pod will be', async () => {
  await storageClass('late', { volumeBindingMode: 'WaitForFirstConsumer' });
  await claim('late', 'late');
  await expect.poll(async () => (await find('late'))?.status?.phase, soon).toBe('Pending');
  expect((await find('late'))?.metadata?.annotations).toBeUndefined();
  await podWith('late', { 'kubernetes.io/hostname': 'node-b' });
  const annotationsOf = async () => (await find('late'))?.metadata?.annotations ?? {};
  await expect.poll(annotationsOf, soon).toMatchObject({
    [selectedNodeAnnotation]: 'node-b',
    [provisionerAnnotations[0] ?? '']: 'example.com/disk',
  });
  expect(await nodeOf('late')).toBeUndefined();
  await provision((await find('late')) ?? {}, 'node-b');
  await expect.poll(() => nodeOf('late'), soon).toBe('node-b');
});

test('a pod goes where its volume is, and nowhere else', async () => {
  await storageClass('disk', {});
  const made = await claim('disk', 'disk');
  await expect
    .poll(async () => (await find('disk'))?.metadata?.annotations, soon)
    .toMatchObject({ [provisionerAnnotations[0] ?? '']: 'example.com/disk' });
  await provision(made, 'node-a');
  await expect.poll(async () => (await find('disk'))?.status?.phase, soon).toBe('Bound');
  await podWith('disk', { 'kubernetes.io/hostname': 'node-b' });
  await expect.poll(() => refusalOf('disk'), soon).toContain("didn't match Pod's node affinity");
  expect(await refusalOf('disk')).toContain('1 node(s) had volume node affinity conflict');
});

test('a claim grows where its class allows it, as far as its provisioner has gone', async () => {
  await claim('own');
  await expect.poll(async () => (await find('own'))?.status?.phase, soon).toBe('Bound');
  const grow = (name: string) =>
    client.patch('persistentvolumeclaims', name, namespace, {
      spec: { resources: { requests: { storage: '3Gi' } } },
    });
  await grow('own');
  await expect.poll(() => capacityOf('own'), soon).toBe('3Gi');
  await storageClass('stretch', { allowVolumeExpansion: true });
  const volume = await provision(await claim('foreign', 'stretch'), 'node-a');
  await expect.poll(async () => (await find('foreign'))?.status?.phase, soon).toBe('Bound');
  await grow('foreign');
  expect(await capacityOf('foreign')).toBe('1Gi');
  await client.patch('persistentvolumes', volume, undefined, { spec: { capacity: { storage: '3Gi' } } });
  await expect.poll(() => capacityOf('foreign'), soon).toBe('3Gi');
});

test('what is to be retained stays when its claim goes', async () => {
  await client.delete('pods', 'disk', namespace);
  await client.delete('persistentvolumeclaims', 'disk', namespace);
  await expect
    .poll(async () => (await client.find('persistentvolumes', 'disk-disk'))?.status?.phase, soon)
    .toBe('Released');
});
