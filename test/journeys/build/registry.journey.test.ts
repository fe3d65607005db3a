import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { digestOf, RegistryClient } from '@skyarc/lib/oci';
import { openDataCenterDatabase } from '@skyarc/prisma/datacenter';
import type { SkyarcClient } from '@skyarc/sdk';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { Installation } from '../../testkit/installation.ts';
import { finish, loginAsOwner } from '../../testkit/session.ts';

const world = inject('world');
const name = 'signed';
const registryUrl = `http://127.0.0.1:${5_000 + inject('installation').portOffset}`;
let skyarc: SkyarcClient;
let appId: string;

beforeAll(async () => {
  skyarc = await loginAsOwner(world);
  const source = { template: 'hello-static' };
  const { app, operation } = await skyarc.apps.create({ groupId: world.groupId, name, source });
  appId = app.id;
  // Its node has pulled by the Secret of the team: the registry lets nobody else in.
  await finish(skyarc, operation!.id);
});
afterAll(async () => {
  if (appId) await finish(skyarc, (await skyarc.apps.delete(appId)).id);
  await skyarc.dispose();
});

test('a member of the team pulls with an API token, nobody else', async () => {
  const [version] = await skyarc.apps.versions(appId);
  const [repository = '', digest = ''] = version!.image.split('@');
  const { secret, apiToken } = await skyarc.account.createApiToken({ name: 'docker' });
  const pull = (password: string, from = repository) => {
    const account = { username: 'ann', password };
    return new RegistryClient({ url: registryUrl, account }).findManifest(from, digest);
  };
  expect(await pull(secret)).not.toBeNull();
  await expect(pull(secret, 'red/shop')).rejects.toMatchObject({ code: 'FORBIDDEN' });
  await expect(pull(`${secret}x`)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  expect((await fetch(`${registryUrl}/v2/${repository}/manifests/${digest}`)).status).toBe(401);
  await skyarc.account.revokeApiToken(apiToken.id);
});

test('what a build made can be seen, and its files be had by who asked alone', async () => {
  const [build] = await skyarc.apps.builds(appId);
  const story = await skyarc.apps.build(build!.id);
  expect(story.phases.slice(0, 4).map(({ name, status }) => [name, status])).toEqual(
    ['FETCH', 'DETECT', 'BUILD', 'PUBLISH'].map((phase) => [phase, 'SUCCEEDED']),
  );
  expect(story.layers.map(({ kind }) => kind)).toEqual(['BASE', 'RUNTIME', 'APP']);
  expect(story.proof).toEqual([]);
  expect(Number(story.cacheLimitBytes)).toBeGreaterThan(Number(story.cacheBytes));
  expect(story.version?.isBaseOutdated).toBe(false);
  const versionId = story.version!.id;
  const slug = gunzipSync(await buffer(await skyarc.apps.downloadSlug(versionId)));
  expect(slug.includes('app/index.html')).toBe(true);
  expect(slug.includes('etc/passwd')).toBe(false);
  const { url, fileName } = await skyarc.apps.slugUrl(versionId);
  expect(fileName).toBe(`${name}-${story.version!.number}.tar.gz`);
  expect((await fetch(new URL(url, world.consoleUrl))).status).toBe(401);
  await expect(skyarc.apps.rebase(appId)).rejects.toMatchObject({ code: 'CONFLICT' });
});

test('a version whose image was exchanged is not rolled out, and what runs goes on', async () => {
  await finish(skyarc, (await skyarc.apps.deploy(appId)).id);
  const [current, earlier] = await skyarc.apps.versions(appId);
  const file = join(new Installation(inject('installation')).home, 'data/datacenter.db');
  const db = await openDataCenterDatabase({ file });
  const [repository] = earlier!.image.split('@');
  const image = `${repository}@${digestOf('another one')}`;
  await db.version.update({ where: { id: earlier!.id }, data: { image } });
  const ended = await finish(skyarc, (await skyarc.apps.rollback(appId, earlier!.id)).id, 'FAILED');
  expect(ended.message).toMatch(/is refused: the registry does not have it/);
  await db.version.update({ where: { id: earlier!.id }, data: { image: earlier!.image } });
  await db.$disconnect();
  expect((await skyarc.apps.get(appId)).currentVersion?.id).toBe(current!.id);
  await finish(skyarc, (await skyarc.apps.rollback(appId, earlier!.id)).id);
});
