import { type Placement, placement, probes, rollout } from '@skyarc/lib/contracts';
import { sleep } from '@skyarc/lib/retry';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { namespace, World } from './fixtures/world.ts';

let world: World;

beforeAll(async () => {
  world = await World.open({
    instance: 'hehr',
    basePort: 20_620,
    podCidr: '10.80.0.0/17',
    serviceCidr: '10.80.128.0/17',
  });
});
afterAll(() => world?.close());

const serve = 'require("http").createServer((q,r)=>r.end("x")).listen(process.env.PORT,"0.0.0.0")';

test('a slow starter is not killed, whatever its liveness probe says meanwhile; a hung one is restarted', async () => {
  const script = `setTimeout(()=>{${serve}},8000);process.on("SIGUSR2",()=>{for(;;);})`;
  const app = await world.newApp('slow', script, {
    startTimeoutSec: 60,
    probes: JSON.stringify(
      probes.parse({
        liveness: { kind: 'HTTP', path: '/', periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 2 },
      }),
    ),
  });
  await world.db.port.create({ data: { appId: app, port: 8_000 } });
  const versionId = await world.newVersion(app, 1);
  expect(await world.act(app, 'UPGRADE', { versionId })).toMatchObject({ status: 'SUCCEEDED' });
  const restarts = async () => (await world.pods('slow'))[0]?.status?.containerStatuses?.[0]?.restartCount;
  expect(await restarts()).toBe(0);
  await world.exec('slow', ['sh', '-c', 'kill -USR2 1']);
  await expect.poll(restarts).toBe(1);
  await world.act(app, 'DELETE');
});

test('a command says when an app is ready, and what it said when it is not', async () => {
  // Port 8000 as /proc/net/tcp has it.
  const command = ['sh', '-c', 'case "$(cat /proc/net/tcp)" in *:1F40*) exit 0;; esac; echo deaf; exit 1'];
  const settings = probes.parse({ readiness: { kind: 'COMMAND', command, periodSeconds: 1 } });
  const script = 'setTimeout(()=>require("http").createServer().listen(8000,"0.0.0.0"),3000)';
  const app = await world.newApp('asked', script, { probes: JSON.stringify(settings) });
  const versionId = await world.newVersion(app, 1);
  expect(await world.act(app, 'UPGRADE', { versionId })).toMatchObject({ status: 'SUCCEEDED' });
  const deaf = JSON.stringify(['node', '-e', 'setInterval(()=>{},1000)']);
  await world.db.app.update({ where: { id: app }, data: { command: deaf, startTimeoutSec: 6 } });
  expect((await world.act(app, 'CONFIGURE')).message).toMatch(/^The app is not ready by its command .*deaf$/);
  await world.act(app, 'DELETE');
});

test('an app that may not run twice never does', async () => {
  const app = await world.newApp('single', 'setInterval(()=>{},1000)', {
    rollout: JSON.stringify(rollout.parse({ strategy: 'RECREATE', terminationGraceSeconds: 2 })),
  });
  const versionId = await world.newVersion(app, 1);
  expect((await world.act(app, 'UPGRADE', { versionId })).status).toBe('SUCCEEDED');
  const operation = await world.begin(app, 'RESTART');
  let most = 0;
  for (let isOver = false; !isOver;) {
    const { items } = await world.kube.list('pods', {
      namespace,
      labelSelector: 'app.kubernetes.io/name=single',
    });
    most = Math.max(most, items.filter(({ status }) => status?.phase === 'Running').length);
    const row = await world.db.operation.findUnique({ where: { id: operation.id } });
    isOver = row?.finishedAt !== null;
    await sleep(50);
  }
  expect((await world.ended(operation.id)).status).toBe('SUCCEEDED');
  expect(most).toBe(1);
  await world.act(app, 'DELETE');
});

test('a rollback brings back the ports that the older version was built with', async () => {
  const app = await world.newApp('ports', serve);
  const old = await world.newVersion(app, 1, { ports: [8_001] });
  const young = await world.newVersion(app, 2, { ports: [8_002, 8_003] });
  // As a build of the second version leaves them.
  await world.db.port.createMany({
    data: [8_002, 8_003].map((port) => ({ appId: app, port, detected: true })),
  });
  const ports = async () =>
    (await world.kube.find('services', 'ports', namespace))?.spec?.ports?.map(({ port }) => port);
  expect((await world.act(app, 'UPGRADE', { versionId: young })).status).toBe('SUCCEEDED');
  expect(await ports()).toEqual([8_002, 8_003]);
  expect((await world.act(app, 'ROLLBACK', { versionId: old })).status).toBe('SUCCEEDED');
  expect(await ports()).toEqual([8_001]);
  await world.act(app, 'DELETE');
});

test('no node fits, or the cluster refuses: the operation says which', async () => {
  const nodes = [{ key: 'disk', operator: 'IN', values: ['ssd'] }];
  const app = await world.newApp('picky', 'setInterval(()=>{},1000)', {
    placement: JSON.stringify(placement.parse({ nodes })),
  });
  const versionId = await world.newVersion(app, 1);
  const unplaced = await world.act(app, 'UPGRADE', { versionId });
  expect(unplaced).toMatchObject({ status: 'FAILED' });
  expect(unplaced.message).toMatch(/^No node takes the pod \(.*affinity/);
  await world.db.app.update({ where: { id: app }, data: { placement: null, replicas: 3 } });
  expect((await world.act(app, 'UPGRADE', { versionId })).status).toBe('SUCCEEDED');
  const budget = await world.kube.find('poddisruptionbudgets', 'picky', namespace);
  expect(budget?.spec?.maxUnavailable).toBe(1);
  await world.act(app, 'DELETE');
});

/** A second node, small, which says of its pods that they run, and lets them go; answers how it goes away. */
async function addSmallNode(name: string, labels: Readonly<Record<string, string>>) {
  const { kube } = world;
  const lease = { name, namespace: 'kube-node-lease' };
  await kube.create('nodes', { metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } } });
  const status = {
    allocatable: { cpu: '500m', memory: '512Mi', pods: '20' },
    conditions: [{ type: 'Ready', status: 'True' }],
  };
  await kube.patch('nodes', { name, subresource: 'status' }, { status });
  await kube.create('leases', { metadata: lease });
  const beat = async () => {
    const renewTime = new Date().toISOString().replace('Z', '000Z');
    await kube.patch('leases', lease, { spec: { renewTime } });
    const { items } = await kube.list('pods', { namespace, fieldSelector: `spec.nodeName=${name}` });
    for (const [index, { metadata, status: told }] of items.entries()) {
      const pod = { name: metadata?.name ?? '', namespace };
      if (metadata?.deletionTimestamp)
        await kube.delete('pods', pod.name, namespace, { gracePeriodSeconds: 0 });
      else if (!told?.podIP) {
        const lastTransitionTime = renewTime.replace(/\..*/, 'Z');
        const isReady = { type: 'Ready', status: 'True', lastTransitionTime };
        const running = { phase: 'Running', podIP: `192.0.2.${index + 1}`, conditions: [isReady] };
        await kube.patch('pods', { ...pod, subresource: 'status' }, { status: running });
      }
    }
  };
  const timer = setInterval(() => void beat().catch(() => undefined), 1_000);
  return async () => {
    clearInterval(timer);
    await kube.delete('nodes', name);
    await kube.delete('leases', name, lease.namespace);
  };
}

test('of two nodes, pods stand on the one that rules ask for, and away from apps that they avoid', async () => {
  const { kube } = world;
  const zone = 'example.test/zone';
  const [{ metadata: { name: here = '' } = {} } = {}] = (await kube.list('nodes')).items;
  await kube.patch('nodes', { name: here }, { metadata: { labels: { [zone]: 'here' } } });
  const mark = Date.now().toString(36).slice(-4);
  const there = `there-${mark}`;
  const removeNode = await addSmallNode(there, { [zone]: 'there' });
  const placed = async (name: string, replicas: number, wanted: Partial<Placement>) => {
    const app = await world.newApp(`${name}-${mark}`, 'setInterval(()=>{},1000)', {
      replicas,
      placement: JSON.stringify(placement.parse(wanted)),
    });
    const versionId = await world.newVersion(app, 1);
    expect(await world.act(app, 'UPGRADE', { versionId })).toMatchObject({ status: 'SUCCEEDED' });
    return app;
  };
  const nodesOf = async (name: string) =>
    (await world.pods(`${name}-${mark}`)).map(({ spec }) => spec?.nodeName);
  try {
    const inZone = (operator: 'IN' | 'NOT_IN') => ({ key: zone, operator, values: ['here'], required: true });
    const homely = await placed('homely', 2, { nodes: [inZone('IN')] });
    expect(await nodesOf('homely')).toEqual([here, here]);
    const others = await Promise.all([
      placed('exiled', 1, { nodes: [inZone('NOT_IN')] }),
      placed('shy', 1, { awayFromApps: [`homely-${mark}`] }),
    ]);
    expect(await Promise.all(['exiled', 'shy'].map(nodesOf))).toEqual([[there], [there]]);
    await Promise.all([homely, ...others].map((app) => world.act(app, 'DELETE')));
  } finally {
    await removeNode();
  }
});
