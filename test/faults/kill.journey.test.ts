import { sleep } from '@skyarc/lib/retry';
import type { SkyarcClient } from '@skyarc/sdk';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { nodeApp } from '../testkit/fixture-app.ts';
import { type GitRepository, type GitServer, startGitServer } from '../testkit/git-server.ts';
import { Installation } from '../testkit/installation.ts';
import { startLoad } from '../testkit/load.ts';
import { finish, loginAsOwner, untilAnswers, untilReachable } from '../testkit/session.ts';

const world = inject('world');
const installation = new Installation(inject('installation'));
const host = `8080.killed.${world.team}.${world.domain}`;
let git: GitServer;
let repository: GitRepository;
let skyarc: SkyarcClient;
let appId: string;
let version = 0;

beforeAll(async () => {
  git = await startGitServer();
  skyarc = await loginAsOwner(world);
  repository = await git.create('killed', nodeApp('v0'));
  const { app, operation } = await skyarc.apps.create({
    groupId: world.groupId,
    name: 'killed',
    source: { git: { url: repository.url, branch: 'main' } },
    run: { memoryMb: 128 },
  });
  appId = app.id;
  await finish(skyarc, operation!.id);
});
afterAll(async () => {
  await untilReachable(skyarc);
  await finish(skyarc, (await skyarc.apps.delete(appId)).id);
  await skyarc.dispose();
  await git.stop();
});

/** Pushes a new version, deploys it, and runs the fault when the step begins (and a bit later, when asked). */
async function deployWithFault(step: string, delayMs: number, fault: () => Promise<unknown>) {
  version += 1;
  await repository.push(`Version ${version}`, nodeApp(`v${version}`));
  await untilReachable(skyarc);
  const { id } = await skyarc.apps.deploy(appId);
  const ending = new AbortController();
  for await (const { steps, status } of skyarc.operations.watch(id, { signal: ending.signal })) {
    const isReached = steps.some((one) => one.name === step && one.status !== 'QUEUED');
    if (isReached || status === 'SUCCEEDED') break;
  }
  ending.abort();
  await sleep(delayMs);
  await fault();
  return id;
}

/** Points of a deploy, as the step that has begun, the wait after it in ms, and who is killed. */
const points: readonly (readonly [step: string, delayMs: number, victim: string])[] = [
  ['FETCH', 0, 'datacenter'],
  ['DETECT', 0, 'datacenter'],
  ['BUILD', 0, 'datacenter'],
  ['BUILD', 400, 'datacenter'],
  ['PUBLISH', 0, 'datacenter'],
  ['APPLY', 0, 'datacenter'],
  ['ROLL_OUT', 0, 'datacenter'],
  ['ROLL_OUT', 500, 'cluster'],
  ['ROLL_OUT', 1500, 'datacenter'],
  ['BUILD', 200, 'console'],
];

test.each(points)(
  'kill -9 when %s began %i ms ago, of %s: the deploy succeeds, no request fails',
  async (...point) => {
    const [step, delayMs, victim] = point;
    const load = startLoad({ gateway: world.gatewayUrl, host, perSecond: 50 });
    const id = await deployWithFault(step, delayMs, async () => {
      expect(await installation.kill(await installation.nodePids(victim))).toBe(1);
    });
    const ended = await skyarc.operations.wait(id, { signal: AbortSignal.timeout(180_000) });
    expect(ended.status, ended.message ?? '').toBe('SUCCEEDED');
    await untilAnswers(world, host, `v${version}`);
    expect((await load.stop()).failures).toEqual([]);
  },
);

test.each(['etcd', 'docker-registry'])(
  'a deploy survives that %s is killed in its middle',
  async (engine) => {
    const load = startLoad({ gateway: world.gatewayUrl, host, perSecond: 50 });
    const id = await deployWithFault('BUILD', 100, async () => {
      expect(await installation.kill(await installation.enginePids(engine))).toBeGreaterThan(0);
    });
    const ended = await skyarc.operations.wait(id, { signal: AbortSignal.timeout(240_000) });
    expect(ended.status, ended.message ?? '').toBe('SUCCEEDED');
    await untilAnswers(world, host, `v${version}`);
    expect((await load.stop()).failures).toEqual([]);
  },
);

test('cancel in the middle of a build ends it and leaves the app as it was', async () => {
  const before = version;
  version += 1;
  const slow = {
    'package.json': JSON.stringify({ name: 'x', scripts: { start: 'node server.js', build: 'sleep 60' } }),
  };
  await untilReachable(skyarc);
  await repository.push('Slow', { ...nodeApp(`v${version}`), ...slow });
  const { id } = await skyarc.apps.deploy(appId);
  await sleep(2500);
  await skyarc.operations.cancel(id);
  expect((await skyarc.operations.wait(id)).status).toBe('CANCELED');
  await untilAnswers(world, host, `v${before}`);
  expect((await skyarc.apps.get(appId)).state).toBe('RUNNING');
});
