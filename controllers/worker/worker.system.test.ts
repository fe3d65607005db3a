import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFinal, newId, type OperationKind, type OperationStatus } from '@skyarc/lib/contracts';
import { createEventLogClient, type EventLogClient } from '@skyarc/lib/eventlog-client';
import type { KubeClient } from '@skyarc/lib/kube';
import { TestCluster } from '@skyarc/lib/kube/testing';
import type { RunningService } from '@skyarc/lib/lifecycle';
import { setLogLevel } from '@skyarc/lib/log';
import { createMqClient, type MqClient } from '@skyarc/lib/mq-client';
import { pollUntil, sleep } from '@skyarc/lib/retry';
import { ensureSecretBox, type SecretBox } from '@skyarc/lib/secretbox';
import {
  createOperation,
  type DataCenterDatabase,
  openDataCenterDatabase,
  type OperationRecord,
  relayOutbox,
} from '@skyarc/prisma/datacenter';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { start, type WorkerConfig } from './main.ts';

const basePort = 20_600;
const config: WorkerConfig = {
  instance: 'hehw',
  statusPort: 20_605,
  pullRegistry: 'localhost',
  repairEveryMs: 2_000,
  sweepEveryMs: 1_000,
};
let folder: string;
let cluster: TestCluster;
let kube: KubeClient;
let services: ChildProcess;
let db: DataCenterDatabase;
let mq: MqClient;
let eventlog: EventLogClient;
let secretBox: SecretBox;
let worker: RunningService;
const forked: ChildProcess[] = [];

beforeAll(async () => {
  setLogLevel('error');
  folder = await mkdtemp(join(tmpdir(), 'hehw-worker-'));
  cluster = await TestCluster.start({
    instance: 'hehw',
    basePort,
    parts: 'pods',
    podCidr: '10.79.0.0/17',
    serviceCidr: '10.79.128.0/17',
    hostImages: [
      { reference: 'localhost/test/host:1', user: '1000' },
      { reference: 'localhost/test/root:1' },
    ],
  });
  kube = cluster.kube;
  services = fork(
    join(import.meta.dirname, 'fixtures/services.ts'),
    [
      JSON.stringify({
        etcdUrl: `http://127.0.0.1:${basePort}`,
        basePort: 20_610,
        dataDir: join(folder, 'eventlog'),
      }),
    ],
    { stdio: 'inherit' },
  );
  await once(services, 'message');
  mq = createMqClient('http://127.0.0.1:20610');
  eventlog = createEventLogClient('http://127.0.0.1:20611');
  db = await openDataCenterDatabase({ file: join(folder, 'datacenter.db') });
  secretBox = await ensureSecretBox(join(folder, 'key'));
  await db.team.create({
    data: { name: 'blue', namespace: 'skyarc-blue', sshPublicKey: '', sshPrivateKey: '' },
  });
  worker = await start(config, { db, mq, eventlog, kube, secretBox });
});

afterAll(async () => {
  for (const child of forked) child.kill('SIGKILL');
  await worker?.stop().catch(() => undefined);
  mq?.close();
  eventlog?.close();
  await db?.$disconnect();
  services?.kill('SIGKILL');
  await cluster?.stop();
  await rm(folder, { recursive: true, force: true });
});

const serve = (answer: string, listen = 'process.env.PORT,"0.0.0.0"') =>
  `const s=require("http").createServer((q,r)=>r.end(${answer}));s.keepAliveTimeout=60000;s.listen(${listen})`;
const versionAnswer = serve('process.env.SKYARC_VERSION+" "+(process.env.GREETING||"")');

describe('the life of an app', () => {
  test(
    'is deployed, upgraded without a failed request, rolled back, scaled, restarted, configured, stopped, started and deleted',
    { timeout: 300_000 },
    async () => {
      const app = await newApp('shop', { command: versionAnswer });
      const [one, two] = [await newVersion(app, 1), await newVersion(app, 2)];
      expect(await act(app, 'UPGRADE', { versionId: one })).toMatchObject({
        status: 'SUCCEEDED',
        message: 'Version 1 runs with one pod',
      });
      expect(await ask('shop')).toBe('1 ');
      const deployment = await kube.find('deployments', 'shop', 'skyarc-blue');
      expect(deployment?.spec?.template.spec?.securityContext?.runAsNonRoot).toBe(true);
      const ingress = await kube.find('ingresses', 'shop', 'skyarc-blue');
      expect(ingress?.spec?.rules?.map(({ host }) => host)).toEqual(['8000.shop.blue.skyarc.localhost']);

      const load = keepAsking('shop');
      expect((await act(app, 'UPGRADE', { versionId: two })).status).toBe('SUCCEEDED');
      expect(await ask('shop')).toBe('2 ');
      expect((await act(app, 'ROLLBACK', { versionId: one })).status).toBe('SUCCEEDED');
      expect(await ask('shop')).toBe('1 ');
      expect((await db.app.findUnique({ where: { id: app } }))?.currentVersionId).toBe(one);
      await db.app.update({ where: { id: app }, data: { replicas: 2 } });
      expect((await act(app, 'SCALE')).message).toBe('Version 1 runs with 2 pods');
      const before = await podNames('shop');
      expect((await act(app, 'RESTART')).status).toBe('SUCCEEDED');
      const after = await podNames('shop');
      expect(after).toHaveLength(2);
      expect(after.filter((name) => before.includes(name))).toEqual([]);
      await db.envVar.create({
        data: { appId: app, name: 'GREETING', value: secretBox.seal('hello', `env:${app}:GREETING`) },
      });
      expect((await act(app, 'CONFIGURE')).status).toBe('SUCCEEDED');
      expect(await ask('shop')).toBe('1 hello');
      const { total, failed } = await load();
      expect(total).toBeGreaterThan(50);
      expect(failed).toEqual([]);

      expect(await act(app, 'STOP')).toMatchObject({ status: 'SUCCEEDED', message: 'The app is stopped' });
      expect(await podNames('shop')).toEqual([]);
      expect((await db.app.findUnique({ where: { id: app } }))?.desired).toBe('STOPPED');
      expect((await act(app, 'START')).status).toBe('SUCCEEDED');
      expect(await ask('shop')).toBe('1 hello');

      const gone = await act(app, 'DELETE');
      expect(gone).toMatchObject({ status: 'SUCCEEDED', message: 'App "shop" is deleted' });
      expect(await db.app.findUnique({ where: { id: app } })).toBeNull();
      expect(await everythingOf(app)).toEqual([]);
      const said = async () => {
        const { frames } = await eventlog.read({ stream: `operation/${gone.id}` });
        return frames.map(({ line }) => line);
      };
      await expect.poll(said, { timeout: 5_000 }).toContain('App "shop" is deleted');
      const notices = await eventlog.read({ stream: 'changes/blue', limit: 5_000 });
      expect(notices.frames.some(({ line }) => line.includes(`"kind":"app","id":"${app}"`))).toBe(true);
    },
  );
});

describe('a failure says why, and leaves what was there before', () => {
  test.for([
    [
      'exits',
      { command: 'console.log("Error: no database at db:5432");process.exit(3)' },
      /^The app exited with code 3; its last line was: Error: no database at db:5432$/,
    ],
    ['ends', { command: 'console.log("done")' }, /^The app ended by itself with code 0/],
    [
      'eats',
      { command: 'const a=[];setInterval(()=>a.push(Buffer.alloc(9e6,1)),5)', memoryMb: 64 },
      /^The app was killed for using more than its memory limit of 64 MB/,
    ],
    [
      'other-port',
      { command: serve('"x"', '3000,"0.0.0.0"'), startTimeoutSec: 8 },
      /^The app listens on port 3000, but its port is 8000/,
    ],
    [
      'loopback',
      { command: serve('"x"', 'process.env.PORT,"127.0.0.1"') },
      /^The app listens on 127\.0\.0\.1:8000 only/,
    ],
    [
      'deaf',
      { command: 'setInterval(()=>{},1000)', startTimeoutSec: 8 },
      /^The app does not listen on port 8000, nor on any other/,
    ],
    ['rooted', { command: versionAnswer, image: 'test/root:1' }, /^The image runs as root/],
    [
      'no-image',
      { command: versionAnswer, image: `test/none@sha256:${'0'.repeat(64)}` },
      /^The node cannot pull the image test\/none@sha256:000000000000: /,
    ],
    [
      'too-big',
      { command: versionAnswer, memoryMb: 64_000_000 },
      /^No node has room for a pod that reserves 32000000 MB of memory/,
    ],
    [
      'unhealthy',
      {
        command: serve('"x"').replace('r.end("x")', '{r.statusCode=500;r.end()}'),
        healthPath: '/ok',
        startTimeoutSec: 8,
      },
      /its health path answers 500$/,
    ],
  ] as [string, NewApp, RegExp][])(
    '%s',
    { timeout: 90_000, concurrent: true },
    async ([name, settings, sentence]) => {
      const app = await newApp(name, settings);
      const operation = await act(
        app,
        'UPGRADE',
        { versionId: await newVersion(app, 1, settings.image) },
        80_000,
      );
      expect(operation.message).toMatch(sentence);
      expect(operation.status).toBe('FAILED');
      expect(await everythingOf(app)).toEqual([]);
      expect(await db.app.findUnique({ where: { id: app } })).toMatchObject({
        activeOperationId: null,
        desired: 'STOPPED',
        currentVersionId: null,
      });
    },
  );

  test('a bad upgrade and bad settings keep the old version serving', async () => {
    const app = await newApp('keeper', { command: versionAnswer });
    const good = await newVersion(app, 1);
    expect((await act(app, 'UPGRADE', { versionId: good })).status).toBe('SUCCEEDED');
    const load = keepAsking('keeper');
    const bad = await newVersion(app, 2, `test/none@sha256:${'1'.repeat(64)}`);
    expect((await act(app, 'UPGRADE', { versionId: bad })).status).toBe('FAILED');
    await db.app.update({
      where: { id: app },
      data: { command: JSON.stringify(['node', '-e', 'process.exit(1)']) },
    });
    expect((await act(app, 'CONFIGURE')).status).toBe('FAILED');
    await sleep(3_000);
    expect(await ask('keeper')).toBe('1 ');
    const { failed } = await load();
    expect(failed).toEqual([]);
    expect(await podNames('keeper')).toHaveLength(1);
    expect((await db.app.findUnique({ where: { id: app } }))?.currentVersionId).toBe(good);
  });

  test('canceled and overdue operations end so, and leave nothing', async () => {
    const app = await newApp('slow', { command: 'setInterval(()=>{},1000)' });
    const version = await newVersion(app, 1);
    const first = await begin(app, 'UPGRADE', { versionId: version });
    await expect.poll(async () => (await podNames('slow')).length, { timeout: 20_000 }).toBe(1);
    await db.operation.update({ where: { id: first.id }, data: { cancelRequested: true } });
    expect((await ended(first.id)).status).toBe('CANCELED');
    const second = await begin(app, 'UPGRADE', { versionId: version });
    await db.operation.update({
      where: { id: second.id },
      data: { deadlineAt: new Date(Date.now() + 2_000) },
    });
    expect((await ended(second.id)).status).toBe('TIMED_OUT');
    const orphan = await createOperation(db, { app: { id: app }, kind: 'START', actor: 'test' });
    await db.outbox.deleteMany({});
    await db.operation.update({
      where: { id: orphan.id },
      data: { deadlineAt: new Date(Date.now() - 20_000) },
    });
    expect((await ended(orphan.id)).status).toBe('TIMED_OUT');
    expect(await everythingOf(app)).toEqual([]);
  });
});

describe('what a hand does in the cluster', () => {
  test('is undone without an operation', async () => {
    const app = await newApp('tidy', { command: versionAnswer });
    await act(app, 'UPGRADE', { versionId: await newVersion(app, 1) });
    await kube.delete('services', 'tidy', 'skyarc-blue');
    await kube.delete('ingresses', 'tidy', 'skyarc-blue');
    await kube.patch('deployments', { name: 'tidy', namespace: 'skyarc-blue' }, { spec: { replicas: 0 } });
    await expect
      .poll(async () => (await kube.find('ingresses', 'tidy', 'skyarc-blue')) !== null, { timeout: 10_000 })
      .toBe(true);
    await expect.poll(() => ask('tidy').catch(() => null), { timeout: 20_000 }).toBe('1 ');
    await kube.delete('deployments', 'tidy', 'skyarc-blue');
    await kube.delete('secrets', 'tidy-deployed', 'skyarc-blue');
    await expect
      .poll(async () => (await kube.find('deployments', 'tidy', 'skyarc-blue')) !== null, { timeout: 10_000 })
      .toBe(true);
    await expect
      .poll(async () => (await kube.find('secrets', 'tidy-deployed', 'skyarc-blue')) !== null, {
        timeout: 10_000,
      })
      .toBe(true);
  });
});

describe('kill -9 of the worker', () => {
  test('anywhere in an operation, the next one ends it the same', { timeout: 400_000 }, async () => {
    await worker.stop();
    const app = await newApp('mortal', { command: versionAnswer });
    const versions = [await newVersion(app, 1), await newVersion(app, 2)];
    for (const [round, delayMs] of [0, 60, 120, 250, 500, 1_000, 2_000].entries()) {
      const child = await forkWorker();
      const operation = await begin(app, 'UPGRADE', { versionId: versions[round % 2] as string });
      await sleep(delayMs);
      child.kill('SIGKILL');
      await once(child, 'exit');
      const next = await forkWorker();
      expect(await ended(operation.id, 60_000)).toMatchObject({
        status: 'SUCCEEDED',
        message: `Version ${(round % 2) + 1} runs with one pod`,
      });
      expect(await ask('mortal')).toBe(`${(round % 2) + 1} `);
      expect(await podNames('mortal')).toHaveLength(1);
      next.kill('SIGKILL');
      await once(next, 'exit');
    }
    worker = await start(config, { db, mq, eventlog, kube, secretBox });
    expect((await act(app, 'DELETE')).status).toBe('SUCCEEDED');
  });
});

interface NewApp {
  /** JavaScript that the app runs. */
  readonly command: string;
  readonly image?: string;
  readonly memoryMb?: number;
  readonly healthPath?: string;
  readonly startTimeoutSec?: number;
}

async function newApp(
  name: string,
  { command, memoryMb = 128, healthPath, startTimeoutSec = 30 }: NewApp,
): Promise<string> {
  const { id } = await db.app.create({
    data: {
      id: newId('local', 'app'),
      teamName: 'blue',
      groupId: 'g',
      name,
      displayName: name,
      source: JSON.stringify({
        kind: 'TEMPLATE',
        template: 'hello-node',
      }),
      cpuMillis: 200,
      memoryMb,
      healthPath,
      startTimeoutSec,
      command: JSON.stringify(['node', '-e', command]),
      ports: { create: [{ port: 8e3 }] },
    },
  });
  return id;
}

async function newVersion(appId: string, number: number, image = 'test/host:1'): Promise<string> {
  const build = await db.build.create({
    data: { id: newId('local', 'build'), appId, number, status: 'SUCCEEDED' },
  });
  const { id } = await db.version.create({
    data: { id: newId('local', 'version'), appId, buildId: build.id, number, image, sizeBytes: 1n },
  });
  return id;
}

async function begin(
  appId: string,
  kind: OperationKind,
  options: { versionId?: string } = {},
): Promise<OperationRecord> {
  const operation = await createOperation(db, { app: { id: appId }, kind, actor: 'test', ...options });
  await relayOutbox(db, (task) => mq.publish(task));
  return operation;
}

async function act(
  appId: string,
  kind: OperationKind,
  options: { versionId?: string } = {},
  timeoutMs = 120_000,
): Promise<OperationRecord> {
  return ended((await begin(appId, kind, options)).id, timeoutMs);
}

function ended(id: string, timeoutMs = 120_000): Promise<OperationRecord> {
  let last: OperationRecord | null = null;
  return pollUntil(
    async () => {
      last = await db.operation.findUnique({ where: { id } });
      return last && isFinal(last.status as OperationStatus) ? last : undefined;
    },
    { timeoutMs, onTimeout: () => new Error(`operation is still ${last?.kind} ${last?.status}`) },
  );
}

async function podNames(app: string): Promise<string[]> {
  const { items } = await kube.list('pods', {
    namespace: 'skyarc-blue',
    labelSelector: `app.kubernetes.io/name=${app}`,
  });
  return items
    .filter(({ metadata }) => !metadata?.deletionTimestamp)
    .map(({ metadata }) => metadata?.name ?? '');
}

async function everythingOf(appId: string): Promise<string[]> {
  const kinds = ['deployments', 'statefulsets', 'services', 'ingresses', 'secrets'] as const;
  const found = await Promise.all(
    kinds.map((kind) => kube.list(kind, { labelSelector: `skyarc.dev/app-id=${appId}` })),
  );
  return found.flatMap(({ items }) => items.map(({ metadata }) => metadata?.name ?? ''));
}

async function ask(app: string): Promise<string> {
  const service = await kube.find('services', app, 'skyarc-blue');
  return new Promise((resolve, reject) => {
    get({ host: service?.spec?.clusterIP, port: 8_000, agent: false, timeout: 3_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.once('end', () => resolve(body)).once('error', reject);
    })
      .once('error', reject)
      .once('timeout', () => reject(new Error('no answer in 3 s')));
  });
}

function keepAsking(app: string) {
  const over = new AbortController();
  const failed: string[] = [];
  let total = 0;
  const loop = (async () => {
    while (!over.signal.aborted) {
      total += 1;
      await ask(app).catch((error: unknown) => failed.push(`${new Date().toISOString()} ${String(error)}`));
      await sleep(20);
    }
  })();
  return async () => {
    over.abort();
    await loop;
    return { total, failed };
  };
}

async function forkWorker(): Promise<ChildProcess> {
  const child = fork(
    join(import.meta.dirname, 'fixtures/worker.ts'),
    [
      JSON.stringify({
        config,
        kubeconfig: cluster.kubeconfig,
        mqUrl: 'http://127.0.0.1:20610',
        eventlogUrl: 'http://127.0.0.1:20611',
        databaseFile: join(folder, 'datacenter.db'),
        keyFile: join(folder, 'key'),
      }),
    ],
    { stdio: 'inherit' },
  );
  forked.push(child);
  await once(child, 'message');
  return child;
}
