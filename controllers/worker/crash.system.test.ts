import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { newId, topics } from '@skyarc/lib/contracts';
import { createLogger } from '@skyarc/lib/log';
import { createOperation } from '@skyarc/prisma/datacenter';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AppLocks } from './app-locks.ts';
import { AppWatch } from './app-watch.ts';
import { workerConfigSchema } from './config.ts';
import type { WorkerContext } from './context.ts';
import { WorkerController } from './controller.ts';
import { type CrashPlan, CrashPoint } from './fixtures/crash.ts';
import { namespace, World } from './fixtures/world.ts';
import { TlsKeeper } from './tls/tls-keeper.ts';

let world: World;
let watch: AppWatch;
const log = createLogger('crash');

beforeAll(async () => {
  world = await World.open({
    instance: 'hehc',
    basePort: 20_600,
    podCidr: '10.79.0.0/17',
    serviceCidr: '10.79.128.0/17',
  });
  // Whoever else writes would make the count of writes a matter of chance; volumes are there by then.
  await prepare();
  await world.stopWorker();
  watch = new AppWatch(world.kube, log);
  watch.start();
});
afterAll(async () => {
  await watch?.stop();
  await world?.close();
});

const name = 'mortal';
const serve =
  'require("http").createServer((q,r)=>r.end("x")).listen(process.env.PORT,"0.0.0.0");process.once("SIGTERM",()=>process.exit())';
let app: string;
let states: readonly { readonly version: string; readonly greeting: string; readonly port: number }[];

test(
  'a worker that ends before or after any write of an upgrade leaves what an undisturbed one leaves',
  {
    timeout: 600_000,
    retry: 0,
  },
  async () => {
    // The way there and the way back, so that every round also is the preparation of the next one.
    const undisturbed: Run[] = [];
    for (const to of [1, 0, 1, 0]) undisturbed.push(await upgrade(to, { at: 0, when: 'after' }));
    const [there, back, ...again] = undisturbed as [Run, Run, Run, Run];
    expect(again.map(({ writes }) => writes)).toEqual([there, back].map(({ writes }) => writes));
    expect(again.map(({ dump }) => dump)).toEqual([there, back].map(({ dump }) => dump));
    expect(there.writes.length).toBeGreaterThan(15);

    // Before each write on the way there, after each on the way back.
    expect(back.writes.map(kindOf)).toEqual(there.writes.map(kindOf));
    for (const [index, write] of there.writes.entries()) {
      for (const [to, whole, when] of [
        [1, there, 'before'],
        [0, back, 'after'],
      ] as const) {
        const about = `ended ${when} write ${index + 1}: ${write}`;
        const run = await upgrade(to, { at: index + 1, when });
        expect(run.crashed, about).toBe(true);
        expect(run.dump, about).toEqual(whole.dump);
      }
    }
  },
);

test(
  'a worker that ends before or after a write of a resize leaves the resources that were asked for, and nothing paused',
  {
    timeout: 300_000,
  },
  async () => {
    const [up, down] = [550, 500];
    const there = await resized(up, { at: 0, when: 'after' });
    const back = await resized(down, { at: 0, when: 'after' });
    const own = there.writes.flatMap((write, index) =>
      /^patch (pods|replicasets|deployments) /.test(write) ? [{ write, at: index + 1 }] : [],
    );
    expect(own.map(({ write }) => write.split(' ')[1])).toEqual([
      'pods',
      'pods',
      'deployments',
      'replicasets',
      'deployments',
    ]);
    for (const { write, at } of own) {
      for (const [to, whole, when] of [
        [up, there, 'before'],
        [down, back, 'after'],
      ] as const) {
        const run = await resized(to, { at, when });
        expect(run.crashed, `${when} ${write}`).toBe(true);
        expect(run.dump, `${when} ${write}`).toEqual(whole.dump);
      }
    }
  },
);

test(
  'a worker that ends before or after a write of a resize of a stateful app leaves what was asked for, able to roll',
  {
    timeout: 300_000,
  },
  async () => {
    const steady = `steady-${randomInt(1e6)}`;
    const id = await world.newApp(steady, serve, { workload: 'STATEFUL', cpuMillis: 500 });
    await world.db.port.create({ data: { appId: id, port: 8_003 } });
    const versionId = await world.newVersion(id, 1);
    const of = { id, name: steady };
    await carryOut({ kind: 'UPGRADE', versionId }, { at: 0, when: 'after' }, of);
    const [up, down] = [550, 500];
    const there = await resized(up, { at: 0, when: 'after' }, of);
    const back = await resized(down, { at: 0, when: 'after' }, of);
    const own = there.writes.flatMap((write, index) =>
      /^patch (pods|statefulsets) /.test(write) ? [{ write, at: index + 1 }] : [],
    );
    expect(own.map(({ write }) => write.split(' ')[1])).toEqual([
      'pods',
      'statefulsets',
      'pods',
      'statefulsets',
    ]);
    for (const [index, { write, at }] of own.entries()) {
      // Each write once: before the even ones, after the odd ones.
      const [to, whole, when] =
        index % 2 === 0 ? ([up, there, 'before'] as const) : ([down, back, 'after'] as const);
      const run = await resized(to, { at, when }, of);
      expect(run.crashed, `${when} ${write}`).toBe(true);
      expect(run.dump, `${when} ${write}`).toEqual(whole.dump);
    }
  },
);

test(
  'a process that is killed at a write is followed by another, which ends the operation the same',
  {
    timeout: 300_000,
  },
  async () => {
    const whole = [await upgrade(1, { at: 0, when: 'after' }), await upgrade(0, { at: 0, when: 'after' })];
    const [there, back] = whole as [Run, Run];
    for (const [round, at] of [7, 12, 17, 22].entries()) {
      const to = (round + 1) % 2;
      await settings(to);
      const child = await world.forkWorker({}, { at, when: round < 2 ? 'before' : 'after' });
      const operation = await world.begin(app, 'UPGRADE', { versionId: states[to]?.version });
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      expect(child.signalCode).toBe('SIGKILL');
      const next = await world.forkWorker();
      expect(await world.ended(operation.id)).toMatchObject({ status: 'SUCCEEDED' });
      expect(await dumpOf(operation.id)).toEqual((to === 1 ? there : back).dump);
      next.kill('SIGKILL');
      await once(next, 'exit');
    }
  },
);

test(
  'an operation whose worker was killed, and that nobody takes up in time, is ended by the next one and frees its app',
  {
    timeout: 300_000,
  },
  async () => {
    const { db } = world;
    await settings(1);
    const child = await world.forkWorker({}, { at: 7, when: 'before' });
    const { id } = await world.begin(app, 'UPGRADE', { versionId: states[1]?.version });
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    expect(child.signalCode).toBe('SIGKILL');
    const left = await db.operation.findUniqueOrThrow({ where: { id }, include: { steps: true } });
    expect(left).toMatchObject({ status: 'RUNNING', finishedAt: null });
    expect(left.steps.map(({ status }) => status)).toContain('RUNNING');
    // Its time passes while no worker is there.
    await db.operation.update({ where: { id }, data: { deadlineAt: new Date(Date.now() - 60_000) } });
    const next = await world.forkWorker();
    expect(await world.ended(id)).toMatchObject({ status: 'TIMED_OUT', finishedAt: expect.any(Date) });
    const ended = await db.operation.findUniqueOrThrow({ where: { id }, include: { steps: true } });
    expect(ended.message).toMatch(/time/);
    for (const { name: step, status } of ended.steps)
      expect(['SUCCEEDED', 'TIMED_OUT', 'CANCELED'], step).toContain(status);
    expect(await db.app.findUnique({ where: { id: app } })).toMatchObject({ activeOperationId: null });
    await settings(0);
    const after = await world.act(app, 'UPGRADE', { versionId: states[0]?.version });
    expect(after).toMatchObject({ status: 'SUCCEEDED' });
    // The task of the first one came back to somebody meanwhile: what is final stays.
    expect(await world.ended(id)).toMatchObject({ status: 'TIMED_OUT' });
    next.kill('SIGKILL');
    await once(next, 'exit');
  },
);

test('an operation that no queue knows of, and one that the queue gave up, have a final state', async () => {
  const { db, mq } = world;
  const worker = await world.forkWorker();
  const open = async () => createOperation(db, { app: { id: app }, kind: 'RESTART', actor: 'test' });
  const lost = await open();
  await db.outbox.deleteMany({ where: { body: { contains: lost.id } } });
  await db.operation.update({ where: { id: lost.id }, data: { deadlineAt: new Date(Date.now() - 60_000) } });
  expect(await world.ended(lost.id)).toMatchObject({
    status: 'TIMED_OUT',
    message: 'The operation did not end within its time',
  });
  const given = await open();
  await db.outbox.deleteMany({ where: { body: { contains: given.id } } });
  const body = { operationId: given.id, appId: app, team: 'blue' };
  await mq.publish({ topic: `${topics.runtime}.dead`, messageId: given.id, key: app, body });
  expect(await world.ended(given.id)).toMatchObject({
    status: 'FAILED',
    message: expect.stringContaining('could not be carried out'),
  });
  expect(await db.app.findUnique({ where: { id: app } })).toMatchObject({ activeOperationId: null });
  worker.kill('SIGKILL');
  await once(worker, 'exit');
});

/** Without the digest in a Secret's name. */
function kindOf(write: string): string {
  return write.replace(/-[0-9a-f]{12}$/, '');
}

interface Subject {
  readonly id: string;
  readonly name: string;
}

interface Run {
  readonly writes: readonly string[];
  readonly crashed: boolean;
  readonly dump: object;
}

async function prepare(): Promise<void> {
  app = await world.newApp(name, serve, { cpuMillis: 500 });
  states = [
    { version: await world.newVersion(app, 1), greeting: 'one', port: 8_001 },
    { version: await world.newVersion(app, 2), greeting: 'two', port: 8_002 },
  ];
  for (const [kind, mountPath] of [
    ['SHARED', '/data'],
    ['CONFIG_FILE', '/etc/mortal'],
  ] as const) {
    const id = newId('local', 'volume');
    const content = kind === 'CONFIG_FILE' ? world.secretBox.seal('${GREETING}', `volume:${id}`) : null;
    await world.db.volume.create({
      data: { id, appId: app, name: kind.toLowerCase().replace('_', '-'), kind, mountPath, content },
    });
  }
  await settings(0);
  const { status } = await world.act(app, 'UPGRADE', { versionId: states[0]?.version });
  expect(status).toBe('SUCCEEDED');
}

/** What the record says for a state: another variable, another file, another port, another address. */
async function settings(to: number): Promise<void> {
  const { greeting, port } = states[to] as (typeof states)[number];
  const value = world.secretBox.seal(greeting, `env:${app}:GREETING`);
  await world.db.envVar.upsert({
    where: { appId_name: { appId: app, name: 'GREETING' } },
    create: { appId: app, name: 'GREETING', value },
    update: { value },
  });
  await world.db.port.deleteMany({ where: { appId: app } });
  await world.db.port.create({ data: { appId: app, port } });
}

async function upgrade(to: number, plan: CrashPlan): Promise<Run> {
  await settings(to);
  return carryOut({ kind: 'UPGRADE', versionId: states[to]?.version }, plan);
}

/** Gives the app another bound of cpu and nothing else. */
async function resized(to: number, plan: CrashPlan, of: Subject = { id: app, name }): Promise<Run> {
  await world.db.app.update({ where: { id: of.id }, data: { cpuMillis: to } });
  const run = await carryOut({ kind: 'CONFIGURE' }, plan, of);
  return { ...run, dump: { ...run.dump, operation: undefined } };
}

async function carryOut(
  wanted: Pick<Parameters<typeof createOperation>[1], 'kind' | 'versionId'>,
  plan: CrashPlan,
  of: Subject = { id: app, name },
): Promise<Run> {
  const { db, kube } = world;
  const operation = await createOperation(db, { app: { id: of.id }, actor: 'test', ...wanted });
  const task = {
    body: { operationId: operation.id, appId: of.id, team: 'blue' },
    signal: AbortSignal.timeout(240_000),
  };
  const crash = new CrashPoint(plan);
  const mortal = controllerOf({ db: crash.database(db), kube: crash.kube(kube) });
  await mortal.handle({ ...task, attempt: 1 }, task.signal).catch((error: unknown) => {
    if (!crash.isDead) throw error;
  });
  // The queue hands the task out again, if it was done or not: nobody acknowledged it.
  await controllerOf({ db, kube }).handle({ ...task, attempt: 2 }, task.signal);
  return { writes: crash.writes, crashed: crash.isDead, dump: await dumpOf(operation.id, of) };
}

function controllerOf({ db, kube }: Pick<WorkerContext, 'db' | 'kube'>): WorkerController {
  const base = {
    config: workerConfigSchema.parse(world.config),
    db,
    kube,
    secretBox: world.secretBox,
    sink: { say: () => undefined, notify: () => undefined },
    watch,
    renderOptions: {
      domain: 'skyarc.localhost',
      pullRegistry: world.config.pullRegistry,
      ingressClass: 'skyarc',
      hasSleepAction: true,
      hasSidecars: true,
      storage: { shared: 'skyarc-shared', local: 'skyarc-local' },
      podCidrs: ['10.79.0.0/17'],
    },
    log,
  };
  return new WorkerController({ ...base, tls: new TlsKeeper(base) }, world.eventlog, new AppLocks());
}

const kinds = [
  'serviceaccounts',
  'secrets',
  'persistentvolumeclaims',
  'services',
  'deployments',
  'networkpolicies',
  'poddisruptionbudgets',
  'horizontalpodautoscalers',
  'ingresses',
] as const;

/** Everything of the app in the cluster and in the database, without what must differ: ids, times, counters. */
async function dumpOf(operationId: string, of: Subject = { id: app, name }): Promise<object> {
  const { db, kube } = world;
  const objects = await Promise.all(
    kinds.map(async (kind) => {
      const { items } = await kube.list(kind, { namespace });
      return items.map((object) => normalize({ ...object, status: undefined }));
    }),
  );
  const pods = (await world.pods(of.name)).map(({ metadata, spec }) => [metadata?.labels, spec?.containers]);
  const operation = await db.operation.findUnique({ where: { id: operationId }, include: { steps: true } });
  const record = await db.app.findUnique({ where: { id: of.id } });
  return {
    objects: objects.flat(),
    pods: normalize(pods),
    operation: [operation?.status, operation?.message],
    steps: operation?.steps.map((step) => [step.name, step.status, step.message?.replace(/, .*/, '')]),
    app: [record?.desired, record?.currentVersionId, record?.activeOperationId],
    deployed: (await db.version.findMany({ where: { appId: of.id } })).map(
      ({ deployedAt }) => deployedAt !== null,
    ),
  };
}

const volatile = new Set([
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deployment.kubernetes.io/revision',
  'pod-template-hash',
]);

function normalize(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normalize);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => !volatile.has(key));
  return Object.fromEntries(
    entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, one]) => [key, normalize(one)]),
  );
}
