import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  agentObjectName,
  drainAnnotation,
  drainProgress,
  drainProgressAnnotation,
  masterLease,
  nodeReport,
  type NodeReport,
  nodeVerdict,
  parseStored,
  reportKey,
  roleLabelOf,
  systemNamespace,
  verdictAnnotation,
} from '@skyarc/lib/contracts';
import { TestCluster } from '@skyarc/lib/kube/testing';
import { Stack } from '@skyarc/lib/lifecycle';
import { identityOf } from '@skyarc/lib/process';
import { pollUntil } from '@skyarc/lib/retry';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { Machine } from './fixtures/machine.ts';
import { type NodeConfig, stopExporter } from './main.ts';

type AgentInput = NonNullable<NodeConfig['agent']>;

const stack = new Stack();
const machines = new Map<string, Machine>();
let cluster: TestCluster;
let folder: string;
let sick: { status: number };
let sickPort: number;

/** However busy the machine of the test is, that is not what is judged here. */
const pressure = { diskPercent: 101, memoryPercent: 101, loadPerCpu: 10_000 };
const quick = { heartbeatMs: 400, staleMs: 2_500, leaseSeconds: 3, drainEveryMs: 300, pressure };

function configOf(name: string, agent: AgentInput = {}): Omit<NodeConfig, 'kubeconfig'> {
  return { port: 0, dataDir: join(folder, name), agent: { name, ...quick, ...agent } };
}

function until<T>(what: string, probe: () => Promise<T | undefined>): Promise<T> {
  return pollUntil(probe, { timeoutMs: 60_000, onTimeout: () => new Error(`never: ${what}`) });
}

async function reportOf(name: string): Promise<NodeReport | null> {
  const object = await cluster.kube.find('configmaps', agentObjectName(name), systemNamespace);
  return parseStored(nodeReport, object?.data?.[reportKey]);
}

function isHealthy(report: NodeReport | null, service: string): boolean | undefined {
  return report?.services.find(({ name }) => name === service)?.healthy;
}

async function stateOf(name: string): Promise<string | undefined> {
  const object = await cluster.kube.find('configmaps', agentObjectName(name), systemNamespace);
  return parseStored(nodeVerdict, object?.metadata?.annotations?.[verdictAnnotation])?.state;
}

async function masterName(): Promise<string | undefined> {
  const lease = await cluster.kube.find('leases', masterLease, systemNamespace);
  return lease?.spec?.holderIdentity?.split('_')[0] || undefined;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyarc-node-'));
  stack.add(() => rm(folder, { recursive: true, force: true }));
  cluster = stack.use(
    await TestCluster.start({ instance: 'nodet', basePort: 21_850, parts: 'controllers' }),
    (it) => it.stop(),
  );
  sick = { status: 200 };
  const server = createServer((_request, response) => response.writeHead(sick.status).end('as told\n'));
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  stack.add(() => new Promise((resolve) => (server.closeAllConnections(), server.close(() => resolve()))));
  sickPort = (server.address() as AddressInfo).port;
  const allocatable = { cpu: '4', memory: '8Gi', pods: '50' };
  const conditions = [{ type: 'Ready', status: 'True' }];
  for (const name of ['one', 'two']) {
    await cluster.kube.create('nodes', { metadata: { name } });
    const status = { allocatable, capacity: allocatable, conditions };
    await cluster.kube.patch('nodes', { name, subresource: 'status' }, { status });
  }
  for (const [index, name] of ['one', 'two', 'three'].entries()) {
    machines.set(name, await Machine.create(name, index, cluster.kubeconfig, folder));
  }
  stack.add(() =>
    Promise.all([...machines.values()].map((machine) => machine.remove())).then(() => undefined),
  );
});
afterAll(() => stack.stop());

test('machines register with roles and report; an operator takes a role away', async () => {
  await machines.get('one')?.start(configOf('one', { roles: ['MANAGE', 'COMPUTE'] }));
  await machines.get('two')?.start(configOf('two'));
  // No Kubernetes Node is of this name.
  await machines.get('three')?.start(configOf('three', { roles: ['GATEWAY'] }));
  for (const name of machines.keys()) {
    await until(`${name} is online`, async () => ((await stateOf(name)) === 'ONLINE' ? true : undefined));
  }
  const node = await cluster.kube.find('nodes', 'one');
  expect(node?.metadata?.labels).toMatchObject({
    [roleLabelOf('MANAGE')]: 'true',
    [roleLabelOf('COMPUTE')]: 'true',
    [roleLabelOf('GATEWAY')]: 'false',
  });
  expect(await reportOf('three')).toMatchObject({
    roles: ['GATEWAY'],
    machine: { cpus: expect.any(Number) },
  });
  const labels = { [roleLabelOf('MANAGE')]: 'false' };
  await cluster.kube.patch('nodes', { name: 'one' }, { metadata: { labels } });
  await until('the role is gone', async () =>
    (await reportOf('one'))?.roles.join() === 'COMPUTE' ? true : undefined,
  );
});

test('the master role survives a kill of its machine, which is then offline', async () => {
  const first = await until('there is a master', masterName);
  await machines.get(first)?.kill();
  const second = await until('another one leads', async () => {
    const name = await masterName();
    return name && name !== first ? name : undefined;
  });
  await until(`${first} is offline`, async () => ((await stateOf(first)) === 'OFFLINE' ? true : undefined));
  expect(second).not.toBe(first);
  expect(await stateOf(second)).toBe('ONLINE');
  await machines.get(first)?.start(configOf(first));
  await until(`${first} is back`, async () => ((await stateOf(first)) === 'ONLINE' ? true : undefined));
});

test('a drain waits for a disruption budget, moves what it may, and keeps new pods away', async () => {
  const { kube } = cluster;
  const namespace = `drained-${Date.now()}`;
  await kube.create('namespaces', { metadata: { name: namespace } });
  onTestFinished(async () => {
    const annotations = { [drainAnnotation]: null, [drainProgressAnnotation]: null };
    await kube.patch('nodes', { name: 'one' }, { metadata: { annotations }, spec: { unschedulable: null } });
    await kube.delete('namespaces', namespace);
  });
  const selector = { matchLabels: { app: 'web' } };
  const template = {
    metadata: { labels: { app: 'web' } },
    spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'web', image: 'web' }] },
  };
  await kube.create('deployments', {
    metadata: { name: 'web', namespace },
    spec: { replicas: 4, selector, template },
  });
  await kube.create('poddisruptionbudgets', {
    metadata: { name: 'web', namespace },
    spec: { minAvailable: 4, selector },
  });
  const pods = async () => (await kube.list('pods', { namespace })).items;
  // There is no kubelet here: what runs and what is ready is said by hand.
  const makeReady = async (): Promise<void> => {
    for (const { metadata, status } of await pods()) {
      if (status?.phase === 'Running') continue;
      const conditions = [{ type: 'Ready', status: 'True' }];
      await kube.patch(
        'pods',
        { name: metadata?.name ?? '', namespace, subresource: 'status' },
        { status: { phase: 'Running', conditions } },
      );
    }
  };
  const placed = async (node: string) =>
    (await pods()).filter(({ metadata, spec }) => spec?.nodeName === node && !metadata?.deletionTimestamp);
  await until('all pods are placed', async () => {
    await makeReady();
    const all = [...(await placed('one')), ...(await placed('two'))];
    // A budget does not hold who has not begun to run.
    const areRunning = all.every(({ status }) => status?.phase === 'Running');
    return all.length === 4 && areRunning && (await placed('one')).length > 0 ? true : undefined;
  });
  const progress = async () => {
    const node = await kube.find('nodes', 'one');
    return parseStored(drainProgress, node?.metadata?.annotations?.[drainProgressAnnotation]);
  };
  const request = JSON.stringify({ at: new Date().toISOString(), by: 'test' });
  await kube.patch('nodes', { name: 'one' }, { metadata: { annotations: { [drainAnnotation]: request } } });
  const waiting = await until('the budget holds it', async () => {
    const now = await progress();
    return now?.phase === 'WAITING' ? now : undefined;
  });
  expect(waiting.blockers.join()).toMatch(new RegExp(`${namespace}/web-.*budget`, 'i'));
  expect((await kube.find('nodes', 'one'))?.spec?.unschedulable).toBe(true);
  const before = (await pods()).map(({ metadata }) => metadata?.uid);
  expect(before).toHaveLength(4);

  // The leader dies in the midst of it.
  const leader = await until('somebody leads', masterName);
  await machines.get(leader)?.kill();
  await kube.patch('poddisruptionbudgets', { name: 'web', namespace }, { spec: { minAvailable: 3 } });
  await until('it is drained', async () => {
    await makeReady();
    return (await progress())?.phase === 'DRAINED' ? true : undefined;
  });
  expect(await placed('one')).toEqual([]);
  // Nothing is placed on a machine that is away, and it may have been that of the leader.
  await machines.get(leader)?.start(configOf(leader));
  await until('all pods are elsewhere', async () => ((await placed('two')).length === 4 ? true : undefined));
});

test('what is not healthy is restarted with growing rests, and all of it is told', async () => {
  const alive = join(folder, 'alive');
  const host = machines.get('three')?.gateway ?? '';
  await machines.get('three')?.kill();
  const quickCheck = { everyMs: 100, failures: 2 };
  const services: AgentInput['services'] = [
    {
      name: 'file',
      check: { by: 'command', command: ['test', '-e', alive] },
      ...quickCheck,
      restart: { by: 'command', command: ['touch', '--', alive], restMs: 100 },
    },
    {
      name: 'hopeless',
      check: { by: 'tcp', host: '127.0.0.1', port: 1 },
      ...quickCheck,
      restart: { by: 'command', command: ['false'], restMs: 400 },
    },
    { name: 'unknown', check: { by: 'command', command: ['/no/such/program'] }, ...quickCheck },
    { name: 'page', check: { by: 'http', url: `http://${host}:${sickPort}` }, ...quickCheck },
    { name: 'door', check: { by: 'tcp', host, port: sickPort }, ...quickCheck },
    // From its own namespace this host's loopback is nothing.
    { name: 'nowhere', check: { by: 'http', url: `http://127.0.0.1:${sickPort}` }, ...quickCheck },
  ];
  const cleanup: AgentInput['cleanup'] = {
    highPercent: 1,
    lowPercent: 0,
    means: [
      { by: 'command', name: 'broken', command: ['false'] },
      { by: 'command', name: 'sweeper', command: ['echo', 'swept 3 files'] },
    ],
  };
  await machines.get('three')?.start(configOf('three', { services, cleanup }));
  const told = await until('all is told', async () => {
    const report = await reportOf('three');
    const said = report?.record.map(({ subject, what }) => `${subject} ${what}`) ?? [];
    const wanted = [
      'file RESTARTED',
      'file RECOVERED',
      'hopeless RESTART_FAILED',
      'disk CLEANED',
      'unknown UNHEALTHY',
    ];
    return wanted.every((one) => said.includes(one)) ? report : undefined;
  });
  expect(existsSync(alive)).toBe(true);
  expect(told?.services.find(({ name }) => name === 'file')).toMatchObject({ healthy: true, restarts: 1 });
  expect(['page', 'door', 'nowhere'].map((name) => isHealthy(told, name))).toEqual([true, true, false]);
  // Whoever answers is healthy by what it answers.
  sick.status = 500;
  onTestFinished(() => void (sick.status = 200));
  const ill = await until('the page is ill', async () => {
    const report = await reportOf('three');
    return report && isHealthy(report, 'page') === false ? report : undefined;
  });
  expect(ill.services.find(({ name }) => name === 'page')?.message).toMatch(/answers 500: as told$/);
  expect(isHealthy(ill, 'door')).toBe(true);
  sick.status = 204;
  await until('the page is well', async () => isHealthy(await reportOf('three'), 'page') || undefined);
  const tries = await until('it was tried four times', async () => {
    const record = (await reportOf('three'))?.record ?? [];
    const found = record.filter(({ subject, what }) => subject === 'hopeless' && what === 'RESTART_FAILED');
    return found.length >= 4 ? found.map(({ at }) => Date.parse(at)).toReversed() : undefined;
  });
  const rests = [1, 2, 3].map((index) => (tries[index] ?? 0) - (tries[index - 1] ?? 0));
  // At least 400, 800, 1600 ms; a clock's step is finer than that of the record's times.
  expect(rests.map((ms, index) => ms >= 400 * 2 ** index - 5)).toEqual([true, true, true]);
  expect(told?.record.find(({ what }) => what === 'CLEANED')?.why).toMatch(/sweeper: swept 3 files/);
  expect(told?.record.find(({ what }) => what === 'CLEAN_FAILED')?.why).toMatch(/broken/);
  expect(told?.conditions.find(({ type }) => type === 'SERVICES_UNHEALTHY')).toMatchObject({ active: true });
  await until('the machine is unhealthy', async () =>
    (await stateOf('three')) === 'UNHEALTHY' ? true : undefined,
  );
  // What happened is known after a kill, too.
  const count = (await reportOf('three'))?.record.length ?? 0;
  await machines.get('three')?.kill();
  await writeFile(alive, '');
  await machines.get('three')?.start(configOf('three'));
  const after = await until('it reports again', async () => {
    const report = await reportOf('three');
    return report?.services.length === 0 ? report : undefined;
  });
  expect(after.record.length).toBeGreaterThanOrEqual(count);
});

/** A service beside the agent, which is started again whenever it is ended, as a supervisor does. */
function supervise(services: string, host: string): { current: ChildProcess; pids: number[]; stop(): void } {
  const script = join(import.meta.dirname, 'fixtures/service.ts');
  const start = (): ChildProcess => {
    const child = fork(script, [services, 'gateway-1', host]);
    child.once('exit', (_code, signal) => {
      if (signal === 'SIGKILL') held.current = start();
    });
    held.pids.push(child.pid ?? 0);
    return child;
  };
  const held = { pids: [] as number[], stop: () => void held.current.kill() } as ReturnType<typeof supervise>;
  held.current = start();
  return held;
}

test('who hangs is ended, who says that it is not well is not; a supervisor is quoted, and who goes is forgotten', async () => {
  const services = join(folder, 'services');
  const restartsFile = join(folder, 'restarts.json');
  const host = machines.get('three')?.gateway ?? '';
  const bystander = spawn('sleep', ['600']);
  const gateway = supervise(services, host);
  const exporter = { port: 9_100, folder: join(folder, 'exporter') };
  onTestFinished(async () => {
    bystander.kill();
    gateway.stop();
    await stopExporter({ dataDir: folder, agent: { exporter } });
  });
  await once(gateway.current, 'message');
  const noted = { at: new Date().toISOString(), subject: 'console', what: 'RESTARTED', why: 'it hung' };
  await writeFile(restartsFile, JSON.stringify([noted]));
  sick.status = 503;
  onTestFinished(() => void (sick.status = 200));
  const identity = await identityOf(bystander.pid ?? 0);
  await machines.get('three')?.kill();
  await machines.get('three')?.start(
    configOf('three', {
      servicesFolder: services,
      restartsFile,
      exporter,
      services: [
        {
          name: 'unwell',
          check: { by: 'http', url: `http://${host}:${sickPort}` },
          everyMs: 100,
          restart: { by: 'end', process: identity },
        },
      ],
    }),
  );
  await until(
    'the gateway is looked after',
    async () => isHealthy(await reportOf('three'), 'gateway-1') || undefined,
  );
  gateway.current.kill('SIGSTOP');
  const back = await until('it is back', async () => {
    const report = await reportOf('three');
    const said = report?.record.filter(({ subject }) => subject === 'gateway-1') ?? [];
    return report && said[0]?.what === 'RECOVERED' ? { ...report, said } : undefined;
  });
  expect(back.said.map(({ what }) => what)).toEqual(['RECOVERED', 'RESTARTED', 'UNHEALTHY']);
  expect(back.said[1]?.why).toMatch(/does not answer/);
  expect(gateway.pids).toHaveLength(2);
  expect(back.services.find(({ name }) => name === 'gateway-1')).toMatchObject({
    healthy: true,
    restarts: 1,
  });
  expect(back.services.find(({ name }) => name === 'unwell')).toMatchObject({ healthy: false, restarts: 0 });
  expect(bystander.signalCode).toBeNull();
  expect(back.record).toContainEqual(noted);
  expect(back.exporterUrl).toBe('http://127.0.0.1:9100/metrics');
  gateway.stop();
  await until('it is forgotten', async () =>
    isHealthy(await reportOf('three'), 'gateway-1') === undefined ? true : undefined,
  );
});

test('a report or request that nobody can read does no harm', async () => {
  const { kube } = cluster;
  const broken = { [drainAnnotation]: '{"at": 5' };
  await kube.patch('nodes', { name: 'two' }, { metadata: { annotations: broken } });
  await kube.patch(
    'configmaps',
    { name: agentObjectName('three'), namespace: systemNamespace },
    { metadata: { annotations: { [verdictAnnotation]: 'nonsense' } } },
  );
  await until('the master says it anew', async () =>
    (await stateOf('three')) === 'ONLINE' ? true : undefined,
  );
  expect((await kube.find('nodes', 'two'))?.spec?.unschedulable).toBeFalsy();
  await kube.patch('nodes', { name: 'two' }, { metadata: { annotations: { [drainAnnotation]: null } } });
});
