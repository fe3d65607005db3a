import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pollUntil, sleep } from '@skyarc/lib/retry';
import type { SkyarcClient } from '@skyarc/sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deployed } from '../testkit/apps.ts';
import { EtcdCluster } from '../testkit/etcd-cluster.ts';
import { nodeApp } from '../testkit/fixture-app.ts';
import { type GitRepository, type GitServer, startGitServer } from '../testkit/git-server.ts';
import { Installation } from '../testkit/installation.ts';
import type { World } from '../testkit/journey-setup.ts';
import { startLoad } from '../testkit/load.ts';
import { etcdPlace, places } from '../testkit/places.ts';
import { claim, finish, loginAsOwner, untilAnswers } from '../testkit/session.ts';

/** Three queues and three event logs on an etcd of three members, two shards of metrics: one of each is killed. */

const place = places['journeys-three'];
const at = (port: number, index: number): number => port + place.portOffset + 10 * index;
/** The data centre's own are not the preferred ones, so that killing one of the others is felt. */
const preferred = [1, 0, 2];
const urlsOf = (protocol: string, port: number): string =>
  preferred.map((index) => `${protocol}://127.0.0.1:${at(port, index)}`).join();

/** Counts on standard output as long as it lives, and answers with its version. */
const ticker = {
  'package.json': JSON.stringify({ name: 'ticker', version: '1.0.0', scripts: { start: 'node tick.js' } }),
  'tick.js': `let count = 0;
setInterval(() => console.log('tick ' + (count += 1)), 20);
require('node:http').createServer((request, response) => response.end('ticking ' + count)).listen(process.env.PORT);
`,
};

const beside: Record<string, ChildProcess> = {};
let etcd: EtcdCluster;
let folder: string;
let installation: Installation;
let git: GitServer;
let repository: GitRepository;
let skyarc: SkyarcClient;
let world: World;
let tickerId: string;
let shopId: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyarc-three-'));
  etcd = await EtcdCluster.start({ folder, ...etcdPlace });
  installation = new Installation({
    ...place,
    env: {
      SKYARC_ETCD_URLS: etcd.url,
      SKYARC_MQ_URLS: urlsOf('http', 6300),
      SKYARC_EVENTLOG_URLS: urlsOf('http', 6366),
      SKYARC_EVENTLOG_INGEST_URLS: urlsOf('tcp', 6362),
      SKYARC_EVENTLOG_CLUSTER: 'on',
      SKYARC_PROMETHEUS_SHARDS: '2',
      SKYARC_METRICS_INTERVAL: '3',
    },
  });
  await installation.purge();
  await installation.start();
  world = await claim(installation);
  for (const index of [1, 2]) {
    for (const service of ['mq', 'eventlog']) await startBeside(service, index);
  }
  // Who found the preferred ones away looks for them anew.
  await installation.interrupt();
  await installation.start();
  skyarc = await loginAsOwner(world);
  git = await startGitServer();
  repository = await git.create('shop', nodeApp('v0'));
  const { url } = await git.create('ticker', ticker);
  tickerId = await deployed(skyarc, world, { name: 'ticker', source: url });
  shopId = await deployed(skyarc, world, { name: 'shop', source: repository.url });
});

afterAll(async () => {
  await skyarc?.dispose();
  await git?.stop();
  for (const child of Object.values(beside)) child.kill('SIGKILL');
  await installation?.purge();
  await etcd?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function startBeside(service: string, index: number): Promise<void> {
  beside[`${service}-${index}`] = await installation.startBeside(service, index);
}

async function killed(name: string): Promise<void> {
  const child = beside[name];
  child?.kill('SIGKILL');
  if (child) await once(child, 'exit');
}

let version = 0;
/** Deploys the next version, which must succeed and answer. */
async function deployNext(): Promise<void> {
  version += 1;
  await repository.push(`Version ${version}`, nodeApp(`v${version}`));
  await finish(skyarc, (await skyarc.apps.deploy(shopId)).id);
  await untilAnswers(world, `8080.shop.blue.${world.domain}`, `v${version}`);
}

/** The newest count that is in the log. */
async function newestTick(): Promise<number> {
  const { lines } = await skyarc.logs.read({ kind: 'APP', id: tickerId }, { last: 1, contains: 'tick ' });
  return Number(lines.at(-1)?.text.split(' ')[1] ?? 0);
}

/** What is measured now, and why the answer is not whole. */
async function measured() {
  const to = new Date();
  const from = new Date(to.getTime() - 30_000);
  const { series, warnings } = await skyarc.monitor.query({
    expression: 'up',
    from: from.toISOString(),
    to: to.toISOString(),
    points: 2,
  });
  return { series: series.length, warnings };
}

/** Every count in the log, the oldest first. */
async function ticks(): Promise<number[]> {
  const counts: number[] = [];
  for (let after = '0'; ;) {
    const page = await skyarc.logs.read(
      { kind: 'APP', id: tickerId },
      { after, last: 5_000, contains: 'tick ' },
    );
    expect(page.isPartial).toBe(false);
    counts.push(...page.lines.map(({ text }) => Number(text.split(' ')[1])));
    if (!page.hasOlder || !page.cursor) return counts;
    after = page.cursor;
  }
}

/** What a service has counted since its start, all labels together. */
async function counted(statusPort: number, metric: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${statusPort}/metrics`)).text();
  const values = [...text.matchAll(new RegExp(`^${metric}{.*} (\\d+)$`, 'gm'))];
  return values.reduce((sum, [, value]) => sum + Number(value), 0);
}

test('the queue that is preferred and all event logs are used, and both shards answer', async () => {
  await deployNext();
  expect(await counted(at(6301, 1), 'skyarc_mq_published_total')).toBeGreaterThan(0);
  for (const index of [0, 1, 2])
    expect(await counted(at(6364, index), 'skyarc_eventlog_frames_total')).toBeGreaterThan(0);
  await expect.poll(async () => (await measured()).series).toBeGreaterThan(10);
  expect((await measured()).warnings).toEqual([]);
});

test('one queue, one event log, the leading etcd and a shard are killed while work flows: nothing is lost', async () => {
  const load = startLoad({
    gateway: world.gatewayUrl,
    host: `8080.ticker.blue.${world.domain}`,
    perSecond: 20,
  });
  const { series } = await measured();
  const begun = await newestTick();
  const deploying = deployNext();
  await sleep(500);
  await Promise.all([
    etcd.kill(await etcd.leader()),
    killed('mq-1'),
    killed('eventlog-1'),
    installation.enginePids('prometheus', 'monitor/shard-1/').then((pids) => installation.kill(pids)),
  ]);
  // What was under way ends, and new work is taken by those that are left.
  await deploying;
  await deployNext();
  const isFurther = async () => ((await newestTick()) > begun + 500 ? true : undefined);
  await pollUntil(isFurther, { timeoutMs: 60_000, onTimeout: () => new Error('lines do not come any more') });
  for (const index of [0, 1, 2]) await etcd.restart(index);
  await startBeside('mq', 1);
  await startBeside('eventlog', 1);
  await deployNext();
  await expect.poll(async () => await measured()).toEqual({ series, warnings: [] });
  expect((await load.stop()).failures).toEqual([]);
  const counts = await ticks();
  expect(counts).toEqual(counts.map((_, index) => index + 1));
  expect(counts.length).toBeGreaterThan(begun + 500);
});
