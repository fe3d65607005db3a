import { join } from 'node:path';
import { createClient, type SkyarcClient, SkyarcError } from '@skyarc/sdk';
import { type RunningServer, start as startServer } from '@skyarc/server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DataCenterWorld, startDataCenter, uploadsOf } from './world.ts';

let world: DataCenterWorld;
let server: RunningServer;
let skyarc: SkyarcClient;
let teamId: string;
let groupId: string;

beforeAll(async () => {
  world = await startDataCenter(
    { etcd: 20_570, etcdPeer: 20_571, api: 20_572 },
    { l4Ports: { first: 20_000, last: 20_009 }, ...uploadsOf() },
  );
  server = await startServer({
    port: 20_573,
    statusPort: 20_574,
    databaseFile: join(world.folder, 'console.db'),
    samplesFolder: join(world.folder, 'samples'),
    tls: { ca: world.authority.cert, ...world.console },
    dataCenters: [{ name: 'local', displayName: 'Here', apiUrl: world.api.url }],
  });
  skyarc = createClient({ url: `${server.url}/graphql` });
  const password = 'correct horse battery';
  const token = server.claimToken ?? '';
  await skyarc.account.claim({ token, name: 'Ann', email: 'ann@example.test', password, teamName: 'blue' });
  const team = await skyarc.teams.get('blue');
  teamId = team.id;
  groupId = team.groups[0]?.id ?? '';
});
afterAll(async () => {
  await skyarc?.dispose();
  await server?.stop();
  await world?.stop();
});

const source = { git: { url: 'https://git.example.test/shop.git', branch: 'main' } };

async function createApp(name: string, more: object = {}): Promise<string> {
  const input = { groupId, name, source, deploy: false, ports: [{ port: 80 }], ...more };
  return (await skyarc.apps.create(input)).app.id;
}

test('all that an app is told is read back in one document, beside its light fields', async () => {
  const db = await createApp('db', { ports: [{ port: 5432, protocol: 'TCP', public: false }] });
  const web = await createApp('web');
  const plugin = await skyarc.plugins.save({
    teamId,
    name: 'proxy',
    kind: 'SIDE_CAR',
    image: 'envoy:1',
    fields: [{ name: 'LEVEL', defaultValue: 'info' }],
  });
  const { configSet } = await skyarc.configSets.save({
    groupId,
    name: 'common',
    entries: [{ name: 'ZONE', value: 'eu' }],
    appIds: [web],
  });
  const { operation } = await skyarc.apps.update(web, {
    run: {
      probes: { readiness: { kind: 'HTTP', path: '/ready' } },
      autoscaling: { minReplicas: 1, maxReplicas: 3, metrics: [{ kind: 'CPU', target: 60 }] },
    },
    routes: [
      {
        host: 'shop.example.test',
        port: 80,
        policy: {
          match: { headers: [{ name: 'X-Beta', value: '1' }] },
          split: { targets: [{ appId: web, port: 80, weight: 1 }] },
          rateLimit: { requests: 10 },
        },
      },
    ],
    l4Routes: [],
    volumes: [{ name: 'data', kind: 'SHARED', mountPath: '/data', sizeMb: 10 }],
    dependencyIds: [db],
    plugins: [{ pluginId: plugin.id }],
  });
  expect(operation).toBeNull();
  await skyarc.apps.update(db, { l4Routes: [{ port: 5432 }] });
  const settings = await skyarc.apps.settings(web);
  expect(settings).toMatchObject({
    run: { probes: { readiness: { path: '/ready', periodSeconds: 3 } }, autoscaling: { maxReplicas: 3 } },
    routes: [
      {
        policy: {
          match: { headers: [{ name: 'X-Beta', op: 'EXACT' }] },
          split: { targets: [{ appId: web, weight: 1 }] },
          rateLimit: { requests: 10, perSeconds: 1, key: { by: 'IP' } },
        },
      },
    ],
    volumes: [{ name: 'data', sizeMb: 10, status: null }],
    dependencies: [
      { app: { name: 'db' }, variables: [{ name: 'DB_HOST' }, { name: 'DB_PORT', value: '5432' }] },
    ],
    plugins: [{ version: 1, plugin: { name: 'proxy' }, config: [{ name: 'LEVEL', value: 'info' }] }],
    configSetIds: [configSet.id],
  });
  expect(settings.effectiveEnv.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['DB_HOST', 'ZONE', 'PORT']),
  );
  expect((await skyarc.apps.settings(db)).dependents).toMatchObject([{ name: 'web' }]);
  expect((await skyarc.apps.get(db)).l4Routes).toMatchObject([{ listenPort: 20_000 }]);
  expect((await skyarc.apps.list('blue')).map(({ name }) => name)).toEqual(['db', 'web']);
  expect(await skyarc.configSets.list(groupId)).toMatchObject([{ name: 'common', apps: [{ name: 'web' }] }]);
  await skyarc.plugins.save({ id: plugin.id, teamId, name: 'proxy', kind: 'SIDE_CAR', image: `app:${db}` });
  expect(await skyarc.plugins.list('blue')).toMatchObject([
    {
      apps: [{ name: 'web' }],
      dataCenter: { name: 'local' },
      versions: [
        { number: 2, app: { id: db, name: 'db' } },
        { number: 1, app: null, image: 'envoy:1' },
      ],
    },
  ]);
  expect(await skyarc.routes.l4Ports('blue')).toMatchObject({
    nextTcp: 20_001,
    routes: [{ listenPort: 20_000 }],
  });
  expect(await skyarc.apps.scalings(web)).toEqual([]);
  expect(await skyarc.apps.jobRuns(web)).toEqual([]);
  expect(await skyarc.apps.traffic(web)).toEqual([]);
  await expect(skyarc.routes.explain(teamId, { url: 'http://shop.example.test/' })).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  });
  await expect(skyarc.plugins.delete(plugin.id)).rejects.toThrow('app "web" uses it');
  expect(await skyarc.configSets.delete(configSet.id)).toEqual([]);
  await skyarc.apps.update(web, { plugins: [] });
  await skyarc.plugins.delete(plugin.id);
});

test('a certificate is stored and removed, a quota set and reached', async () => {
  const pair = await world.authority.issue({ commonName: 'x', usage: 'server', names: ['x.test'] });
  const input = { teamId, name: 'x', chain: pair.cert, privateKey: pair.key };
  const { id } = await skyarc.certificates.upload(input);
  expect(await skyarc.certificates.list('blue')).toMatchObject([{ name: 'x', hosts: ['x.test'] }]);
  await expect(skyarc.certificates.renew(id)).rejects.toThrow('it was uploaded; upload its successor');
  await expect(skyarc.certificates.order({ teamId, name: 'y', hosts: ['y.test'] })).rejects.toThrow(
    'are off',
  );
  await skyarc.certificates.delete(id);
  const { apps } = await skyarc.quotas.set({ teamId, apps: 2 });
  expect(apps).toEqual({ limit: 2, used: 2 });
  const refused = await createApp('third').catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(SkyarcError);
  expect(refused).toMatchObject({ code: 'EXHAUSTED' });
  expect(await skyarc.quotas.of('blue')).toMatchObject([
    { dataCenter: { name: 'local' }, apps: { limit: 2 } },
  ]);
  expect(await skyarc.quotas.list()).toMatchObject([{ teamName: 'blue', team: { id: teamId } }]);
  expect(await skyarc.platform.storageClasses()).toMatchObject([{ name: 'local', storageClasses: [] }]);
});

test('an operator sees topics of the queue, limits one, and has no dead letters to look at', async () => {
  const { platform } = skyarc;
  const { limits } = await platform.updateQueueTopic('local', 'build', {
    maxMessages: 500,
    retainSeconds: 60,
  });
  expect(limits).toMatchObject({ maxMessages: 500, retainSeconds: 60, retainBytes: null });
  await platform.updateQueueTopic('local', 'build', {});
  const [dataCenter] = await platform.queueTopics();
  const topic = dataCenter?.queueTopics?.find(({ name }) => name === 'build');
  expect(topic).toMatchObject({ deadLetters: 0, limits: { retainSeconds: null } });
  expect(await platform.deadLetters('local', 'build')).toEqual({ more: false, letters: [] });
  expect((await platform.dnsServers()).map(({ dns }) => dns)).toEqual([[]]);
  expect(await platform.replayDeadLetters('local', 'build')).toBe(0);
  expect(await platform.discardDeadLetters('local', 'build')).toBe(0);
  await expect(platform.replayDeadLetters('local', 'build', [])).rejects.toThrow('name some');
  await expect(platform.deleteQueueGroup('local', 'build', 'nobody')).rejects.toThrow('has no group');
});

test('a group acts as one, its operations in order', async () => {
  const operations = await skyarc.groups.deploy(groupId);
  expect(operations.map(({ appName }) => appName)).toEqual(['db', 'web']);
  expect(operations[1]?.afterIds).toEqual([operations[0]?.id]);
  expect(new Set(operations.map(({ batchId }) => batchId)).size).toBe(1);
  await expect(skyarc.groups.stop(groupId)).rejects.toThrow('it has no app to stop');
  await expect(skyarc.groups.start(groupId)).rejects.toThrow('it has no app to start');
  await expect(skyarc.groups.restart(groupId)).rejects.toThrow('it has no app to restart');
});

test('a group that goes takes its configuration sets along', async () => {
  const group = await skyarc.teams.createGroup({ teamId, name: 'short' });
  await skyarc.configSets.save({ groupId: group.id, name: 'left', entries: [], appIds: [] });
  await skyarc.teams.deleteGroup(group.id);
  expect(await world.db.configSet.count({ where: { groupId: group.id } })).toBe(0);
});

const zip = Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(2_000, 1)]);

test('an archive is uploaded once, becomes the source of an app, and belongs to its team and login', async () => {
  await skyarc.quotas.set({ teamId });
  const sent = await skyarc.sources.upload({ teamId }, { name: 'shop.zip', content: new Blob([zip]) });
  expect(sent).toMatchObject({ fileName: 'shop.zip', status: 'READY', sizeBytes: String(zip.length) });
  expect(sent.sha256).toMatch(/^[0-9a-f]{64}$/);
  const appId = await createApp('uploaded', { source: { upload: { id: sent.id, subdirectory: 'src' } } });
  const { source: shown } = await skyarc.apps.get(appId);
  expect(shown).toMatchObject({
    kind: 'UPLOAD',
    uploadId: sent.id,
    fileName: 'shop.zip',
    subdirectory: 'src',
  });
  const stored = await world.db.app.findUniqueOrThrow({ where: { id: appId } });
  expect(JSON.parse(stored.source)).toMatchObject({ sha256: sent.sha256 });

  const { url, id } = await skyarc.sources.createUpload({ teamId, fileName: 'again.zip' });
  await skyarc.putFile(url, new Blob([zip]));
  await expect(skyarc.putFile(url, new Blob([zip]))).rejects.toMatchObject({ code: 'CONFLICT' });
  expect((await world.db.upload.findUniqueOrThrow({ where: { id } })).sha256).toBe(sent.sha256);

  const other = await skyarc.sources.createUpload({ teamId, fileName: 'other.zip' });
  const put = (path: string, body: string, headers: Record<string, string> = {}) =>
    fetch(`${server.url}${path}`, { method: 'PUT', body, headers });
  expect((await put(other.url, 'PK')).status).toBe(401);
  const token = await skyarc.account.createApiToken({ name: 'ci' });
  const bearer = { authorization: `Bearer ${token.secret}` };
  expect((await put(other.url, 'PK', bearer)).status).toBe(403);
  expect((await put(`${other.url.slice(0, -4)}AAAA`, 'PK', bearer)).status).toBe(403);
  expect((await put('/uploads', 'PK', bearer)).status).toBe(403);
  expect((await fetch(`${server.url}${other.url}`, { headers: bearer })).status).toBe(400);
});

test.each([
  ['shop.zip', Buffer.from('hello'), /its content is not a zip archive/],
  ['shop.tgz', zip, /its content is not a gzip file/],
  ['shop.tar', zip, /its content is not a tar archive/],
  ['shop.zip', Buffer.alloc((1 << 20) + 1), /larger than the limit of 1 MiB/],
  ['shop.exe', zip, /An upload is a \.zip/],
  ['../shop.zip', zip, /A file name has only/],
  ['-rf.zip', zip, /A file name has only/],
  ['shop.zip', Buffer.alloc(0), /it is empty/],
])('an upload of %s with other content is refused: %#', async (name, content, message) => {
  const sent = skyarc.sources.upload({ teamId }, { name, content: new Blob([content]) });
  await expect(sent).rejects.toThrow(message);
});

test('more than announced, or than the team may keep, is cut', async () => {
  const { url } = await skyarc.sources.createUpload({ teamId, fileName: 'big.zip' });
  const big = new Blob([Buffer.concat([zip, Buffer.alloc(1 << 20)])]);
  await expect(skyarc.putFile(url, big)).rejects.toMatchObject({ code: 'INVALID' });
  const full = Buffer.concat([zip, Buffer.alloc(900_000)]);
  await skyarc.sources.upload({ teamId }, { name: 'a.zip', content: new Blob([full]) });
  await skyarc.sources.upload({ teamId }, { name: 'b.zip', content: new Blob([full]) });
  const third = skyarc.sources.upload({ teamId }, { name: 'c.zip', content: new Blob([full]) });
  await expect(third).rejects.toMatchObject({ code: 'EXHAUSTED' });
});

test('registries keep their password to themselves, and a check of a source is asked for and read', async () => {
  const host = 'registry.example.test:5000';
  const saved = await skyarc.sources.saveRegistry({ teamId, host, username: 'ann', password: 'first-one' });
  const again = await skyarc.sources.saveRegistry({ teamId, host, username: 'bob' });
  expect(again.id).toBe(saved.id);
  expect(await skyarc.sources.registries('blue')).toMatchObject([{ host, username: 'bob' }]);
  const row = await world.db.registryCredential.findUniqueOrThrow({ where: { id: saved.id } });
  expect(row.password).not.toContain('first-one');
  expect(world.secretBox.open(row.password, `registry:${row.id}`)).toBe('first-one');
  await skyarc.sources.deleteRegistry(saved.id);
  expect(await skyarc.sources.registries('blue')).toEqual([]);

  const git = {
    url: 'https://git.example.test/a.git',
    branch: 'tag:v1',
    username: 'ann',
    password: 'second-one',
  };
  const begun = await skyarc.sources.beginExamination({ teamId, source: { git } });
  expect(await skyarc.sources.examination(begun.id)).toMatchObject({
    status: 'QUEUED',
    log: [],
    found: null,
  });
  const task = await world.db.examination.findUniqueOrThrow({ where: { id: begun.id } });
  expect(JSON.parse(task.source)).toMatchObject({ branch: 'v1', refKind: 'TAG' });
  expect(world.secretBox.open(task.sourceSecret ?? '', `source:${begun.id}`)).toContain('second-one');
  await world.db.examination.update({ where: { id: begun.id }, data: { expiresAt: new Date(0) } });
  await expect(skyarc.sources.examination(begun.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});
