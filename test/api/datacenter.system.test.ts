import { parseConfig } from '@skyarc/lib/config';
import { buildTask, streamOf } from '@skyarc/lib/contracts';
import type { AppError } from '@skyarc/lib/errors';
import { OperationJournal } from '@skyarc/prisma/datacenter';
import { type CallScope, DataCenterClient, dataCenterDocuments as documents } from '@skyarc/server/host';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { type DataCenterWorld, startDataCenter } from './world.ts';

const blue: CallScope = { teams: ['blue'], actor: 'ann@example.test' };
const red: CallScope = { teams: ['red'], actor: 'bob@example.test' };
const everyPart = {
  pods: true,
  network: true,
  env: true,
  versions: true,
  versionCount: 5,
  builds: true,
  buildCount: 5,
  operation: true,
  settings: true,
};
const source = { git: { url: 'https://git.example.test/shop.git', branch: 'main' } };

let world: DataCenterWorld;
let client: DataCenterClient;
beforeAll(async () => {
  world = await startDataCenter({ etcd: 20_520, etcdPeer: 20_521, api: 20_522 });
  client = new DataCenterClient('local', world.api.url, { ca: world.authority.cert, ...world.console });
});
afterAll(async () => {
  client.close();
  await world.stop();
});

async function createApp(name: string, input: object = {}, scope = blue): Promise<string> {
  const variables = { input: { groupId: 'g1', name, source, ...input } };
  return (await client.call(documents.CreateAppDocument, variables, scope)).createApp.id;
}

async function findApp(id: string, scope = blue) {
  return (await client.call(documents.AppsDocument, { ids: [id], ...everyPart }, scope)).apps[0];
}

/** What a call throws. */
async function refusalOf(call: Promise<unknown>): Promise<AppError> {
  return call.then(
    () => {
      throw new Error('it was not refused');
    },
    (error: unknown) => error as AppError,
  );
}

test('an app has what it was made with, and its secrets never come back', async () => {
  const id = await createApp('shop', {
    source: { git: { ...source.git, username: 'ann', password: 'geheim-1' } },
    run: { replicas: 2, command: ['node', 'server.js'], healthPath: '/healthz' },
    env: [
      { name: 'MODE', value: 'test' },
      { name: 'API_KEY', value: 'geheim-2', secret: true },
    ],
    ports: [{ port: 3000 }, { port: 5432, protocol: 'TCP', public: false }],
  });
  const app = await findApp(id);
  expect(app).toMatchObject({
    name: 'shop',
    state: 'NEW',
    run: { replicas: 2, command: ['node', 'server.js'], healthPath: '/healthz' },
    source: { kind: 'GIT', url: source.git.url, branch: 'main', hasCredentials: true },
    env: [
      { name: 'API_KEY', value: null, secret: true },
      { name: 'MODE', value: 'test', secret: false },
    ],
    ports: [
      { port: 3000, url: 'http://3000.shop.blue.skyarc.localhost:8080/', internalAddress: 'shop:3000' },
      { port: 5432, protocol: 'TCP', url: null },
    ],
  });
  expect(JSON.stringify(app)).not.toContain('geheim');
  const stored = await world.db.app.findUniqueOrThrow({ where: { id }, include: { env: true } });
  expect(JSON.stringify(stored)).not.toContain('geheim');
  expect(world.secretBox.open(stored.sourceSecret ?? '', `source:${id}`)).toBe(
    JSON.stringify({ username: 'ann', password: 'geheim-1' }),
  );
});

test('a change keeps secrets that were not given anew, and forgets credentials for another host', async () => {
  const id = await createApp('keeper', {
    source: { git: { ...source.git, username: 'ann', password: 'geheim' } },
    env: [{ name: 'KEY', value: 'old', secret: true }],
  });
  const change = (input: object) => client.call(documents.UpdateAppDocument, { id, input }, blue);
  await change({
    env: [
      { name: 'KEY', secret: true },
      { name: 'NEW', value: 'x' },
    ],
  });
  const env = await world.db.envVar.findMany({ where: { appId: id }, orderBy: { name: 'asc' } });
  expect(env.map((row) => world.secretBox.open(row.value, `env:${id}:${row.name}`))).toEqual(['old', 'x']);
  await change({ source: { git: { ...source.git, branch: 'next' } } });
  expect((await findApp(id))?.source).toMatchObject({ branch: 'next', hasCredentials: true });
  await change({ source: { git: { url: 'https://evil.example.test/shop.git', branch: 'next' } } });
  expect((await findApp(id))?.source.hasCredentials).toBe(false);
});

const badInputs: [string, object, RegExp][] = [
  ['a name with upper case', { name: 'Shop' }, /name: An app name begins with a letter/],
  [
    'an option as branch',
    { source: { git: { ...source.git, branch: '--upload-pack=x' } } },
    /source.git.branch/,
  ],
  ['a shell in the branch', { source: { git: { ...source.git, branch: '$(id)' } } }, /source.git.branch/],
  ['a branch with a newline', { source: { git: { ...source.git, branch: 'a\nb' } } }, /source.git.branch/],
  ['an option as address', { source: { git: { url: '--config=x', branch: 'main' } } }, /source.git.url/],
  ['a file address', { source: { git: { url: 'file:///etc', branch: 'main' } } }, /source.git.url/],
  [
    'a password in the address',
    { source: { git: { url: 'https://a:b@c.test/d', branch: 'main' } } },
    /source.git.url/,
  ],
  ['a way out of the folder', { source: { git: { ...source.git, subdirectory: '../x' } } }, /subdirectory/],
  ['two sources', { source: { ...source, template: 'x' } }, /exactly one of git, svn/],
  ['an environment name with a blank', { env: [{ name: 'A B', value: '' }] }, /env.0.name/],
  ['a reserved environment name', { env: [{ name: 'SKYARC_X', value: '' }] }, /reserved/],
  ['a value with NUL', { env: [{ name: 'A', value: 'a\u0000b' }] }, /no NUL/],
  [
    'a name twice',
    {
      env: [
        { name: 'A', value: '' },
        { name: 'A', value: '' },
      ],
    },
    /twice/,
  ],
  ['a port out of range', { ports: [{ port: 70_000 }] }, /ports.0.port/],
  ['a health path with quotes', { run: { healthPath: '/"; return 200;' } }, /healthPath/],
  ['too many pods', { run: { replicas: 1_000 } }, /replicas: At most 50/],
  ['a secret without a value', { env: [{ name: 'KEY', secret: true }] }, /secret KEY has no value/],
];
test.each(badInputs)('%s is refused', async (_name, input, message) => {
  const error = await refusalOf(createApp('bad', input));
  expect(error).toMatchObject({ code: 'INVALID', message: expect.stringMatching(message) });
  expect(await world.db.app.count({ where: { name: 'bad' } })).toBe(0);
});

test('a name is taken once in a team, and free in another', async () => {
  await createApp('taken');
  expect(await refusalOf(createApp('taken'))).toMatchObject({
    code: 'CONFLICT',
    message: 'Cannot create app "taken": name is taken in team "blue"',
  });
  await createApp('taken', {}, red);
});

test('of ten deploys at once one begins, its task reaches the queue, and the others name it', async () => {
  const id = await createApp('busy');
  const outcomes = await Promise.allSettled(
    Array.from({ length: 10 }, () => client.call(documents.DeployAppDocument, { id }, blue)),
  );
  const done = outcomes.filter((one) => one.status === 'fulfilled');
  const refused = outcomes.filter((one) => one.status === 'rejected').map((one) => one.reason as AppError);
  expect(done).toHaveLength(1);
  const operation = done[0]?.value.deployApp;
  expect(refused).toHaveLength(9);
  for (const error of refused) {
    expect(error).toMatchObject({ code: 'CONFLICT', details: { operationId: operation?.id } });
    expect(error.message).toMatch(/deploy by ann@example.test is still running/);
  }
  const stop = new AbortController();
  const task = await new Promise((resolve) => {
    void world.mq.consume({ topic: 'build', group: 'test', signal: stop.signal }, async ({ body }) => {
      const parsed = parseConfig('task', buildTask, body);
      if (parsed.appId === id) resolve(parsed);
    });
  });
  stop.abort();
  expect(task).toEqual({ operationId: operation?.id, buildId: operation?.buildId, appId: id, team: 'blue' });
  expect(await findApp(id)).toMatchObject({ state: 'STARTING', activeOperation: { id: operation?.id } });
});

test('another team sees nothing and changes nothing', async () => {
  const id = await createApp('private');
  const { deployApp: operation } = await client.call(documents.DeployAppDocument, { id }, blue);
  const buildId = operation.buildId ?? '';
  expect(await findApp(id, red)).toBeUndefined();
  expect((await client.call(documents.BuildsDocument, { ids: [buildId] }, red)).builds).toEqual([null]);
  const { operationsById } = await client.call(
    documents.OperationsByIdDocument,
    { ids: [operation.id] },
    red,
  );
  expect(operationsById).toEqual([null]);
  const { operations } = await client.call(documents.OperationsDocument, { appId: id }, red);
  expect(operations.items).toEqual([]);
  const logOf = (kind: 'APP' | 'BUILD' | 'OPERATION', ofId: string) =>
    client.call(documents.LogDocument, { source: { kind, id: ofId } }, red);
  const changes = [
    client.call(documents.DeployAppDocument, { id }, red),
    client.call(documents.StartAppDocument, { id }, red),
    client.call(documents.StopAppDocument, { id }, red),
    client.call(documents.RestartAppDocument, { id }, red),
    client.call(documents.DeleteAppDocument, { id }, red),
    client.call(documents.ScaleAppDocument, { id, replicas: 2 }, red),
    client.call(documents.RollbackAppDocument, { id, versionId: id }, red),
    client.call(documents.UpdateAppDocument, { id, input: { displayName: 'mine' } }, red),
    client.call(documents.CancelOperationDocument, { id: operation.id }, red),
    logOf('APP', id),
    logOf('BUILD', buildId),
    logOf('OPERATION', operation.id),
    client.subscribe(documents.AppChangedDocument, { id, ...everyPart }, { scope: red }).next(),
    client.subscribe(documents.OperationChangedDocument, { id: operation.id }, { scope: red }).next(),
    client.subscribe(documents.LogLinesDocument, { source: { kind: 'APP', id } }, { scope: red }).next(),
  ];
  for (const call of changes) expect((await refusalOf(call)).code).toBe('NOT_FOUND');
  const both = { teams: ['blue', 'red'], actor: 'x' };
  expect((await refusalOf(createApp('both', {}, both))).code).toBe('INVALID');
  expect((await refusalOf(createApp('all', {}, { teams: ['*'], actor: 'x' }))).code).toBe('INVALID');
});

test('an operation is told from its beginning to its end, and its log ends with it', async () => {
  const id = await createApp('story');
  const { deployApp } = await client.call(documents.DeployAppDocument, { id }, blue);
  const operations = client.subscribe(
    documents.OperationChangedDocument,
    { id: deployApp.id },
    { scope: blue },
  );
  const apps = client.subscribe(documents.AppChangedDocument, { id, ...everyPart }, { scope: blue });
  const logOf = { source: { kind: 'OPERATION' as const, id: deployApp.id } };
  const lines = client.subscribe(documents.LogLinesDocument, logOf, { scope: blue });
  expect((await operations.next()).value.operationChanged.status).toBe('QUEUED');
  expect((await apps.next()).value.appChanged.state).toBe('STARTING');
  const tell = (stream: string, line: string) =>
    world.eventLog.append([
      {
        stream,
        line,
        source: 'test',
        level: 'info',
        channel: '',
        timeMs: Date.now(),
        producer: '',
        producerSeq: 0,
      },
    ]);
  const told: Promise<unknown>[] = [];
  const journal = await OperationJournal.open(world.db, deployApp.id, {
    say: (operationId, text) => void told.push(tell(streamOf.operation(operationId), text)),
    notify: (team, notice) => void told.push(tell(streamOf.changes(team), JSON.stringify(notice))),
  });
  await journal?.start();
  journal?.say('Fetching');
  await journal?.step('FETCH', () => Promise.resolve('Fetched'));
  await journal?.finish('FAILED', 'The build ended with exit code 1');
  await Promise.all(told);
  const statuses: string[] = [];
  for await (const { operationChanged } of operations) statuses.push(operationChanged.status);
  expect(statuses.at(-1)).toBe('FAILED');
  const texts: string[] = [];
  for await (const { logLines } of lines) texts.push(...logLines.lines.map((line) => line.text));
  expect(texts).toEqual(['Fetching', 'The build ended with exit code 1']);
  for await (const { appChanged } of apps) {
    if (appChanged?.state !== 'FAILED') continue;
    expect(appChanged).toMatchObject({
      stateReason: 'The build ended with exit code 1',
      activeOperation: null,
    });
    break;
  }
});

test('a pod that changes is told at once', async () => {
  const id = await createApp('podded');
  await world.db.app.update({ where: { id }, data: { desired: 'RUNNING' } });
  const apps = client.subscribe(documents.AppChangedDocument, { id, ...everyPart }, { scope: blue });
  expect((await apps.next()).value.appChanged.pods).toEqual([]);
  const labels = { 'app.kubernetes.io/managed-by': 'skyarc', 'skyarc.dev/app-id': id };
  await world.kube.create('namespaces', { metadata: { name: 'skyarc-blue' } }).catch(() => undefined);
  await world.kube.create('pods', {
    metadata: { name: 'podded-1', namespace: 'skyarc-blue', labels },
    spec: { containers: [{ name: 'app', image: 'x' }] },
  });
  const startedAt = Date.now();
  expect((await apps.next()).value.appChanged.pods).toMatchObject([{ name: 'podded-1', ready: false }]);
  expect(Date.now() - startedAt).toBeLessThan(1_500);
  await apps.return();
});

test('a log is read by pages in both directions', async () => {
  const id = await createApp('talker');
  const frames = Array.from({ length: 25 }, (_, index) => ({
    stream: streamOf.app(id),
    line: `line ${index + 1}`,
    source: index % 2 ? 'talker-a/app' : 'talker-b/app',
    level: 'info',
    channel: 'stdout',
    timeMs: Date.now(),
    producer: '',
    producerSeq: 0,
  }));
  await world.eventLog.append(frames);
  const read = async (page: object) =>
    (await client.call(documents.LogDocument, { source: { kind: 'APP', id }, page }, blue)).log;
  const newest = await read({ last: 10 });
  expect(newest.lines.map((line) => line.text)).toEqual(frames.slice(15).map((frame) => frame.line));
  expect(newest.hasOlder).toBe(true);
  const older = await read({ last: 100, before: newest.lines[0]?.cursor });
  expect(older.lines).toHaveLength(15);
  expect(older.hasOlder).toBe(false);
  const forward = await read({ last: 10, after: '0' });
  expect(forward.lines[0]?.text).toBe('line 1');
  expect((await read({ pod: 'talker-a' })).lines).toHaveLength(12);
  expect((await read({ contains: 'line 2' })).lines.map((line) => line.text)).toEqual(
    ['2', '20', '21', '22', '23', '24', '25'].map((number) => `line ${number}`),
  );
  expect((await refusalOf(read({ after: '1; drop' }))).code).toBe('INVALID');
});

test('only the console comes in: no other name, no other authority, no stranger', async () => {
  const other = await world.authority.issue({ commonName: 'someone', usage: 'client' });
  const foreign = await (
    await import('@skyarc/lib/certificates')
  ).CertificateAuthority.ensure(`${world.folder}/other-ca`, 'other');
  const forged = await foreign.issue({ commonName: 'console', usage: 'client' });
  const ca = world.authority.cert;
  for (const tls of [
    { ca, ...other },
    { ca, ...forged },
    { ca, cert: '', key: '' },
  ]) {
    const intruder = new DataCenterClient('local', world.api.url, tls);
    expect((await refusalOf(intruder.call(documents.SettingsDocument, {}, blue))).code).toBe('UNAVAILABLE');
    intruder.close();
  }
});

test('who did what is written down, also what was refused', async () => {
  const id = await createApp('watched');
  expect(await refusalOf(client.call(documents.StartAppDocument, { id }, blue))).toMatchObject({
    code: 'CONFLICT',
    message: 'Cannot start app "watched": it has no version yet; deploy it first',
  });
  await world.db.app.update({ where: { id }, data: { currentVersionId: 'local.version.aaaaaaaaaaaaaaaa' } });
  await client.call(documents.ScaleAppDocument, { id, replicas: 3 }, blue);
  await refusalOf(client.call(documents.ScaleAppDocument, { id, replicas: 4 }, blue));
  const entries = await world.db.auditEntry.findMany({ where: { target: id }, orderBy: { id: 'asc' } });
  expect(entries).toMatchObject([
    { action: 'startApp', outcome: 'CONFLICT' },
    { teamName: 'blue', actor: 'ann@example.test', action: 'scaleApp', outcome: 'OK' },
    { action: 'scaleApp', outcome: 'CONFLICT' },
  ]);
  expect((await findApp(id))?.run.replicas).toBe(3);
});

test('a subscription goes on after the API was away', async () => {
  const id = await createApp('patient');
  const apps = client.subscribe(documents.AppChangedDocument, { id, ...everyPart }, { scope: blue });
  expect((await apps.next()).value.appChanged.displayName).toBe('patient');
  await world.restartApi();
  await client.call(documents.UpdateAppDocument, { id, input: { displayName: 'Still here' } }, blue);
  for await (const { appChanged } of apps) if (appChanged?.displayName === 'Still here') break;
});

test('the data centre says what it is, metrics and health are served', async () => {
  const { dataCenter } = await client.call(documents.InfoDocument, {}, blue);
  expect(dataCenter).toMatchObject({ name: 'local', domain: 'skyarc.localhost', gatewayHttpPort: 8080 });
  expect(dataCenter.kubernetesVersion).toMatch(/^v1\./);
  expect((await client.call(documents.SshPublicKeyDocument, {}, blue)).sshPublicKey).toMatch(/^ssh-ed25519 /);
  const health = await fetch(`${world.api.statusUrl}/healthz`);
  expect(await health.text()).toBe('ok\n');
  const metrics = await (await fetch(`${world.api.statusUrl}/metrics`)).text();
  expect(metrics).toMatch(/skyarc_api_operation_seconds_count{.*operation="Info",outcome="ok"} 1/);
});
