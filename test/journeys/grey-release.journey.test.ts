import type { SkyarcClient } from '@skyarc/sdk';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { request } from 'undici';
import { changed, deployed, removed } from '../testkit/apps.ts';
import { nodeApp } from '../testkit/fixture-app.ts';
import { type GitRepository, type GitServer, startGitServer } from '../testkit/git-server.ts';
import { startLoad } from '../testkit/load.ts';
import { finish, loginAsOwner, untilAnswers } from '../testkit/session.ts';

const world = inject('world');
const host = `8080.page.${world.team}.${world.domain}`;
let git: GitServer;
let repository: GitRepository;
let skyarc: SkyarcClient;
let page: string;

beforeAll(async () => {
  git = await startGitServer();
  skyarc = await loginAsOwner(world);
  repository = await git.create('page', nodeApp('v1'));
  page = await deployed(skyarc, world, { name: 'page', source: repository.url });
  await repository.push('Second version', nodeApp('v2'));
  await finish(skyarc, (await skyarc.apps.deploy(page)).id);
  const [, first] = await skyarc.apps.versions(page);
  await finish(skyarc, (await skyarc.apps.rollback(page, first!.id)).id);
  await untilAnswers(world, host, 'v1');
}, 180_000);
afterAll(async () => {
  await removed(skyarc, page);
  await skyarc.dispose();
  await git.stop();
});

/** Version and cookies of one answer. */
async function visit(headers: Record<string, string> = {}, at = host) {
  const {
    body,
    headers: got,
    statusCode,
  } = await request(world.gatewayUrl, { headers: { host: at, ...headers } });
  const [version] = (await body.text()).split(' ');
  const [cookie] = [got['set-cookie'] ?? []].flat();
  return { version, cookie: cookie?.split(';')[0], statusCode };
}

/** Of so many visitors, how many got the version; within three standard deviations of the share. */
async function expectShare(version: string, share: number, at = host, visitors = 1_500): Promise<void> {
  let seen = 0;
  for (let left = visitors; left > 0; left -= 50) {
    const answers = await Promise.all(Array.from({ length: 50 }, () => visit({}, at)));
    expect(answers.every(({ statusCode }) => statusCode === 200)).toBe(true);
    seen += answers.filter((answer) => answer.version === version).length;
  }
  const sigma = Math.sqrt(visitors * share * (1 - share));
  expect(Math.abs(seen - visitors * share)).toBeLessThanOrEqual(3 * sigma);
}

test('ten percent of the visitors get the new version and keep it; a header always does', async () => {
  const [second] = await skyarc.apps.versions(page);
  const { id } = await skyarc.apps.startGreyRelease(page, second!.id, {
    percent: 10,
    sticky: 'COOKIE',
    header: { name: 'x-test', value: 'yes' },
  });
  await finish(skyarc, id);
  expect((await skyarc.apps.get(page)).greyRelease).toMatchObject({ percent: 10, readyReplicas: 1 });
  await expectShare('v2', 0.1);
  const first = await visit();
  expect(first.cookie).toBeTruthy();
  const later = await Promise.all(Array.from({ length: 30 }, () => visit({ cookie: first.cookie ?? '' })));
  expect(new Set(later.map(({ version }) => version))).toEqual(new Set([first.version]));
  const chosen = await Promise.all(Array.from({ length: 30 }, () => visit({ 'x-test': 'yes' })));
  expect(new Set(chosen.map(({ version }) => version))).toEqual(new Set(['v2']));
});

test('the share changes at once, and everybody comes along without one failed request', async () => {
  const load = startLoad({ gateway: world.gatewayUrl, host, perSecond: 60 });
  const { operation } = await skyarc.apps.updateGreyRelease(page, { percent: 50, sticky: 'NONE' });
  if (operation) await finish(skyarc, operation.id);
  await expectShare('v2', 0.5);
  await finish(skyarc, (await skyarc.apps.promoteGreyRelease(page)).id);
  await untilAnswers(world, host, 'v2');
  const { failures } = await load.stop();
  expect(failures).toEqual([]);
  const { greyRelease, currentVersion } = await skyarc.apps.get(page);
  expect(greyRelease).toBeNull();
  expect(currentVersion?.number).toBe(2);
});

test('weights between two apps hold whatever their numbers of pods are', async () => {
  const other = await deployed(skyarc, world, {
    name: 'other',
    source: (await git.create('other', nodeApp('w1'))).url,
  });
  await finish(skyarc, (await skyarc.apps.scale(page, 3)).id);
  const split = [
    { appId: page, port: 8080, weight: 30 },
    { appId: other, port: 8080, weight: 70 },
  ];
  await changed(skyarc, page, {
    routes: [{ host: 'split.example.test', path: '/', port: 8080, policy: { split: { targets: split } } }],
  });
  await untilAnswers(world, 'split.example.test', '');
  await expectShare('w1', 0.7, 'split.example.test');
  const explained = await skyarc.routes.explain((await skyarc.teams.get(world.team)).id, {
    url: 'http://split.example.test/anything',
  });
  expect(explained.targets.map(({ app, percent }) => [app?.name, percent])).toEqual(
    expect.arrayContaining([
      ['page', 30],
      ['other', 70],
    ]),
  );
  await changed(skyarc, page, { routes: [] });
  await removed(skyarc, other);
});
