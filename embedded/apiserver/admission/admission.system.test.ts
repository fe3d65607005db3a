import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEtcd, type RunningEtcd } from '@skyarc/lib/etcd';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KindTable, KubeClient } from '../../client/index.ts';
import { startApiServer, type RunningApiServer } from '../index.ts';

let folder: string;
let etcd: RunningEtcd;
let server: RunningApiServer;
let client: KubeClient;
const soon = { timeout: 10_000, interval: 50 };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyarc-admission-'));
  const dataDir = join(folder, 'etcd');
  etcd = await startEtcd({ name: 'adm', dataDir, runDir: folder, clientPort: 20_123, peerPort: 20_124 });
  server = await startApiServer({ port: 20_125, etcdUrl: etcd.url, pkiDir: join(folder, 'pki') });
  ({ client } = server);
});
afterAll(async () => {
  await server?.stop();
  await etcd?.stop();
  await rm(folder, { recursive: true, force: true });
});

type Resources = NonNullable<NonNullable<KindTable['pods']['spec']>['containers'][number]['resources']>;

async function namespace(name: string, hard?: Record<string, string>): Promise<void> {
  await client.create('namespaces', { metadata: { name } });
  if (hard)
    await client.create('resourcequotas', { metadata: { name: 'team', namespace: name }, spec: { hard } });
}

const pod = (home: string, name: string, resources: Resources = {}): KindTable['pods'] => ({
  metadata: { name, namespace: home },
  spec: { containers: [{ name: 'main', image: 'x', resources }] },
});
const cpu = (amount: string): Resources => ({ requests: { cpu: amount } });
const deployment = (name: string): KindTable['deployments'] => ({
  metadata: { name, namespace: 'counted' },
  spec: {
    selector: { matchLabels: { a: 'b' } },
    template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'main', image: 'x' }] } },
  },
});
const usedIn = async (home: string) => (await client.find('resourcequotas', 'team', home))?.status?.used;

test('a quota is kept to the last unit, however many ask at once', async () => {
  await namespace('many', { pods: '3', 'requests.cpu': '2' });
  const asked = Array.from({ length: 12 }, (_, i) =>
    client.create('pods', pod('many', `pod-${i}`, cpu('500m'))),
  );
  const answers = await Promise.allSettled(asked);
  expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
  const refused = answers.find((answer) => answer.status === 'rejected');
  expect(String(refused?.reason)).toContain(
    'exceeded quota: team, requested: pods=1, used: pods=3, limited: pods=3',
  );
  await expect.poll(() => usedIn('many'), soon).toEqual({ pods: '3', 'requests.cpu': '1500m' });
});

test('a pod must say what a quota counts, and one that has ended is free', async () => {
  await namespace('strict', { 'requests.memory': '1Gi', 'limits.memory': '1Gi' });
  await expect(client.create('pods', pod('strict', 'silent', cpu('1')))).rejects.toThrow(
    /failed quota: team: must specify requests.memory for: main; limits.memory for: main/,
  );
  const whole = { requests: { memory: '1Gi' }, limits: { memory: '1Gi' } };
  await client.create('pods', pod('strict', 'first', whole));
  await expect(client.create('pods', pod('strict', 'second', whole))).rejects.toThrow(/exceeded quota/);
  await client.patchStatus('pods', 'first', 'strict', { status: { phase: 'Succeeded' } });
  await client.create('pods', pod('strict', 'second', whole));
  await expect
    .poll(() => usedIn('strict'), soon)
    .toEqual({ 'requests.memory': '1Gi', 'limits.memory': '1Gi' });
});

test('things are counted by name and group, and storage by its class', async () => {
  await namespace('counted', { 'count/deployments.apps': '1', configmaps: '2', 'requests.storage': '10Gi' });
  await client.create('deployments', deployment('one'));
  await expect(client.create('deployments', deployment('two'))).rejects.toThrow(/count\/deployments.apps=1/);
  await client.create('storageclasses', {
    metadata: { name: 'grows' },
    provisioner: 'x',
    allowVolumeExpansion: true,
  });
  const spec = {
    storageClassName: 'grows',
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '6Gi' } },
  };
  await client.create('persistentvolumeclaims', { metadata: { name: 'data', namespace: 'counted' }, spec });
  const resize = (storage: string) =>
    client.patch('persistentvolumeclaims', 'data', 'counted', {
      spec: { resources: { requests: { storage } } },
    });
  await expect(resize('8Gi')).rejects.toThrow(/only bound claims can be resized/);
  const status = { phase: 'Bound', capacity: { storage: '6Gi' } };
  await client.patchStatus('persistentvolumeclaims', 'data', 'counted', { status });
  await expect(resize('11Gi')).rejects.toThrow(
    /exceeded quota: team, requested: requests.storage=5Gi, used: requests.storage=6Gi/,
  );
  await resize('8Gi');
  await resize('7Gi');
  await expect(resize('5Gi')).rejects.toThrow(/less than status.capacity/);
  await client.patch('storageclasses', 'grows', undefined, { allowVolumeExpansion: false });
  await expect(resize('8Gi')).rejects.toThrow(/storageclass that provisions the pvc must support resize/);
});

test('limit ranges fill in and bound what containers ask for', async () => {
  await namespace('ranged');
  const limit = {
    type: 'Container',
    default: { cpu: '500m' },
    defaultRequest: { cpu: '100m' },
    max: { cpu: '1' },
  };
  await client.create('limitranges', {
    metadata: { name: 'range', namespace: 'ranged' },
    spec: { limits: [limit] },
  });
  const made = await client.create('pods', pod('ranged', 'plain'));
  expect(made.spec?.containers[0]?.resources).toEqual({ limits: { cpu: '500m' }, requests: { cpu: '100m' } });
  expect(made.status?.qosClass).toBe('Burstable');
  await expect(client.create('pods', pod('ranged', 'large', { limits: { cpu: '2' } }))).rejects.toThrow(
    'maximum cpu usage per Container is 1, but limit is 2',
  );
});

test('a pod has the number of its priority class', async () => {
  const made = await client.create('pods', {
    ...pod('default', 'critical'),
    spec: { priorityClassName: 'system-node-critical', containers: [{ name: 'main', image: 'x' }] },
  });
  expect(made.spec?.priority).toBe(2_000_001_000);
  await expect(
    client.create('pods', {
      ...pod('default', 'odd'),
      spec: { priorityClassName: 'none', containers: [{ name: 'main', image: 'x' }] },
    }),
  ).rejects.toThrow(/no PriorityClass with name none was found/);
});

const policy = (rule: object) => ({
  metadata: { generateName: 'rule-', namespace: 'default' },
  spec: { podSelector: {}, policyTypes: ['Ingress'], ingress: [rule] },
});

test('a network policy that could not be enforced is refused', async () => {
  const fine = { from: [{ podSelector: {} }, { ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }] };
  await client.create('networkpolicies', policy(fine));
  await client.create(
    'networkpolicies',
    policy({
      ports: [
        { port: 80, endPort: 90 },
        { port: 'web', protocol: 'TCP' },
      ],
    }),
  );
  for (const bad of [
    { from: [{}] },
    { from: [{ ipBlock: { cidr: '10.0.0.0' } }] },
    { from: [{ ipBlock: { cidr: '10.0.0.0/33' } }] },
    { from: [{ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }] },
    { ports: [{ port: 70_000 }] },
    { ports: [{ port: 80, endPort: 70 }] },
    { ports: [{ port: 80, protocol: 'ICMP' }] },
  ]) {
    await expect(client.create('networkpolicies', policy(bad))).rejects.toThrow(
      /is invalid: spec.ingress\[0\]/,
    );
  }
});
