import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuiltLayer } from '@skyarc/lib/contracts';
import { run } from '@skyarc/lib/process';
import { pollUntil } from '@skyarc/lib/retry';
import { requestCancel } from '@skyarc/prisma/datacenter';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BuildNodes } from '../testkit/build-nodes.ts';
import { type GitServer, startGitServer } from '../testkit/git-server.ts';

const instance = 'nodestest';
let world: BuildNodes;
let git: GitServer;
beforeAll(async () => {
  [world, git] = await Promise.all([BuildNodes.open(instance, 21_000), startGitServer()]);
  await Promise.all([world.start('one', { slots: 1 }), world.start('two', { slots: 1 })]);
}, 300_000);
afterAll(async () => {
  await git?.stop();
  await world?.close();
});

let count = 0;

/** An app whose build script is the given program, and which needs the packages of the sample when asked. */
async function appThat(build: string, { team = 'blue', withPackages = false } = {}) {
  const name = `nodes-${(count += 1)}`;
  const sample = join(import.meta.dirname, '../../samples/node-express-like');
  const pkg = JSON.parse(await readFile(join(sample, 'package.json'), 'utf8')) as { dependencies: object };
  const scripts = { build: 'node build.js', start: 'node build.js' };
  const lock = { 'package-lock.json': await readFile(join(sample, 'package-lock.json'), 'utf8') };
  const repository = await git.create(name, {
    'package.json': JSON.stringify(withPackages ? { ...pkg, scripts } : { scripts }),
    ...(withPackages ? lock : {}),
    'build.js': build,
  });
  return world.newApp({ kind: 'GIT', url: repository.url, branch: 'main' }, team);
}

const holds = (seconds: number) => `console.log('at work'); setTimeout(() => {}, ${seconds * 1_000})`;
const quick = 'console.log(process.version)';

/** Nothing that a build makes is left on the machine. */
async function expectClean(): Promise<void> {
  await pollUntil(
    async () => {
      const mounts = await readFile('/proc/self/mounts', 'utf8');
      const networks = await readdir('/run/netns').catch(() => []);
      const { stdout } = await run('ps', ['-eo', 'args']);
      const left = [mounts, ...networks, stdout.replaceAll(/.*build-node-process.*/g, '')].join('\n');
      return !new RegExp(`${instance}-chaos-(one|two)-`).test(left) || undefined;
    },
    { timeoutMs: 30_000, onTimeout: () => new Error('A build left something behind') },
  );
}

test('of two builders one is killed in the middle of a build: the other one ends it', async () => {
  const operation = await world.deploy(await appThat(holds(4)));
  await world.says(operation, 'at work');
  const { claimedBy } = await world.buildOf(operation.buildId);
  const dying = claimedBy?.startsWith(`${instance}-one-`) ? 'one' : 'two';
  await world.node(dying).kill();
  const build = await world.ended(operation);
  expect(build).toMatchObject({ status: 'SUCCEEDED', message: null });
  expect(await world.db.version.count({ where: { buildId: build.id } })).toBe(1);
  expect(await world.logOf(operation)).toContain('The builder that began with it has died');
  expect(build.version?.image).toMatch(/@sha256:/);
  // It comes back, and clears away what it had left.
  await world.start(dying, { slots: 1 });
  await expectClean();
});

test('two builds of one app follow each other, on whichever builder', async () => {
  const app = await appThat(holds(1));
  const first = await world.deploy(app);
  await expect(world.deploy(app)).rejects.toMatchObject({ code: 'CONFLICT' });
  // As if the first one had been given up by its operation, but not yet by its builder.
  await world.db.app.update({ where: { id: app.id }, data: { activeOperationId: null } });
  const second = await world.deploy(app, { noCache: true });
  const builds = [await world.ended(first), await world.ended(second)];
  expect(builds.map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED']);
  expect(builds[1]?.version?.image).toBe(builds[0]?.version?.image);
  expect(Number(builds[1]?.startedAt)).toBeGreaterThanOrEqual(Number(builds[0]?.finishedAt));
});

test('a newer push ends the build of the older one, and a cancel ends one that only waits', async () => {
  const [old, other] = await Promise.all([appThat(holds(60)), appThat(holds(60))]);
  const running = [await world.deploy(old), await world.deploy(other)];
  for (const operation of running) await world.says(operation, 'at work');
  const waiting = await world.deploy(await appThat(quick));
  expect(await requestCancel(world.db, waiting.id)).toBe(true);
  expect((await world.buildOf(waiting.buildId)).status).toBe('CANCELED');
  expect(await world.db.app.findUnique({ where: { id: waiting.appId } })).toMatchObject({
    activeOperationId: null,
  });
  for (const { id } of running) await requestCancel(world.db, id, 'Superseded by a newer push');
  for (const operation of running)
    expect(await world.ended(operation)).toMatchObject({
      status: 'CANCELED',
      message: 'Superseded by a newer push',
    });
  await expectClean();
  await world.db.app.update({
    where: { id: old.id },
    data: { source: JSON.stringify({ kind: 'TEMPLATE', template: 'hello-static' }) },
  });
  expect(await world.ended(await world.deploy(old))).toMatchObject({ status: 'SUCCEEDED' });
});

test('a team that queues many builds makes nobody else wait for all of them', async () => {
  await world.node('two').stop();
  const blocker = await world.deploy(await appThat(holds(3), { team: 'green' }));
  await world.says(blocker, 'at work');
  const reds = await Promise.all(Array.from({ length: 4 }, () => appThat(quick, { team: 'red' })));
  const queued = [];
  for (const app of reds) queued.push(await world.deploy(app));
  const late = await world.deploy(await appThat(quick, { team: 'blue' }));
  const builds = await Promise.all([...queued, late].map((operation) => world.ended(operation)));
  expect(builds.every(({ status }) => status === 'SUCCEEDED')).toBe(true);
  const order = builds
    .toSorted((a, b) => Number(a.startedAt) - Number(b.startedAt))
    .map(({ id }) => builds.findIndex((build) => build.id === id));
  // The first of the red ones, or the blue one, and then the other: the rest of the red ones in their order.
  expect(new Set(order.slice(0, 2))).toEqual(new Set([0, 4]));
  expect(order.slice(2)).toEqual([1, 2, 3]);
});

test('a builder that is killed takes up again what it had finished: packages are installed once', async () => {
  const app = await appThat(holds(5), { withPackages: true });
  const operation = await world.deploy(app, { noCache: true });
  await world.says(operation, 'at work');
  await world.node('one').kill();
  await world.start('one', { slots: 1 });
  const build = await world.ended(operation);
  expect(build).toMatchObject({ status: 'SUCCEEDED', message: null });
  const log = await world.logOf(operation);
  expect(log).toContain('what it finished here is used');
  expect(log.match(/\$ npm ci/g)).toHaveLength(1);
  expect(log.match(/\$ npm run build/g)).toHaveLength(2);
  const layers = JSON.parse(build.layers ?? '[]') as BuiltLayer[];
  expect(layers.map(({ kind, isFromCache }) => [kind, isFromCache])).toEqual([
    ['BASE', true],
    ['RUNTIME', true],
    ['DEPENDENCIES', true],
    ['APP', false],
  ]);
  await expectClean();
});
