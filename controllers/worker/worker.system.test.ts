import { once } from 'node:events';
import { get } from 'node:http';
import type { KubeClient } from '@skyarc/lib/kube';
import { sleep } from '@skyarc/lib/retry';
import { createOperation, type DataCenterDatabase } from '@skyarc/prisma/datacenter';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { namespace, World } from './fixtures/world.ts';

let world: World;
let kube: KubeClient;
let db: DataCenterDatabase;

beforeAll(async () => {
  world = await World.open({
    instance: 'hehw',
    basePort: 20_600,
    podCidr: '10.79.0.0/17',
    serviceCidr: '10.79.128.0/17',
    otherImages: [{ reference: 'test/root:1' }],
  });
  ({ kube, db } = world);
});
afterAll(() => world?.close());

const serve = (answer: string, listen = 'process.env.PORT,"0.0.0.0"') =>
  `const s=require("http").createServer((q,r)=>r.end(${answer}));s.keepAliveTimeout=60000;s.listen(${listen})`;
const versionAnswer = serve('process.env.SKYARC_VERSION+" "+(process.env.GREETING||"")');

describe('the life of an app', () => {
  test(
    'is deployed, upgraded without a failed request, rolled back, scaled, restarted, configured, stopped, started and deleted',
    { timeout: 300_000 },
    async () => {
      const app = await newApp('shop', { command: versionAnswer });
      const [one, two] = [await world.newVersion(app, 1), await world.newVersion(app, 2)];
      expect(await world.act(app, 'UPGRADE', { versionId: one })).toMatchObject({
        status: 'SUCCEEDED',
        message: 'Version 1 runs with one pod',
      });
      expect(await ask('shop')).toBe('1 ');
      const deployment = await kube.find('deployments', 'shop', namespace);
      expect(deployment?.spec?.template.spec?.securityContext?.runAsNonRoot).toBe(true);
      const ingress = await kube.find('ingresses', 'shop', namespace);
      expect(ingress?.spec?.rules?.map(({ host }) => host)).toEqual(['8000.shop.blue.skyarc.localhost']);

      const load = keepAsking('shop');
      expect((await world.act(app, 'UPGRADE', { versionId: two })).status).toBe('SUCCEEDED');
      expect(await ask('shop')).toBe('2 ');
      expect((await world.act(app, 'ROLLBACK', { versionId: one })).status).toBe('SUCCEEDED');
      expect(await ask('shop')).toBe('1 ');
      expect((await db.app.findUnique({ where: { id: app } }))?.currentVersionId).toBe(one);
      await db.app.update({ where: { id: app }, data: { replicas: 2 } });
      expect((await world.act(app, 'SCALE')).message).toBe('Version 1 runs with 2 pods');
      const before = await podNames('shop');
      expect((await world.act(app, 'RESTART')).status).toBe('SUCCEEDED');
      const after = await podNames('shop');
      expect(after).toHaveLength(2);
      expect(after.filter((name) => before.includes(name))).toEqual([]);
      await db.envVar.create({
        data: { appId: app, name: 'GREETING', value: world.secretBox.seal('hello', `env:${app}:GREETING`) },
      });
      expect((await world.act(app, 'CONFIGURE')).status).toBe('SUCCEEDED');
      expect(await ask('shop')).toBe('1 hello');
      const { total, failed } = await load();
      expect(total).toBeGreaterThan(50);
      expect(failed).toEqual([]);

      expect(await world.act(app, 'STOP')).toMatchObject({
        status: 'SUCCEEDED',
        message: 'The app is stopped',
      });
      expect(await podNames('shop')).toEqual([]);
      expect((await db.app.findUnique({ where: { id: app } }))?.desired).toBe('STOPPED');
      expect((await world.act(app, 'START')).status).toBe('SUCCEEDED');
      expect(await ask('shop')).toBe('1 hello');

      const gone = await world.act(app, 'DELETE');
      expect(gone).toMatchObject({ status: 'SUCCEEDED', message: 'App "shop" is deleted' });
      expect(await db.app.findUnique({ where: { id: app } })).toBeNull();
      expect(await everythingOf(app)).toEqual([]);
      const said = async () => {
        const { frames } = await world.eventlog.read({ stream: `operation/${gone.id}` });
        return frames.map(({ line }) => line);
      };
      await expect.poll(said).toContain('App "shop" is deleted');
      const notices = await world.eventlog.read({ stream: 'changes/blue', limit: 5_000 });
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
        startTimeoutSec: 20,
      },
      /its health path answers 500$/,
    ],
  ] as [string, NewApp, RegExp][])('%s', { concurrent: true }, async ([name, settings, sentence]) => {
    const app = await newApp(name, settings);
    const versionId = await world.newVersion(app, 1, { image: settings.image });
    const operation = await world.act(app, 'UPGRADE', { versionId });
    expect(operation.message).toMatch(sentence);
    expect(operation.status).toBe('FAILED');
    expect(await everythingOf(app)).toEqual([]);
    expect(await db.app.findUnique({ where: { id: app } })).toMatchObject({
      activeOperationId: null,
      desired: 'STOPPED',
      currentVersionId: null,
    });
  });

  test('a bad upgrade and bad settings keep the old version serving', async () => {
    const app = await newApp('keeper', { command: versionAnswer });
    const good = await world.newVersion(app, 1);
    expect((await world.act(app, 'UPGRADE', { versionId: good })).status).toBe('SUCCEEDED');
    const load = keepAsking('keeper');
    const bad = await world.newVersion(app, 2, { image: `test/none@sha256:${'1'.repeat(64)}` });
    expect((await world.act(app, 'UPGRADE', { versionId: bad })).status).toBe('FAILED');
    await db.app.update({
      where: { id: app },
      data: { command: JSON.stringify(['node', '-e', 'process.exit(1)']) },
    });
    expect((await world.act(app, 'CONFIGURE')).status).toBe('FAILED');
    await sleep(3_000);
    expect(await ask('keeper')).toBe('1 ');
    const { failed } = await load();
    expect(failed).toEqual([]);
    expect(await podNames('keeper')).toHaveLength(1);
    expect((await db.app.findUnique({ where: { id: app } }))?.currentVersionId).toBe(good);
  });

  test('canceled and overdue operations end so, and leave nothing', async () => {
    const app = await newApp('slow', { command: 'setInterval(()=>{},1000)' });
    const version = await world.newVersion(app, 1);
    const first = await world.begin(app, 'UPGRADE', { versionId: version });
    await expect.poll(async () => (await podNames('slow')).length).toBe(1);
    await db.operation.update({ where: { id: first.id }, data: { cancelRequested: true } });
    expect((await world.ended(first.id)).status).toBe('CANCELED');
    const second = await world.begin(app, 'UPGRADE', { versionId: version });
    await db.operation.update({
      where: { id: second.id },
      data: { deadlineAt: new Date(Date.now() + 2_000) },
    });
    expect((await world.ended(second.id)).status).toBe('TIMED_OUT');
    const orphan = await createOperation(db, { app: { id: app }, kind: 'START', actor: 'test' });
    await db.outbox.deleteMany({});
    await db.operation.update({
      where: { id: orphan.id },
      data: { deadlineAt: new Date(Date.now() - 20_000) },
    });
    expect((await world.ended(orphan.id)).status).toBe('TIMED_OUT');
    expect(await everythingOf(app)).toEqual([]);
  });
});

describe('what a hand does in the cluster', () => {
  test('is undone without an operation', async () => {
    const app = await newApp('tidy', { command: versionAnswer });
    await world.act(app, 'UPGRADE', { versionId: await world.newVersion(app, 1) });
    await kube.delete('services', 'tidy', namespace);
    await kube.delete('ingresses', 'tidy', namespace);
    await kube.patch('deployments', { name: 'tidy', namespace: namespace }, { spec: { replicas: 0 } });
    await expect.poll(async () => (await kube.find('ingresses', 'tidy', namespace)) !== null).toBe(true);
    await expect.poll(() => ask('tidy').catch(() => null)).toBe('1 ');
    await kube.delete('deployments', 'tidy', namespace);
    await kube.delete('secrets', 'tidy-deployed', namespace);
    await expect.poll(async () => (await kube.find('deployments', 'tidy', namespace)) !== null).toBe(true);
    await expect
      .poll(async () => (await kube.find('secrets', 'tidy-deployed', namespace)) !== null, {
        timeout: 10_000,
      })
      .toBe(true);
  });
});

describe('kill -9 of the worker', () => {
  test('anywhere in an operation, the next one ends it the same', { timeout: 400_000 }, async () => {
    await world.stopWorker();
    const app = await newApp('mortal', { command: versionAnswer });
    const versions = [await world.newVersion(app, 1), await world.newVersion(app, 2)];
    for (const [round, delayMs] of [0, 60, 120, 250, 500, 1_000, 2_000].entries()) {
      const child = await world.forkWorker();
      const operation = await world.begin(app, 'UPGRADE', { versionId: versions[round % 2] as string });
      await sleep(delayMs);
      child.kill('SIGKILL');
      await once(child, 'exit');
      const next = await world.forkWorker();
      expect(await world.ended(operation.id)).toMatchObject({
        status: 'SUCCEEDED',
        message: `Version ${(round % 2) + 1} runs with one pod`,
      });
      expect(await ask('mortal')).toBe(`${(round % 2) + 1} `);
      expect(await podNames('mortal')).toHaveLength(1);
      next.kill('SIGKILL');
      await once(next, 'exit');
    }
    await world.startWorker();
    expect((await world.act(app, 'DELETE')).status).toBe('SUCCEEDED');
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

function newApp(name: string, { command, memoryMb, healthPath, startTimeoutSec }: NewApp): Promise<string> {
  return world.newApp(name, command, {
    ports: { create: [{ port: 8_000 }] },
    ...(memoryMb === undefined ? {} : { memoryMb }),
    ...(healthPath === undefined ? {} : { healthPath }),
    ...(startTimeoutSec === undefined ? {} : { startTimeoutSec }),
  });
}

async function podNames(app: string): Promise<string[]> {
  return (await world.pods(app)).map(({ metadata }) => metadata?.name ?? '');
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
