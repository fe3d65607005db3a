import { createHmac } from 'node:crypto';
import { pollUntil } from '@skyarc/lib/retry';
import type { SkyarcClient } from '@skyarc/sdk';
import { afterAll, beforeAll, beforeEach, expect, inject, test } from 'vitest';
import { deployed, removedByName } from '../../testkit/apps.ts';
import { nodeApp } from '../../testkit/fixture-app.ts';
import { type GitRepository, type GitServer, startGitServer } from '../../testkit/git-server.ts';
import { ask, finish, loginAsOwner, untilAnswers } from '../../testkit/session.ts';

const world = inject('world');
const name = 'pushed';
const host = `8080.${name}.${world.team}.${world.domain}`;
let git: GitServer;
let repository: GitRepository;
let skyarc: SkyarcClient;
let appId: string;
let hook: { readonly path: string; readonly secret: string };

beforeAll(async () => {
  git = await startGitServer();
  skyarc = await loginAsOwner(world);
});
afterAll(async () => {
  await removedByName(skyarc, world, name);
  await skyarc.dispose();
  await git.stop();
});
beforeEach(async () => {
  await removedByName(skyarc, world, name);
  repository = await git.create(name, nodeApp('v1'));
  appId = await deployed(skyarc, world, { name, source: repository.url });
  const { webhook, secret } = await skyarc.webhooks.save({ appId, name: 'forge', kind: 'GITHUB' });
  hook = { path: webhook.path, secret: secret! };
});

/** Pushes a version as a person, and tells Skyarc of it as GitHub does; answers what Skyarc said. */
async function push(version: string, extra: Readonly<Record<string, string>> = {}, secret = hook.secret) {
  const commit = await repository.push(version, nodeApp(version, extra));
  const commits = [{ id: commit, message: version, added: [], modified: ['server.js'], removed: [] }];
  const body = JSON.stringify({ ref: 'refs/heads/main', after: commit, commits });
  const response = await fetch(`${world.consoleUrl}${hook.path}`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    },
  });
  const answer = (await response.json()) as { outcome?: string; operationId?: string };
  return { status: response.status, commit, ...answer };
}

test('a signed push to the repository becomes the running version, one with a wrong signature does not', async () => {
  const forged = await push('v2', {}, 'not the secret');
  expect(forged).toMatchObject({ status: 401 });
  expect(await skyarc.apps.versions(appId)).toHaveLength(1);
  expect((await ask(world, host)).text).toMatch(/^v1 /);

  const taken = await push('v3');
  expect(taken).toMatchObject({ status: 202, outcome: 'DEPLOYED' });
  await finish(skyarc, taken.operationId!);
  await untilAnswers(world, host, 'v3');
  const [build] = await skyarc.apps.builds(appId);
  expect(build?.commitId).toBe(taken.commit);
  const [seen] = await skyarc.webhooks.list(appId);
  expect(seen?.deliveries.map(({ outcome }) => outcome)).toEqual(['DEPLOYED', 'REFUSED']);
});

test('a push while the app builds takes the place of the older one', async () => {
  const slow = {
    'package.json': JSON.stringify({
      name: 'shop',
      scripts: { start: 'node server.js', build: 'echo slow; sleep 120' },
    }),
  };
  const first = await push('v2', slow);
  await pollUntil(
    async () => {
      const { steps } = await skyarc.operations.get(first.operationId!);
      return steps.some((step) => step.name === 'BUILD' && step.status === 'RUNNING') ? true : undefined;
    },
    { timeoutMs: 60_000, onTimeout: () => new Error('the first push is not built') },
  );
  const second = await push('v3', nodeApp('v3'));
  expect(second).toMatchObject({ status: 202, outcome: 'WAITING' });
  const ended = await skyarc.operations.wait(first.operationId!, { signal: AbortSignal.timeout(60_000) });
  expect(ended.status).toBe('CANCELED');
  expect(ended.message).toMatch(/Superseded by a newer push/);
  await untilAnswers(world, host, 'v3', 90_000);
  const [build, older] = await skyarc.apps.builds(appId);
  expect([build?.commitId, older?.commitId]).toEqual([second.commit, first.commit]);
  expect((await skyarc.apps.versions(appId)).map(({ number }) => number)).toHaveLength(2);
});
