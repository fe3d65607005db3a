import { readFile } from 'node:fs/promises';
import { newId } from '@skyarc/lib/contracts';
import { createOperation, relayOutbox } from '@skyarc/prisma/datacenter';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTraffic, type Traffic } from './fixtures/traffic.ts';
import { namespace, World } from './fixtures/world.ts';

let world: World;
let traffic: Traffic;

beforeAll(async () => {
  world = await World.open({
    instance: 'heitra',
    basePort: 20_700,
    podCidr: '10.81.0.0/16',
    serviceCidr: '10.82.0.0/16',
    config: { gatewayUrls: ['http://127.0.0.1:20727'], metrics: { port: 20_728 } },
  });
  traffic = await startTraffic({
    instance: 'heitra',
    kubeconfig: world.cluster.kubeconfig,
    httpPort: 20_725,
    httpsPort: 20_726,
    statusPort: 20_727,
  });
});
afterAll(async () => {
  await traffic?.close();
  await world?.close();
});

const serve =
  'const s=require("http").createServer((q,r)=>r.end(process.env.SKYARC_VERSION));s.keepAliveTimeout=60000;s.listen(process.env.PORT,"0.0.0.0")';

async function newServer(name: string, fields: Parameters<World['newApp']>[2] = {}) {
  const id = await world.newApp(name, serve, { rollout: null, ...fields });
  await world.db.port.create({ data: { appId: id, port: 8_000 } });
  const version = await world.newVersion(id, 1);
  expect(await world.act(id, 'UPGRADE', { versionId: version })).toMatchObject({ status: 'SUCCEEDED' });
  const host = `8000.${name}.blue.skyarc.localhost`;
  await expect.poll(async () => (await traffic.ask(host)).body).toBe('1');
  return { id, host };
}

test('a candidate gets its share, keeps its visitors, and becomes the app without a failed request', async () => {
  const { id, host } = await newServer('shop');
  const two = await world.newVersion(id, 2);
  const stop = traffic.load(host, 40);
  const release = { percent: 20, header: { name: 'X-Beta', value: 'yes' }, replicas: 1 };
  const { id: operation } = await createOperation(world.db, {
    app: { id },
    kind: 'GREY_START',
    actor: 'test',
    versionId: two,
    arguments: release,
  });
  await relayOutbox(world.db, (task) => world.mq.publish(task));
  expect(await world.ended(operation)).toMatchObject({ status: 'SUCCEEDED' });
  await expect.poll(async () => (await traffic.ask(host, { 'x-beta': 'yes' })).body).toBe('2');

  const total = 1_000;
  const drawn = await Promise.all(Array.from({ length: total }, () => traffic.ask(host)));
  const share = drawn.filter(({ body }) => body === '2').length / total;
  expect(Math.abs(share - 0.2)).toBeLessThan(3 * Math.sqrt((0.2 * 0.8) / total));
  const visitor = drawn.find(({ body }) => body === '2');
  const cookie = visitor?.setCookie[0]?.split(';')[0] ?? '';
  expect(cookie).toMatch(/^skyarc-grey=/);
  const again = await Promise.all(Array.from({ length: 20 }, () => traffic.ask(host, { cookie })));
  expect(new Set(again.map(({ body }) => body))).toEqual(new Set(['2']));

  expect(await world.act(id, 'GREY_PROMOTE')).toMatchObject({ status: 'SUCCEEDED' });
  expect((await traffic.ask(host)).body).toBe('2');
  expect((await traffic.ask(host, { cookie })).body).toBe('2');
  const replies = await stop();
  expect(replies.length).toBeGreaterThan(100);
  expect(replies.filter(({ status }) => status !== 200)).toEqual([]);
});

test('an app gets other cpu and memory without a restart and without a failed request', async () => {
  const { id, host } = await newServer('sized');
  const stop = traffic.load(host, 40);
  const runs = async () =>
    (await world.pods('sized')).map(({ metadata, status }) => [
      metadata?.name,
      status?.containerStatuses?.[0]?.containerID,
      status?.containerStatuses?.[0]?.restartCount,
    ]);
  const before = await runs();
  const replicaSets = async () =>
    (await world.kube.list('replicasets', { namespace })).items.filter(({ metadata }) =>
      metadata?.name?.startsWith('sized-'),
    );
  for (const [cpuMillis, memoryMb] of [
    [300, 192],
    [250, 160],
  ] as const) {
    await world.db.app.update({ where: { id }, data: { cpuMillis, memoryMb } });
    const operation = await world.act(id, 'CONFIGURE');
    expect(operation).toMatchObject({
      status: 'SUCCEEDED',
      message: expect.stringContaining('resized in place'),
    });
    expect(await runs()).toEqual(before);
    const [pod] = await world.pods('sized');
    const { uid = '' } = pod?.metadata ?? {};
    const container = pod?.status?.containerStatuses?.[0]?.containerID?.replace('containerd://', '') ?? '';
    const limit = await readFile(
      `/sys/fs/cgroup/memory/heitra/burstable/pod${uid}/${container}/memory.limit_in_bytes`,
      'utf8',
    );
    expect(Number(limit)).toBe(memoryMb * 2 ** 20);
    const [made, ...others] = await replicaSets();
    expect(others).toEqual([]);
    expect(made?.spec?.template?.spec?.containers[0]?.resources?.limits).toEqual({
      cpu: `${cpuMillis}m`,
      memory: `${memoryMb}Mi`,
    });
  }
  // What the node cannot give is not taken from what runs: the roll says why it fails, and nothing has changed.
  await world.db.app.update({ where: { id }, data: { cpuMillis: 900_000 } });
  expect(await world.act(id, 'CONFIGURE')).toMatchObject({ status: 'FAILED' });
  const [left] = await world.pods('sized');
  expect(left?.spec?.containers[0]?.resources?.limits).toEqual({ cpu: '250m', memory: '160Mi' });
  const replies = await stop();
  expect(replies.length).toBeGreaterThan(100);
  expect(replies.filter(({ status }) => status !== 200)).toEqual([]);
  expect((await world.pods('sized')).length).toBe(1);
});

test('an app grows with its requests and shrinks after them, and each change is remembered with its reason', async () => {
  const { id, host } = await newServer('busy', {
    autoscaling: JSON.stringify({
      enabled: true,
      minReplicas: 1,
      maxReplicas: 3,
      metrics: [{ kind: 'REQUEST_RATE', target: 10 }],
      scaleDownDelaySeconds: 0,
    }),
  });
  const replicas = async () => (await world.kube.find('deployments', 'busy', namespace))?.spec?.replicas;
  expect(await replicas()).toBe(1);
  const stop = traffic.load(host, 50);
  await expect.poll(replicas, { timeout: 120_000, interval: 500 }).toBe(3);
  // Neither repair nor an operation takes back what the rule did.
  await world.db.app.update({ where: { id }, data: { memoryMb: 160 } });
  expect(await world.act(id, 'CONFIGURE')).toMatchObject({ status: 'SUCCEEDED' });
  expect(await replicas()).toBe(3);
  await expect(world.begin(id, 'SCALE')).rejects.toThrow(/autoscaling rule decides/);
  const replies = await stop();
  expect(replies.filter(({ status }) => status !== 200)).toEqual([]);
  await expect.poll(replicas, { timeout: 150_000, interval: 500 }).toBe(1);
  const records = await world.db.scalingRecord.findMany({ where: { appId: id }, orderBy: { at: 'asc' } });
  expect(records[0]).toMatchObject({ fromReplicas: 1, kind: 'AUTOMATIC' });
  expect(records[0]?.reason).toMatch(/^[\d.]+ requests per second and pod, the rule wants 10$/);
  expect(records.at(-1)).toMatchObject({ toReplicas: 1 });

  expect((await world.act(id, 'STOP')).status).toBe('SUCCEEDED');
  expect(await replicas()).toBe(0);
  expect(await world.act(id, 'START')).toMatchObject({ status: 'SUCCEEDED' });
  expect(await replicas()).toBe(1);
}, 400_000);

test("a team's pods hear their own, the gateway and nobody of another team", async () => {
  await world.db.team.create({
    data: { name: 'red', namespace: 'skyarc-red', sshPublicKey: '', sshPrivateKey: '' },
  });
  await newServer('mine');
  const red = await world.newApp('spy', 'setInterval(()=>{},1000)', { teamName: 'red' });
  const version = await world.newVersion(red, 1);
  expect(await world.act(red, 'UPGRADE', { versionId: version })).toMatchObject({ status: 'SUCCEEDED' });
  const spy = (await world.kube.list('pods', { namespace: 'skyarc-red' })).items[0]?.metadata?.name ?? '';
  const [pod] = await world.pods('mine');
  const reach = (from: { namespace: string; pod: string }, url: string) =>
    world.kube.exec({ ...from, container: 'app' }, [
      'node',
      '-e',
      `fetch("${url}",{signal:AbortSignal.timeout(2000)}).then(r=>console.log(r.status),()=>console.log("no"))`,
    ]);
  const [own] = await world.pods('shop');
  const target = `http://${pod?.status?.podIP}:8000/`;
  expect(await reach({ namespace, pod: own?.metadata?.name ?? '' }, target)).toBe('200\n');
  expect(await reach({ namespace: 'skyarc-red', pod: spy }, target)).toBe('no\n');
  expect(await reach({ namespace: 'skyarc-red', pod: spy }, 'http://mine.skyarc-blue.svc:8000/')).toBe(
    'no\n',
  );
});

test('a third-party app is reached through the gateway, by its name from pods, and as a part of a route', async () => {
  await world.db.setting.create({ data: { name: 'allowPrivateSources', value: 'true' } });
  // Outside of every team, as a machine beside the cluster is.
  const script = 'require("http").createServer((q,r)=>r.end("legacy")).listen(9000,"0.0.0.0")';
  await world.kube.create('pods', {
    metadata: { name: 'machine', namespace: 'default' },
    spec: {
      containers: [
        { name: 'app', image: `${world.config.pullRegistry}/test/host:1`, args: ['node', '-e', script] },
      ],
    },
  });
  const find = async () => (await world.kube.find('pods', 'machine', 'default'))?.status;
  await expect.poll(async () => (await find())?.phase).toBe('Running');
  const address = (await find())?.podIP ?? '';
  const id = await world.newApp('legacy', '', {
    command: null,
    source: JSON.stringify({
      kind: 'EXTERNAL',
      endpoints: [{ host: address, port: 9_000 }],
      healthCheck: { kind: 'TCP', periodSeconds: 1 },
    }),
  });
  await world.db.port.create({ data: { appId: id, port: 80 } });
  expect(await world.act(id, 'START')).toMatchObject({
    status: 'SUCCEEDED',
    message: 'Its endpoint is offered',
  });
  const host = '80.legacy.blue.skyarc.localhost';
  await expect.poll(async () => (await traffic.ask(host)).body).toBe('legacy');
  const { id: web } = await newServer('front');
  await world.db.dependency.create({ data: { fromId: web, toId: id } });
  const targets = [
    { service: 'front', port: 8_000, weight: 1 },
    { service: 'legacy', port: 80, weight: 1 },
  ];
  await world.db.route.create({
    data: {
      id: newId('local', 'route'),
      appId: web,
      host: 'half.test',
      port: 8_000,
      policy: JSON.stringify({ split: { targets } }),
    },
  });
  expect((await world.act(web, 'CONFIGURE')).status).toBe('SUCCEEDED');
  const fetching =
    'fetch(`http://${process.env.LEGACY_HOST}:${process.env.LEGACY_PORT}/`).then(r=>r.text()).then(console.log,e=>console.log(String(e.cause??e)))';
  expect(await world.exec('front', ['node', '-e', fetching])).toBe('legacy\n');
  const answers = await Promise.all(Array.from({ length: 60 }, () => traffic.ask('half.test')));
  expect(new Set(answers.map(({ body }) => body))).toEqual(new Set(['1', 'legacy']));
});
