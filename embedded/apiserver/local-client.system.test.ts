import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEtcd, type RunningEtcd } from '@skyarc/lib/etcd';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KubeClient } from '../client/index.ts';
import { startApiServer, type RunningApiServer } from './index.ts';

let folder: string;
let etcd: RunningEtcd;
let server: RunningApiServer;
let client: KubeClient;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyarc-apiserver-'));
  etcd = await startEtcd({
    name: 'local',
    dataDir: join(folder, 'etcd'),
    runDir: folder,
    clientPort: 20180,
    peerPort: 20181,
  });
  server = await startApiServer({ port: 20182, etcdUrl: etcd.url, pkiDir: join(folder, 'pki') });
  ({ client } = server);
});
afterAll(async () => {
  await server?.stop();
  await etcd?.stop();
  await rm(folder, { recursive: true, force: true });
});

const pod = (name: string) => ({
  metadata: { name, namespace: 'default', labels: { app: 'web' } },
  spec: { containers: [{ name: 'main', image: 'nginx:1' }] },
});

test('a cluster begins with its namespaces, service accounts and own service', async () => {
  expect((await client.list('namespaces')).items.map((each) => each.metadata?.name)).toContain('kube-system');
  expect(await client.find('serviceaccounts', 'default', 'default')).not.toBeNull();
  expect((await client.find('services', 'kubernetes', 'default'))?.spec?.clusterIP).toBe('10.96.0.1');
});

test('a pod is created with defaults, changed with care, and deleted with grace', async () => {
  const { resourceVersion } = await client.list('pods');
  const created = await client.create('pods', pod('one'));
  expect(created).toMatchObject({ status: { phase: 'Pending' }, spec: { restartPolicy: 'Always' } });
  await expect(client.create('pods', pod('one'))).rejects.toMatchObject({
    code: 'CONFLICT',
    details: { reason: 'AlreadyExists' },
  });
  const bound = await client.patch('pods', 'one', 'default', { spec: { nodeName: 'here' } });
  expect(await client.patch('pods', 'one', 'default', { spec: { nodeName: 'here' } })).toEqual(bound);
  await expect(client.update('pods', created)).rejects.toMatchObject({
    code: 'CONFLICT',
    details: { reason: 'Conflict' },
  });
  await client.updateStatus('pods', { ...bound, status: { phase: 'Running' } });
  await client.delete('pods', 'one', 'default');
  expect((await client.find('pods', 'one', 'default'))?.metadata).toMatchObject({
    deletionGracePeriodSeconds: 30,
  });
  await client.delete('pods', 'one', 'default', { gracePeriodSeconds: 0 });
  expect(await client.find('pods', 'one', 'default')).toBeNull();
  const seen: string[] = [];
  const stop = new AbortController();
  for await (const event of client.watch('pods', {
    resourceVersion,
    labelSelector: 'app=web',
    signal: stop.signal,
  })) {
    seen.push(event.type);
    if (event.type === 'DELETED') stop.abort();
  }
  expect(seen).toEqual(['ADDED', 'MODIFIED', 'MODIFIED', 'MODIFIED', 'DELETED']);
});

test('a namespace ends when its finalizer is taken away', async () => {
  await client.create('namespaces', { metadata: { name: 'short' } });
  await client.delete('namespaces', 'short');
  const ending = await client.find('namespaces', 'short');
  expect(ending?.status?.phase).toBe('Terminating');
  await expect(
    client.create('configmaps', { metadata: { name: 'late', namespace: 'short' } }),
  ).rejects.toMatchObject({
    code: 'FORBIDDEN',
  });
  await client.update('namespaces', { ...ending, spec: { finalizers: [] } });
  expect(await client.find('namespaces', 'short')).toBeNull();
});
