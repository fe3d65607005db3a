import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  agentLabel,
  agentObjectName,
  labels,
  newId,
  type NodeReport,
  type NodeVerdict,
  reportKey,
  systemNamespace,
  verdictAnnotation,
} from '@skyarc/lib/contracts';
import { isAlreadyExists, type KindTable } from '@skyarc/lib/kube';
import { TestCluster } from '@skyarc/lib/kube/testing';
import { Stack } from '@skyarc/lib/lifecycle';
import { setLogLevel } from '@skyarc/lib/log';
import { sleep } from '@skyarc/lib/retry';
import { ensureSecretBox } from '@skyarc/lib/secretbox';
import { type DataCenterDatabase, openDataCenterDatabase } from '@skyarc/prisma/datacenter';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningMonitor, start, stopEngines } from '../main.ts';
import type { MonitorConfig } from '../config.ts';
import { eventually, token } from '../testkit/rig.ts';
import { Outside } from '../testkit/outside.ts';

const image = 'localhost/test/root:1';
const port = 21_880;
const appId = newId('local', 'app');
const namespace = 'default';
const stack = new Stack();
let services: string;
let cluster: TestCluster;
let db: DataCenterDatabase;
let config: MonitorConfig;
let monitor: RunningMonitor;

beforeAll(async () => {
  setLogLevel('error');
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-targets-'));
  stack.add(() => rm(folder, { recursive: true, force: true }));
  services = join(folder, 'services');
  cluster = await TestCluster.start({
    instance: 'targets',
    basePort: 21_870,
    parts: 'pods',
    podCidr: '10.87.0.0/16',
    serviceCidr: '10.88.0.0/16',
    hostImages: [{ reference: image }],
  });
  stack.use(cluster, (one) => one.stop());
  db = await openDataCenterDatabase({ file: join(folder, 'datacenter.db') });
  stack.use(db, (one) => one.$disconnect());
  config = {
    port,
    token,
    dataDir: join(folder, 'monitor'),
    kubeconfig: cluster.kubeconfig,
    servicesFolder: services,
    syncEveryMs: 500,
    keepFiringSec: 2,
    // A stop is known to Prometheus within its 5 s and ours of half a second, long before it is an alert (9 s).
    patience: 0.15,
    prometheus: {
      port: port + 1,
      evaluatorPort: port + 7,
      scrapeIntervalSec: 1,
      evaluationIntervalSec: 1,
      memoryMb: 128,
    },
    alertmanager: { port: port + 8, groupWaitSec: 1, groupIntervalSec: 2 },
  };
  stack.add(() => stopEngines(config));
  monitor = await start(config, { db, secretBox: await ensureSecretBox(join(folder, 'key')) });
  stack.add(() => monitor.stop());
});
afterAll(() => stack.stop());

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

/** What Prometheus knows now. */
async function query(expression: string): Promise<readonly Sample[]> {
  const response = await fetch(`${monitor.url}/api/v1/query?query=${encodeURIComponent(expression)}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const { data } = (await response.json()) as { data: { result: readonly Sample[] } };
  return data.result;
}

/** The labels of the one series, once its value is the wanted one. */
async function labelsOf(expression: string, wanted = '1'): Promise<Sample['metric']> {
  const found = await eventually(async () => {
    const [sample, ...others] = await query(expression);
    return sample?.value[1] === wanted && others.length === 0 ? sample : undefined;
  });
  return found.metric;
}

const messagesOf = (alertName: string) => db.message.findMany({ where: { alertName } });

/** A pod that serves a gauge as its metrics. */
async function runPod(name: string, podLabels: Record<string, string>, at: { port: number; gauge: string }) {
  const serve = `require('http').createServer((q, r) => r.end(q.url === '/metrics' ? '${at.gauge} 42\\n' : '')).listen(${at.port})`;
  const pod: KindTable['pods'] = {
    metadata: { name, namespace, labels: podLabels },
    spec: {
      containers: [{ name: 'main', image, command: ['node', '-e', serve] }],
      terminationGracePeriodSeconds: 0,
    },
  };
  await cluster.kube.create('pods', pod);
}

/** A service in a process of its own, which can be killed. */
async function runService(name: string): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, '../testkit/service-process.ts'), [services, name]);
  stack.add(() => void child.kill('SIGKILL'));
  await once(child, 'message');
  return child;
}

/** What a machine's agent and the master have written. */
async function putMachine(name: string, exporterUrl: string | null, state: NodeVerdict['state']) {
  const at = new Date().toISOString();
  const machine = { cpus: 1, load1: 0, memoryBytes: 1, memoryUsedBytes: 0, diskBytes: 1, diskUsedBytes: 0 };
  const report: NodeReport = {
    name,
    at,
    startedAt: at,
    heartbeatMs: 10_000,
    roles: ['STORAGE'],
    url: 'http://127.0.0.1:1',
    exporterUrl,
    machine: { ...machine, kernel: '', os: '', architecture: '', uptimeSeconds: 1 },
    conditions: [],
    services: [],
    record: [],
  };
  const verdict: NodeVerdict = { state, reason: null, since: at };
  const { kube } = cluster;
  await kube.create('namespaces', { metadata: { name: systemNamespace } }).catch(ignoreExisting);
  const annotations = { [verdictAnnotation]: JSON.stringify(verdict) };
  const metadata = { name: agentObjectName(name), namespace: systemNamespace };
  await kube
    .create('configmaps', {
      metadata: { ...metadata, labels: { [agentLabel]: name } },
      data: { [reportKey]: JSON.stringify(report) },
    })
    .catch(ignoreExisting);
  await kube.patch('configmaps', metadata, { metadata: { annotations } });
}

function ignoreExisting(error: unknown): void {
  if (!isAlreadyExists(error)) throw error;
}

test('the metrics of an app and of its containers come by themselves, with its pod', async () => {
  await db.team.create({ data: { name: 'blue', namespace, sshPublicKey: '', sshPrivateKey: '' } });
  await db.app.create({
    data: { id: appId, teamName: 'blue', groupId: 'g', name: 'shop', displayName: 'Shop', source: '{}' },
  });
  await db.metricsEndpoint.create({ data: { appId, port: 9_000, path: '/metrics' } });
  const own = { [labels.appId]: appId, [labels.name]: 'shop', [labels.team]: 'blue' };
  await runPod('shop-0', own, { port: 9_000, gauge: 'orders_open' });
  expect(await labelsOf('orders_open', '42')).toMatchObject({
    job: 'apps',
    instance: 'shop-0:9000',
    app: appId,
    team: 'blue',
    namespace,
    pod: 'shop-0',
  });
  const ofPod = `{pod="shop-0", container="main"}`;
  expect(await labelsOf(`container_memory_working_set_bytes${ofPod} > bool 1000000`)).toMatchObject({
    pod: 'shop-0',
  });
  const [{ metric } = { metric: {} as Sample['metric'] }] = await query(
    `container_memory_working_set_bytes${ofPod}`,
  );
  expect(metric).toMatchObject({ job: 'containers', namespace });
  expect(metric['node']).toBe(metric['instance']);
  await cluster.kube.delete('pods', 'shop-0', namespace);
  await eventually(async () => (await query('up{job="apps"}')).length === 0);
});

test('node-exporters are found among the pods and by the reports of agents, which are believed first', async () => {
  await runPod('exporter', { app: 'node-exporter' }, { port: 9_100, gauge: 'node_load1' });
  const { node = '' } = await labelsOf('node_load1', '42');
  expect(node).toBe((await cluster.kube.list('nodes')).items[0]?.metadata?.name);
  const outside = new Outside();
  await outside.listen(port + 10);
  stack.add(() => outside.close());
  outside.metrics.set('node_load1', 7);
  const url = `http://127.0.0.1:${port + 10}/metrics`;
  await putMachine(node, url, 'ONLINE');
  await putMachine('storage-1', url, 'ONLINE');
  expect(await labelsOf('node_load1{node="storage-1"}', '7')).toMatchObject({ job: 'nodes' });
  expect(await labelsOf(`node_load1{node="${node}"}`, '7')).toMatchObject({ job: 'nodes', instance: node });
});

test('a service of any index is scraped once it is here; one that is stopped is forgotten, one that vanished is told of once', async () => {
  const [stopped, killed] = [await runService('gateway-1'), await runService('mq-2')];
  for (const service of ['gateway-1', 'mq-2'])
    expect(await labelsOf(`up{service="${service}"}`)).toMatchObject({ job: 'services' });
  // What the monitor says of others is not its own label.
  await labelsOf('skyarc_service_healthy{exported_service="mq-2"}');
  await labelsOf('up{service="monitor"}');
  stopped.kill('SIGTERM');
  killed.kill('SIGKILL');
  const [message] = await eventually(async () => {
    const found = await messagesOf('ServiceDown');
    return found.length > 0 ? found : undefined;
  });
  expect(message).toMatchObject({ status: 'FIRING', summary: 'Service mq-2 does not answer' });
  expect(await query('up{service="gateway-1"}')).toEqual([]);
  // Time enough for the one that was stopped, too.
  await sleep(15_000);
  expect(await messagesOf('ServiceDown')).toHaveLength(1);
  // Who does not answer need not say besides that it is not well.
  expect(await messagesOf('ServiceUnhealthy')).toEqual([]);
  // A successor of the same name ends it.
  const successor = await runService('mq-2');
  await eventually(async () => (await messagesOf('ServiceDown'))[0]?.status === 'RESOLVED');
  expect(await messagesOf('ServiceDown')).toHaveLength(1);
  successor.send('etcd does not answer');
  const [unwell] = await eventually(async () => {
    const found = await messagesOf('ServiceUnhealthy');
    return found.length > 0 ? found : undefined;
  });
  expect(unwell?.summary).toBe('Service mq-2 says that it is not well');
});

test('a machine that is no node and goes offline is told of, and so is its return', async () => {
  expect(await messagesOf('NodeOffline')).toEqual([]);
  await putMachine('storage-1', null, 'OFFLINE');
  const [message] = await eventually(async () => {
    const found = await messagesOf('NodeOffline');
    return found.length > 0 ? found : undefined;
  });
  expect(message).toMatchObject({
    status: 'FIRING',
    severity: 'CRITICAL',
    summary: 'Machine storage-1 is offline: nothing is heard of its agent',
  });
  await putMachine('storage-1', null, 'ONLINE');
  await eventually(async () => (await messagesOf('NodeOffline'))[0]?.status === 'RESOLVED');
  expect(await messagesOf('NodeOffline')).toHaveLength(1);
});
