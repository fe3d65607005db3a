import { pollUntil, sleep } from '@skyarc/lib/retry';
import { createClient, type SkyarcClient } from '@skyarc/sdk';
import { nodeApp } from '../testkit/fixture-app.ts';
import { type GitRepository, startGitServer } from '../testkit/git-server.ts';
import { Installation } from '../testkit/installation.ts';
import type { World } from '../testkit/journey-setup.ts';
import { startLoad } from '../testkit/load.ts';
import { ask, finish, untilAnswers } from '../testkit/session.ts';
import { memoryByPart } from './memory.ts';
import { atMost, percentile, type Row } from './row.ts';

/** With base and runtimes of its own, as a fresh machine has to make them. */
const env = { SKYARC_LAYERS_FOLDER: '/var/lib/skyarcb/chaos/layers' };
const place = { instance: 'skyarcb', portOffset: 11_000, network: 160, env };
const team = 'bench';
const host = `8080.shop.${team}.skyarc.localhost`;
/** One real dependency, so that a cold build installs and a warm one does not. */
const withDependency = {
  'package.json': JSON.stringify({
    name: 'shop',
    version: '1.0.0',
    private: true,
    scripts: { start: 'node server.js' },
    dependencies: { ms: '2.1.3' },
  }),
  'package-lock.json': JSON.stringify({
    name: 'shop',
    version: '1.0.0',
    lockfileVersion: 3,
    requires: true,
    packages: {
      '': { name: 'shop', version: '1.0.0', dependencies: { ms: '2.1.3' } },
      'node_modules/ms': { version: '2.1.3', license: 'MIT' },
    },
  }),
};

/** Everything the first issue asks to be measured, in the order of a user's first hour. */
export async function measureInstallation(): Promise<Row[]> {
  const installation = new Installation(place);
  const git = await startGitServer();
  await installation.purge();
  const rows: Row[] = [];
  try {
    rows.push(
      atMost(
        'first start to console, packages installed',
        await seconds(() => installation.start()),
        120,
        's',
      ),
    );
    rows.push(
      atMost(
        'from there until builds may begin (base image made of Debian packages)',
        await seconds(() => untilBuildsBegin()),
        110,
        's',
      ),
    );
    const { client, world } = await claim(installation);
    rows.push(
      ...(await measureDeploys(client, world, await git.create('shop', nodeApp('v1', withDependency)))),
    );
    rows.push(...(await measureLogs(client, world)));
    await client.dispose();
    await installation.interrupt();
    rows.push(
      atMost('second start to ready, one app running', await seconds(() => installation.start()), 15, 's'),
    );
    rows.push(await measureMemory(installation));
  } finally {
    await git.stop();
    await installation.purge();
  }
  return rows;
}

/** The builder is healthy once it has its base image. */
async function untilBuildsBegin(): Promise<void> {
  const url = `http://127.0.0.1:${3228 + place.portOffset}/healthz`;
  await pollUntil(async () => ((await fetch(url)).ok ? true : undefined), {
    timeoutMs: 300_000,
    onTimeout: () => new Error('the builder has no base image'),
  });
}

async function claim(installation: Installation): Promise<{ client: SkyarcClient; world: World }> {
  const owner = { email: 'bench@example.test', password: 'correct horse battery' };
  const client = createClient({ url: `${installation.consoleUrl}/graphql` });
  const token = installation.claimToken() ?? '';
  await client.account.claim({ token, name: 'Bench', teamName: team, ...owner });
  await client.platform.updateDataCenter('local', { allowPrivateSources: true });
  const { groups } = await client.teams.get(team);
  const { consoleUrl, gatewayUrl } = installation;
  const groupId = (groups[0] as { id: string }).id;
  return { client, world: { consoleUrl, gatewayUrl, domain: 'skyarc.localhost', owner, team, groupId } };
}

async function measureDeploys(client: SkyarcClient, world: World, repository: GitRepository): Promise<Row[]> {
  const source = { git: { url: repository.url, branch: 'main' } };
  let appId = '';
  const first = await seconds(async () => {
    const { app, operation } = await client.apps.create({ groupId: world.groupId, name: 'shop', source });
    appId = app.id;
    await untilAnswers(world, host, 'v1', 300_000);
    await finish(client, operation!.id);
  });
  await repository.push('v2', nodeApp('v2', withDependency));
  const rebuild = await seconds(async () => {
    const { id } = await client.apps.deploy(appId);
    await untilAnswers(world, host, 'v2', 120_000);
    await finish(client, id);
  });
  const unchanged = await seconds(async () => {
    const { id } = await client.apps.deploy(appId);
    await finish(client, id);
  });
  return [
    atMost(
      'click to first answer of a small Node.js app (one npm dependency, nothing cached)',
      first,
      60,
      's',
    ),
    atMost('deploy of a changed source with unchanged dependencies', rebuild, 15, 's'),
    atMost('deploy of an unchanged source', unchanged, 3, 's'),
    await measureRolling(client, world, repository, appId),
  ];
}

async function measureRolling(
  client: SkyarcClient,
  world: World,
  repository: GitRepository,
  appId: string,
): Promise<Row> {
  await finish(client, (await client.apps.scale(appId, 2)).id);
  await repository.push('v3', nodeApp('v3', withDependency));
  const load = startLoad({ gateway: world.gatewayUrl, host, perSecond: 200 });
  await finish(client, (await client.apps.deploy(appId)).id);
  await sleep(8000);
  const { sent, failures, latencies } = await load.stop();
  for (const failure of failures.slice(0, 5)) console.log(`  failed: ${failure}`);
  const p99 = percentile(latencies, 0.99).toFixed(0);
  return {
    measure: `rolling upgrade of 2 pods under 200 requests/s (${sent} requests, p99 ${p99} ms)`,
    goal: '0 failed',
    seen: `${failures.length} failed`,
    isReached: failures.length === 0,
  };
}

/** From the moment before the request that makes the app write, to the line at a subscriber. */
async function measureLogs(client: SkyarcClient, world: World): Promise<Row[]> {
  const app = (await client.apps.list(team))[0] as { id: string };
  const ending = new AbortController();
  const arrivals = new Map<string, number>();
  const following = (async () => {
    for await (const line of client.logs.follow({ kind: 'APP', id: app.id }, { signal: ending.signal })) {
      arrivals.set(line.text, performance.now());
    }
  })().catch(() => undefined);
  await sleep(1000);
  const sent = new Map<string, number>();
  for (let index = 0; index < 300; index += 1) {
    const path = `/line-${index}`;
    sent.set(`asked ${path}`, performance.now());
    await ask(world, host, path);
    await sleep(20);
  }
  await sleep(2000);
  ending.abort();
  await following;
  const latencies = [...sent]
    .map(([line, at]) => (arrivals.get(line) ?? Infinity) - at)
    .toSorted((a, b) => a - b);
  return [
    atMost('log line at the container to subscriber, p50', percentile(latencies, 0.5), 200, 'ms'),
    atMost('log line at the container to subscriber, p99', percentile(latencies, 0.99), 200, 'ms'),
  ];
}

async function measureMemory(installation: Installation): Promise<Row> {
  await sleep(20_000);
  const parts = await memoryByPart(installation.home);
  for (const [part, megabytes] of parts) console.log(`  ${megabytes.toFixed(0).padStart(6)} MB  ${part}`);
  const total = [...parts.values()].reduce((sum, one) => sum + one, 0);
  return atMost('idle memory of everything, apps left out (proportional set size)', total, 1229, 'MB');
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}
