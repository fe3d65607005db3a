import type { SkyarcClient } from '@skyarc/sdk';
import { pollUntil } from '@skyarc/lib/retry';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { deployed, removed } from '../testkit/apps.ts';
import { type GitRepository, type GitServer, startGitServer } from '../testkit/git-server.ts';
import { Installation } from '../testkit/installation.ts';
import { ask, finish, loginAsOwner, untilReachable } from '../testkit/session.ts';

const world = inject('world');
const host = `8080.ledger.${world.team}.${world.domain}`;
let git: GitServer;
let repository: GitRepository;
let skyarc: SkyarcClient;
let ledger: string;

/** Each pod draws a secret when its folder is empty, and shows it beside its name. */
const ledgerApp = (version: string) => ({
  'package.json': JSON.stringify({ name: 'ledger', version: '1.0.0', scripts: { start: 'node server.js' } }),
  'server.js': `const fs = require('node:fs');
const file = '/data/secret';
if (!fs.existsSync(file)) fs.writeFileSync(file, require('node:crypto').randomUUID());
require('node:http')
  .createServer((_, response) => response.end('${version} ' + require('node:os').hostname() + ' ' + fs.readFileSync(file)))
  .listen(process.env.PORT);
`,
});

/** Secret of each pod, once all three have answered with the version. */
const secrets = (version: string) =>
  pollUntil(
    async () => {
      const answers = await Promise.all(
        Array.from({ length: 24 }, () => ask(world, host).catch(() => ({ status: 0, text: '' }))),
      );
      const words = answers.filter(({ status }) => status === 200).map(({ text }) => text.split(' '));
      if (words.some(([seen]) => seen !== version)) return undefined;
      const found = new Map(words.map(([, pod, secret]) => [pod, secret]));
      return found.size === 3
        ? Object.fromEntries([...found].toSorted(([a = ''], [b = '']) => a.localeCompare(b)))
        : undefined;
    },
    { timeoutMs: 60_000, everyMs: 300, onTimeout: () => new Error(`three pods of ${version} do not answer`) },
  );

beforeAll(async () => {
  git = await startGitServer();
  skyarc = await loginAsOwner(world);
});
afterAll(async () => {
  await skyarc.dispose();
  await git.stop();
});

test('three pods with state keep what is theirs through upgrade, kill -9 of everything and a new start', async () => {
  repository = await git.create('ledger', ledgerApp('v1'));
  ledger = await deployed(skyarc, world, {
    name: 'ledger',
    source: repository.url,
    run: { workload: 'STATEFUL', replicas: 3, memoryMb: 96, cpuMillis: 250 },
    settings: { volumes: [{ name: 'data', kind: 'LOCAL', mountPath: '/data', sizeMb: 16 }] },
  });
  const before = await secrets('v1');
  expect(Object.keys(before)).toEqual(['ledger-0', 'ledger-1', 'ledger-2']);
  expect(new Set(Object.values(before)).size).toBe(3);

  await repository.push('Second version', ledgerApp('v2'));
  await finish(skyarc, (await skyarc.apps.deploy(ledger)).id);
  expect(await secrets('v2')).toEqual(before);

  const installation = new Installation(inject('installation'));
  await installation.kill(await installation.nodePids());
  await installation.start();
  await untilReachable(skyarc);
  expect(await secrets('v2')).toEqual(before);

  await finish(skyarc, (await skyarc.apps.stop(ledger)).id);
  await finish(skyarc, (await skyarc.apps.start(ledger)).id);
  expect(await secrets('v2')).toEqual(before);
  const { volumes } = await skyarc.apps.settings(ledger);
  expect(volumes[0]).toMatchObject({ name: 'data', kind: 'LOCAL' });
  await removed(skyarc, ledger);
});
