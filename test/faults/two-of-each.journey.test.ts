import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SkyarcClient } from '@skyarc/sdk';
import { request } from 'undici';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { deployed, removed } from '../testkit/apps.ts';
import { nodeApp } from '../testkit/fixture-app.ts';
import { type GitRepository, type GitServer, startGitServer } from '../testkit/git-server.ts';
import { Installation } from '../testkit/installation.ts';
import { startLoad } from '../testkit/load.ts';
import { finish, loginAsOwner, untilAnswers, untilReachable } from '../testkit/session.ts';

const world = inject('world');
const installation = new Installation(inject('installation'));
const host = `8080.twice.${world.team}.${world.domain}`;
const first = world.gatewayUrl;
const second = `http://127.0.0.1:${8090 + inject('installation').portOffset}`;
let git: GitServer;
let repository: GitRepository;
let skyarc: SkyarcClient;
let appId: string;
let version = 0;
const beside: Record<'worker' | 'gateway', ChildProcess | undefined> = {
  worker: undefined,
  gateway: undefined,
};

beforeAll(async () => {
  git = await startGitServer();
  skyarc = await loginAsOwner(world);
  repository = await git.create('twice', nodeApp('v0'));
  appId = await deployed(skyarc, world, { name: 'twice', source: repository.url });
  beside.worker = await installation.startBeside('worker');
  beside.gateway = await installation.startBeside('gateway');
});
afterAll(async () => {
  for (const child of Object.values(beside)) child?.kill('SIGTERM');
  await untilReachable(skyarc);
  await removed(skyarc, appId);
  await skyarc.dispose();
  await git.stop();
});

const answering = (gatewayUrl: string, text: string) =>
  untilAnswers({ ...world, gatewayUrl }, host, text, 60_000);

/** Deploys the next version and does the deed when it begins to roll out. */
async function deployWhile(deed: () => Promise<unknown>): Promise<void> {
  version += 1;
  await untilReachable(skyarc);
  await repository.push(`Version ${version}`, nodeApp(`v${version}`));
  const { id } = await skyarc.apps.deploy(appId);
  const ending = new AbortController();
  for await (const { steps, status } of skyarc.operations.watch(id, { signal: ending.signal })) {
    const isReached = steps.some((one) => one.name === 'ROLL_OUT' && one.status !== 'QUEUED');
    if (isReached || status === 'SUCCEEDED') break;
  }
  ending.abort();
  await deed();
  await finish(skyarc, id);
}

async function killed(child: ChildProcess | undefined): Promise<void> {
  child?.kill('SIGKILL');
  if (child) await once(child, 'exit');
}

test('both gateways serve the same', async () => {
  await answering(first, 'v0');
  await answering(second, 'v0');
});

test.each(['first', 'second'])(
  'the %s worker is killed in a deploy: the other one ends it',
  async (which) => {
    const loads = [first, second].map((gateway) => startLoad({ gateway, host, perSecond: 30 }));
    await deployWhile(async () => {
      if (which === 'second') return killed(beside.worker);
      // The first one lives in the data centre's process, with everything that the second one asks.
      return installation.kill(await installation.nodePids('datacenter'));
    });
    for (const gateway of [first, second]) await answering(gateway, `v${version}`);
    for (const load of loads) expect((await load.stop()).failures).toEqual([]);
    if (which === 'second') beside.worker = await installation.startBeside('worker');
  },
);

test('one gateway is killed with its nginx in a deploy: the other serves on, and it comes back whole', async () => {
  const load = startLoad({ gateway: first, host, perSecond: 60 });
  await deployWhile(async () => {
    await killed(beside.gateway);
    // Its workers are in the master's process group.
    const master = await readFile(join(installation.home, 'gateway-1/nginx-master.pid'), 'utf8');
    process.kill(-Number(master), 'SIGKILL');
  });
  await answering(first, `v${version}`);
  expect((await load.stop()).failures).toEqual([]);
  await expect(request(second, { headers: { host } })).rejects.toThrow('ECONNREFUSED');
  beside.gateway = await installation.startBeside('gateway');
  await answering(second, `v${version}`);
});
