import { pollUntil, sleep } from '@skyarc/lib/retry';
import type { SkyarcClient } from '@skyarc/sdk';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { nodeApp } from '../testkit/fixture-app.ts';
import { type GitRepository, type GitServer, startGitServer } from '../testkit/git-server.ts';
import { Installation } from '../testkit/installation.ts';
import { startLoad } from '../testkit/load.ts';
import { ask, finish, loginAsOwner, untilAnswers } from '../testkit/session.ts';

const world = inject('world');
const host = `8080.shop.${world.team}.${world.domain}`;
let git: GitServer;
let repository: GitRepository;
let skyarc: SkyarcClient;
let appId: string;

beforeAll(async () => {
  git = await startGitServer();
  repository = await git.create('shop', nodeApp('v1'));
  skyarc = await loginAsOwner(world);
});
afterAll(async () => {
  await skyarc.dispose();
  await git.stop();
});

const create = (name = 'shop') =>
  skyarc.apps.create({
    groupId: world.groupId,
    name,
    source: { git: { url: repository.url, branch: 'main' } },
    run: { memoryMb: 128, cpuMillis: 250 },
  });

test('a repository on loopback is refused until an administrator allows private sources', async () => {
  await skyarc.platform.updateDataCenter('local', { allowPrivateSources: false });
  const { operation, app } = await create('refused');
  const ended = await skyarc.operations.wait(operation!.id);
  expect(ended.status).toBe('FAILED');
  expect(ended.message).toMatch(/private|loopback/i);
  await finish(skyarc, (await skyarc.apps.delete(app.id)).id);
  await skyarc.platform.updateDataCenter('local', { allowPrivateSources: true });
});

test('a Git URL becomes a running app with a live build log', async () => {
  const { app, operation } = await create();
  appId = app.id;
  const [build] = await skyarc.apps.builds(appId);
  const lines: string[] = [];
  const following = (async () => {
    for await (const line of skyarc.logs.follow({ kind: 'BUILD', id: build!.id })) lines.push(line.text);
  })();
  const steps: string[] = [];
  const ended = await skyarc.operations.wait(operation!.id, {
    onStep: ({ name, status }) => steps.push(`${name} ${status}`),
  });
  expect(ended.message ?? '').not.toMatch(/wrong/);
  expect(ended.status).toBe('SUCCEEDED');
  await following;
  expect(lines.length).toBeGreaterThan(3);
  expect(steps).toEqual(expect.arrayContaining(['FETCH SUCCEEDED', 'BUILD SUCCEEDED', 'ROLL_OUT SUCCEEDED']));
  const running = await skyarc.apps.get(appId);
  expect(running.state).toBe('RUNNING');
  expect(running.ports[0]?.url).toMatch(new RegExp(`^http://${host.replaceAll('.', '\\.')}`));
  await untilAnswers(world, host, 'v1');
});

test('what the app writes to its standard output is there live', async () => {
  const ending = new AbortController();
  const marker = `/marker-${Date.now()}`;
  const seen = (async () => {
    for await (const line of skyarc.logs.follow(
      { kind: 'APP', id: appId },
      { tail: 100, signal: ending.signal },
    )) {
      if (line.text === `asked ${marker}`) return Date.now();
    }
    return 0;
  })();
  await sleep(300);
  await ask(world, host, marker);
  expect(await Promise.race([seen, sleep(5000).then(() => 0)])).toBeGreaterThan(0);
  ending.abort();
});

test('a new commit takes over without one failed request, and rolling back returns', async () => {
  await repository.push('Second version', nodeApp('v2'));
  const load = startLoad({ gateway: world.gatewayUrl, host, perSecond: 100 });
  await finish(skyarc, (await skyarc.apps.deploy(appId)).id);
  await untilAnswers(world, host, 'v2');
  await sleep(5000);
  const versions = await skyarc.apps.versions(appId);
  expect(versions.map(({ number }) => number)).toEqual([2, 1]);
  await finish(skyarc, (await skyarc.apps.rollback(appId, versions[1]!.id)).id);
  await untilAnswers(world, host, 'v1');
  await sleep(5000);
  const report = await load.stop();
  expect(report.failures).toEqual([]);
  expect(new Set([...report.answers.keys()].map((answer) => answer.split(' ')[0]))).toEqual(
    new Set(['v1', 'v2']),
  );
  expect((await skyarc.apps.get(appId)).currentVersion?.number).toBe(1);
});

test('three pods share the requests', async () => {
  await finish(skyarc, (await skyarc.apps.scale(appId, 3)).id);
  const load = startLoad({ gateway: world.gatewayUrl, host, perSecond: 100 });
  await sleep(3000);
  const { answers, failures, sent } = await load.stop();
  expect(failures).toEqual([]);
  expect(answers.size).toBe(3);
  for (const count of answers.values()) expect(count).toBeGreaterThan(sent / 6);
});

test('kill -9 of every Node process does not stop traffic, and a new start finds everything as it was', async () => {
  const before = await skyarc.apps.get(appId);
  const installation = new Installation(inject('installation'));
  const load = startLoad({ gateway: world.gatewayUrl, host, perSecond: 100 });
  expect(await installation.kill(await installation.nodePids())).toBeGreaterThanOrEqual(4);
  await sleep(3000);
  expect(await installation.nodePids()).toEqual([]);
  await installation.start();
  await sleep(2000);
  const report = await load.stop();
  expect(report.failures).toEqual([]);
  expect(report.answers.size).toBe(3);
  const after = await pollUntil(
    async () => {
      const app = await skyarc.apps.get(appId);
      return app.state === 'RUNNING' && app.readyReplicas === 3 ? app : undefined;
    },
    { timeoutMs: 30_000, onTimeout: () => new Error('the app is not as it was') },
  );
  expect(after.pods.map(({ name, restarts }) => `${name} ${restarts}`).toSorted()).toEqual(
    before.pods.map(({ name, restarts }) => `${name} ${restarts}`).toSorted(),
  );
  const { lines } = await skyarc.logs.read({ kind: 'APP', id: appId }, { contains: 'marker-' });
  expect(lines.length).toBe(1);
});

test('a build that was interrupted by kill -9 ends with a clear state', async () => {
  await repository.push('Third version', nodeApp('v3'));
  const { id } = await skyarc.apps.deploy(appId);
  const installation = new Installation(inject('installation'));
  await sleep(700);
  await installation.kill(await installation.nodePids());
  await installation.start();
  const ended = await skyarc.operations.wait(id, { signal: AbortSignal.timeout(180_000) });
  expect(ended.status, ended.message ?? '').toBe('SUCCEEDED');
  await untilAnswers(world, host, 'v3');
});

test('stop and start keep the app, delete removes it', async () => {
  await finish(skyarc, (await skyarc.apps.stop(appId)).id);
  expect((await skyarc.apps.get(appId)).state).toBe('STOPPED');
  expect((await ask(world, host)).status).toBe(503);
  await finish(skyarc, (await skyarc.apps.start(appId)).id);
  await untilAnswers(world, host, 'v3');
  const { id } = await skyarc.apps.delete(appId);
  await finish(skyarc, id);
  await expect(skyarc.apps.get(appId)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect((await ask(world, host)).status).toBe(404);
});
