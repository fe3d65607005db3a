import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { newId } from '@skyarc/lib/contracts';
import { assembleImage, pushImage, RegistryClient, writeLayer } from '@skyarc/lib/oci';
import { startTestRegistry } from '@skyarc/lib/oci/testing';
import type { Daemon } from '@skyarc/lib/process';
import { writeBaseImage } from '@skyarc/prisma/datacenter';
import { createClient, type SkyarcClient } from '@skyarc/sdk';
import { type RunningServer, start as startServer } from '@skyarc/server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DataCenterWorld, startDataCenter } from './world.ts';

let world: DataCenterWorld;
let registry: Daemon;
let server: RunningServer;
let skyarc: SkyarcClient;
let appId: string;
let versionId: string;
let buildId: string;

beforeAll(async () => {
  const registryUrl = 'http://127.0.0.1:21063';
  world = await startDataCenter({ etcd: 21_060, etcdPeer: 21_061, api: 21_062 }, { registryUrl });
  registry = await startTestRegistry({ folder: join(world.folder, 'registry'), port: 21_063 });
  server = await startServer({
    port: 21_064,
    statusPort: 21_065,
    databaseFile: join(world.folder, 'console.db'),
    samplesFolder: join(world.folder, 'samples'),
    tls: { ca: world.authority.cert, ...world.console },
    dataCenters: [{ name: 'local', displayName: 'Here', apiUrl: world.api.url }],
  });
  skyarc = createClient({ url: `${server.url}/graphql` });
  const who = { name: 'Ann', email: 'ann@example.test', password: 'correct horse battery' };
  await skyarc.account.claim({ token: server.claimToken ?? '', teamName: 'blue', ...who });
  const [group] = (await skyarc.teams.get('blue')).groups;
  const source = { git: { url: 'https://git.example.test/shop.git', branch: 'main' } };
  const made = await skyarc.apps.create({ groupId: group?.id ?? '', name: 'shop', source, deploy: false });
  appId = made.app.id;
  await seed(registryUrl);
});
afterAll(async () => {
  await skyarc?.dispose();
  await server?.stop();
  await registry?.stop();
  await world?.stop();
});

/** A version as a builder leaves it: an image of three layers in the registry, and what is said of it. */
async function seed(registryUrl: string): Promise<void> {
  const client = new RegistryClient({ url: registryUrl });
  const parts = { base: 'etc/base', dependencies: 'app/node_modules/one.js', app: 'app/server.js' };
  const sources = await Promise.all(
    Object.entries(parts).map(async ([name, path]) => {
      const folder = join(world.folder, name);
      await mkdir(join(folder, path, '..'), { recursive: true });
      await writeFile(join(folder, path), `the ${name}`);
      const file = join(world.folder, `${name}.tar.gz`);
      return { layer: await writeLayer({ from: { folder }, to: file }), file };
    }),
  );
  const image = assembleImage(
    sources.map(({ layer }) => layer),
    {},
  );
  await pushImage(client, { repository: 'blue/shop', tag: '1' }, image, sources);
  const kinds = ['BASE', 'DEPENDENCIES', 'APP'];
  const layers = sources.map(({ layer }, index) => ({
    kind: kinds[index],
    name: `part ${index}`,
    digest: layer.digest,
    sizeBytes: layer.size,
    isFromCache: index < 2,
  }));
  await writeBaseImage(world.db, layers[0]?.digest ?? '');
  buildId = newId('local', 'build');
  versionId = newId('local', 'version');
  await world.db.build.create({
    data: {
      id: buildId,
      appId,
      number: 1,
      status: 'SUCCEEDED',
      layers: JSON.stringify(layers),
      proof: JSON.stringify(['a line']),
      sentBytes: 3n,
      cacheBytes: 4_000_000_000n,
      cacheLimitBytes: 5n,
    },
  });
  const version = {
    id: versionId,
    appId,
    buildId,
    number: 1,
    image: `blue/shop@${image.digest}`,
    sizeBytes: 1n,
  };
  await world.db.version.create({ data: version });
  await world.db.app.update({ where: { id: appId }, data: { currentVersionId: versionId } });
}

test('the page of a build has all in one document', async () => {
  expect(await skyarc.apps.build(buildId)).toMatchObject({
    proof: ['a line'],
    layers: [
      { kind: 'BASE', name: 'part 0', isFromCache: true },
      { kind: 'DEPENDENCIES', isFromCache: true },
      { kind: 'APP', isFromCache: false },
    ],
    sentBytes: '3',
    cacheBytes: '4000000000',
    cacheLimitBytes: '5',
    phases: [],
    previousVersion: null,
    version: { id: versionId, isBaseOutdated: false },
  });
});

async function answerOf(path: string): Promise<number> {
  return (await fetch(new URL(path, server.url))).status;
}

test('a slug comes to who asked for it, whole and alone', async () => {
  const tar = gunzipSync(await buffer(await skyarc.apps.downloadSlug(versionId))).toString('latin1');
  expect(tar).toContain('the dependencies');
  expect(tar).toContain('the app');
  expect(tar).not.toContain('the base');
  const { url, fileName } = await skyarc.apps.slugUrl(versionId);
  expect(fileName).toBe('shop-1.tar.gz');
  expect(await answerOf(url)).toBe(401);
  expect(await answerOf('/slugs?grant=x.y')).toBe(403);
  await expect(skyarc.getFile(`${url.slice(0, -2)}xx`)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  await expect(skyarc.apps.slugUrl('local.version.aaaaaaaaaaaaaaaa')).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
});

test('a rebase begins only when there is a newer base', async () => {
  await expect(skyarc.apps.rebase(appId)).rejects.toMatchObject({
    code: 'CONFLICT',
    message: 'Cannot rebase app "shop": version 1 stands on the newest base image already',
  });
  await writeBaseImage(world.db, `sha256:${'1'.repeat(64)}`);
  expect((await skyarc.apps.build(buildId)).version?.isBaseOutdated).toBe(true);
  const { id } = await skyarc.apps.rebase(appId);
  const row = await world.db.operation.findUniqueOrThrow({ where: { id } });
  expect(JSON.parse(row.arguments)).toEqual({ rebaseOf: versionId });
  await skyarc.operations.cancel(id);
  // Nobody builds here: what waits ends at once, and the app is free for a build without cache.
  expect((await skyarc.operations.get(id)).status).toBe('CANCELED');
  const fresh = await skyarc.apps.deploy(appId, { noCache: true });
  const { arguments: wishes } = await world.db.operation.findUniqueOrThrow({ where: { id: fresh.id } });
  expect(JSON.parse(wishes)).toEqual({ noCache: true });
});
