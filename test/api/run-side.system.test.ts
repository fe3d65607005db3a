import { CertificateAuthority } from '@skyarc/lib/certificates';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blue, red, refusalOf, TestClient } from './data-center-client.ts';
import { type DataCenterWorld, startDataCenter } from './world.ts';

let world: DataCenterWorld;
let api: TestClient;

beforeAll(async () => {
  world = await startDataCenter(
    { etcd: 20_550, etcdPeer: 20_551, api: 20_552 },
    { l4Ports: { first: 20_000, last: 20_002 } },
  );
  api = new TestClient(world);
});
afterAll(async () => {
  api?.close();
  await world?.stop();
});

const http = { ports: [{ port: 80 }] };
const issue = (names: string[], days = 90) =>
  world.authority.issue({ commonName: names[0] ?? '', usage: 'server', names, days });
const idsOf = (operations: { id: string; appName: string }[]) =>
  Object.fromEntries(operations.map(({ id, appName }) => [appName, id]));
const operationsOf = (appId: string) => world.db.operation.findMany({ where: { appId } });

test('run settings come back as they were given, defaults filled in', async () => {
  const id = await api.createApp('settings', {
    ...http,
    run: {
      probes: { liveness: { kind: 'COMMAND', command: ['true'], periodSeconds: 7 } },
      placement: { nodes: [{ key: 'disk', values: ['ssd'] }], labels: [{ key: 'tier', value: 'web' }] },
      rollout: { maxSurge: '50%' },
      autoscaling: { minReplicas: 2, maxReplicas: 5, metrics: [{ kind: 'REQUEST_RATE', target: 10 }] },
      cpuRequestMillis: 100,
    },
  });
  const fields = `run {
    cpuRequestMillis memoryRequestMb
    probes { startup { kind } liveness { kind command periodSeconds timeoutSeconds headers { name } } }
    placement { nodes { key operator values required } spread labels { key value } }
    rollout { strategy maxSurge maxUnavailable terminationGraceSeconds }
    job { schedule } autoscaling { enabled minReplicas metrics { kind target current } scaleDownDelaySeconds }
  }`;
  const { run } = await api.app(id, fields);
  expect(run).toEqual({
    cpuRequestMillis: 100,
    memoryRequestMb: null,
    probes: {
      startup: null,
      liveness: { kind: 'COMMAND', command: ['true'], periodSeconds: 7, timeoutSeconds: 5, headers: [] },
    },
    placement: {
      nodes: [{ key: 'disk', operator: 'IN', values: ['ssd'], required: true }],
      spread: true,
      labels: [{ key: 'tier', value: 'web' }],
    },
    rollout: { strategy: 'ROLLING', maxSurge: '50%', maxUnavailable: '0', terminationGraceSeconds: 30 },
    job: null,
    autoscaling: {
      enabled: true,
      minReplicas: 2,
      metrics: [{ kind: 'REQUEST_RATE', target: 10, current: null }],
      scaleDownDelaySeconds: 300,
    },
  });
  await api.update(id, { run: { cpuRequestMillis: 0, probes: {} } });
  const changed = await api.app(id, fields);
  expect(changed.run).toMatchObject({
    cpuRequestMillis: null,
    probes: { liveness: null },
    rollout: { maxSurge: '50%' },
  });
});

test('a schedule says when it runs next, and a job is run by hand', async () => {
  const run = { workload: 'CRON_JOB', job: { schedule: '0 4 * * *', timeZone: 'Europe/Berlin' } };
  const id = await api.createApp('nightly', { run });
  const fields = 'run { job { schedule concurrency nextRunAt } } state jobRuns { status }';
  expect((await api.app(id, fields)).run.job).toMatchObject({ concurrency: 'FORBID', nextRunAt: null });
  const runApp = 'mutation ($id: ID!) { runApp(id: $id) { kind } }';
  expect((await refusalOf(api.ask(runApp, { id }))).message).toMatch(/it has no version yet/);
  await api.run(id);
  const deployed = await api.app(id, fields);
  expect(new Date(deployed.run.job.nextRunAt).getTime()).toBeGreaterThan(Date.now());
  expect(deployed).toMatchObject({ state: 'RUNNING', jobRuns: [] });
  expect((await api.ask(runApp, { id })).runApp.kind).toBe('RUN');
  const web = await api.createApp('no-job');
  expect((await refusalOf(api.ask(runApp, { id: web }))).message).toBe(
    'Cannot run app "no-job": only a JOB or CRON_JOB is run; it is STATELESS',
  );
});

describe('routes', () => {
  const fields = `routes {
    id host path enabled basicAuthUsers certificateId url
    policy { pathType split { targets { appId weight } sticky { by cookieName } } rewrite { kind replacement } maxBodyBytes httpsRedirect basicAuthRealm }
  }`;

  test('have a policy in the words of the API, and of the gateway where they are kept', async () => {
    const [id, other] = [await api.createApp('front', http), await api.createApp('front-two', http)];
    const policy = {
      split: {
        targets: [
          { appId: id, port: 80, weight: 9 },
          { appId: other, port: 80, weight: 1 },
        ],
        sticky: { by: 'COOKIE', cookieName: 'ab' },
      },
      rewrite: { kind: 'PREFIX', replacement: '/v2' },
      maxBodyBytes: '5000000000',
      httpsRedirect: true,
      basicAuthRealm: 'Inside',
    };
    const basicAuth = [{ name: 'ann', password: 'geheim' }];
    await api.update(id, { routes: [{ host: 'front.example.test', port: 80, policy, basicAuth }] });
    const { routes } = await api.app(id, fields);
    expect(routes).toMatchObject([
      {
        path: '/',
        enabled: true,
        url: 'https://front.example.test:8443/',
        basicAuthUsers: ['ann'],
        policy: {
          ...policy,
          pathType: 'PREFIX',
          split: { targets: [{ appId: id, weight: 9 }, { appId: other }] },
        },
      },
    ]);
    const stored = await world.db.route.findFirstOrThrow({ where: { appId: id } });
    expect(JSON.parse(stored.policy)).toMatchObject({
      split: { targets: [{ service: 'front' }, { service: 'front-two' }], sticky: { name: 'ab' } },
      rewrite: { to: '/v2' },
      maxBodyBytes: 5_000_000_000,
    });
    const before = world.secretBox.open(stored.basicAuth ?? '', `route:${stored.id}`);
    expect(before).toMatch(/^ann:\$2[aby]\$08\$/);
    // A null password keeps the stored one, and the route its id.
    await api.update(id, {
      routes: [
        { id: routes[0].id, host: 'front.example.test', path: '/x', port: 80, basicAuth: [{ name: 'ann' }] },
      ],
    });
    const kept = await world.db.route.findUniqueOrThrow({ where: { id: routes[0].id } });
    expect(world.secretBox.open(kept.basicAuth ?? '', `route:${kept.id}`)).toBe(before);
    await api.update(id, { routes: [] });
    expect(
      (await refusalOf(api.ask('mutation ($id: ID!) { deleteApp(id: $id) { id } }', { id: 'x' }))).code,
    ).toBe('NOT_FOUND');
  });

  test('a host is of the team that had it first, with what its wildcards cover', async () => {
    const mine = await api.createApp('owner', http);
    const theirs = await api.createApp('guest', http, red);
    await api.update(mine, {
      routes: [
        { host: '*.shop.test', port: 80 },
        { host: 'pay.example.test', port: 80 },
      ],
    });
    const claim = (host: string) => refusalOf(api.update(theirs, { routes: [{ host, port: 80 }] }, red));
    for (const host of ['a.shop.test', '*.shop.test', '*.example.test', 'pay.example.test']) {
      expect(await claim(host)).toMatchObject({
        code: 'CONFLICT',
        message: `Cannot change app "guest": routes.0.host: ${host} belongs to another team`,
      });
    }
    await api.update(theirs, { routes: [{ host: 'a.b.shop.test', port: 80 }] }, red);
    const twin = await api.createApp('owner-two', http);
    expect(
      (await refusalOf(api.update(twin, { routes: [{ host: 'pay.example.test', port: 80 }] }))).message,
    ).toBe(
      'Cannot change app "owner-two": routes.0: pay.example.test/ leads to app "owner" under the same conditions',
    );
    const match = { headers: [{ name: 'X-Beta', value: '1' }] };
    await api.update(twin, { routes: [{ host: 'pay.example.test', port: 80, policy: { match } }] });
  });

  test('of two teams that ask for a host at once one gets it', async () => {
    const apps = await Promise.all([api.createApp('race', http), api.createApp('race', http, red)]);
    const route = { routes: [{ host: 'race.example.test', port: 80, path: '/a' }] };
    const answers = await Promise.allSettled([
      api.update(apps[0], route, blue),
      api.update(apps[1], { routes: [{ ...route.routes[0], path: '/b' }] }, red),
    ]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });

  test('an app that takes a share of another one cannot go', async () => {
    const [front, back] = [await api.createApp('giver', http), await api.createApp('taker', http)];
    const policy = { split: { targets: [{ appId: back, port: 80, weight: 1 }] } };
    await api.update(front, { routes: [{ host: 'giver.example.test', port: 80, policy }] });
    const gone = api.ask('mutation ($id: ID!) { deleteApp(id: $id) { id } }', { id: back });
    expect((await refusalOf(gone)).message).toBe(
      'Cannot delete app "taker": route giver.example.test/ of app "giver" sends it a share; remove that first',
    );
  });
});

test('ports of the gateway are given in turn, kept, and refused with who has them', async () => {
  const ports = {
    ports: [
      { port: 5432, protocol: 'TCP' },
      { port: 53, protocol: 'UDP' },
    ],
  };
  const id = await api.createApp('db', ports);
  const other = await api.createApp('other-db', ports, red);
  await api.update(id, { l4Routes: [{ port: 5432 }, { port: 53, protocol: 'UDP' }] });
  await api.update(other, { l4Routes: [{ port: 5432 }] }, red);
  await api.update(id, { l4Routes: [{ port: 5432 }] });
  expect((await api.app(id, 'l4Routes { protocol listenPort port address }')).l4Routes).toEqual([
    { protocol: 'TCP', listenPort: 20_000, port: 5432, address: 'skyarc.localhost:20000' },
  ]);
  const all = '{ l4Ports { first last nextTcp nextUdp routes { listenPort } } }';
  expect((await api.ask(all)).l4Ports).toEqual({
    first: 20_000,
    last: 20_002,
    nextTcp: 20_002,
    nextUdp: 20_000,
    routes: [{ listenPort: 20_000 }],
  });
  const taken = await refusalOf(api.update(id, { l4Routes: [{ port: 5432, listenPort: 20_001 }] }));
  expect(taken.message).toBe(
    'Cannot change app "db": l4Routes.0.listenPort: TCP port 20001 is taken by another team; the next free one is 20000',
  );
  const [one, two, three] = [{ port: 5432 }, { port: 5432 }, { port: 5432 }];
  expect(await refusalOf(api.update(id, { l4Routes: [one, two, three] }))).toMatchObject({
    code: 'EXHAUSTED',
    message: 'Cannot change app "db": all TCP ports of the gateway from 20000 to 20002 are taken',
  });
});

test('volumes keep their data by their id, and are not taken from those who show them', async () => {
  const id = await api.createApp('files');
  const data = { name: 'data', kind: 'SHARED', mountPath: '/data', sizeMb: 100 };
  const config = {
    name: 'conf',
    kind: 'CONFIG_FILE',
    mountPath: '/etc/app.ini',
    content: 'a=${A}',
    fileMode: '0600',
  };
  await api.update(id, { volumes: [data, config] });
  const fields = 'volumes { id name kind mountPath sizeMb content fileMode sourceId status }';
  const { volumes } = await api.app(id, fields);
  const [first, second] = volumes;
  expect(volumes).toMatchObject([
    { name: 'data', sizeMb: 100 },
    { content: 'a=${A}', fileMode: '0600' },
  ]);
  const stored = await world.db.volume.findUniqueOrThrow({ where: { id: second.id } });
  expect(stored.content).not.toContain('a=');
  const refused = async (input: object[]) => (await refusalOf(api.update(id, { volumes: input }))).message;
  expect(await refused([{ ...data, id: first.id, sizeMb: 50 }])).toMatch(
    /volumes\.0\.sizeMb: "data" has 100 MB; a volume can grow/,
  );
  expect(await refused([{ ...data, id: first.id, kind: 'MEMORY' }])).toMatch(
    /volumes\.0\.kind: "data" is SHARED/,
  );
  expect(await refused([data])).toMatch(/volumes\.0\.id: "data" is there already/);
  // Two exchange their places.
  await api.update(id, {
    volumes: [
      { ...data, id: first.id, name: 'conf', sizeMb: 200 },
      { ...config, id: second.id, name: 'data' },
    ],
  });
  const reader = await api.createApp('reader');
  await api.update(reader, {
    volumes: [{ name: 'seen', kind: 'APP', mountPath: '/seen', sourceId: first.id, readOnly: true }],
  });
  expect(await refused([{ ...config, id: second.id }])).toMatch(
    /"conf" is shown in app "reader"; take it from there first/,
  );
  const gone = api.ask('mutation ($id: ID!) { deleteApp(id: $id) { id } }', { id });
  expect((await refusalOf(gone)).message).toMatch(/app "reader" shows one of its volumes/);
  const stranger = await api.createApp('stranger', {}, red);
  const stolen = { volumes: [{ name: 'seen', kind: 'APP', mountPath: '/seen', sourceId: first.id }] };
  expect((await refusalOf(api.update(stranger, stolen, red))).message).toMatch(
    /sourceId: no other app of the team/,
  );
});

test('an app is told of those that it needs; a circle is named', async () => {
  const db = await api.createApp('my-db', {
    ports: [{ port: 5432, protocol: 'TCP', public: false }],
    env: [
      { name: 'DB_PASSWORD', value: 'geheim', secret: true, scope: 'BOTH' },
      { name: 'DATA', value: '/x' },
    ],
  });
  const web = await api.createApp('my-web', { ports: [{ port: 80 }], env: [{ name: 'MODE', value: 'x' }] });
  const top = await api.createApp('my-top');
  await api.update(web, { dependencyIds: [db] });
  await api.update(top, { dependencyIds: [web] });
  const told = await api.app(
    web,
    `dependentIds dependencies { appId appName variables { name value secret } }
    effectiveEnv { name value origin originName }`,
  );
  expect(told).toMatchObject({
    dependentIds: [top],
    dependencies: [
      {
        appId: db,
        variables: [
          { name: 'MY_DB_HOST', value: 'my-db' },
          { name: 'MY_DB_PORT', value: '5432' },
          { name: 'DB_PASSWORD', value: null, secret: true },
        ],
      },
    ],
  });
  expect(told.effectiveEnv).toContainEqual({
    name: 'DB_PASSWORD',
    value: null,
    origin: 'DEPENDENCY',
    originName: 'my-db',
  });
  expect(told.effectiveEnv).toContainEqual({ name: 'MODE', value: 'x', origin: 'APP', originName: null });
  expect((await refusalOf(api.update(db, { dependencyIds: [top] }))).message).toBe(
    'Cannot change app "my-db": dependencyIds: apps would wait for each other: my-db -> my-top -> my-web -> my-db',
  );
  expect((await refusalOf(api.update(db, { dependencyIds: [db] }))).message).toMatch(/my-db -> my-db/);
  const gone = api.ask('mutation ($id: ID!) { deleteApp(id: $id) { id } }', { id: db });
  expect((await refusalOf(gone)).message).toMatch(/app "my-web" depends on it/);
});

describe('configuration sets', () => {
  const save = `mutation ($input: ConfigSetInput!) { saveConfigSet(input: $input) {
    configSet { id entries { name value secret } appIds } operations { appName kind }
  } }`;

  test('reach the apps that run, all or none', async () => {
    const [id, busy] = [await api.createApp('reads'), await api.createApp('busy')];
    await api.run(id);
    await api.run(busy);
    const entries = [
      { name: 'ZONE', value: 'eu' },
      { name: 'TOKEN', value: 'geheim', secret: true },
    ];
    const input = { groupId: 'g1', name: 'common', entries, appIds: [id] };
    const made = (await api.ask(save, { input })).saveConfigSet;
    expect(made.operations).toEqual([{ appName: 'reads', kind: 'CONFIGURE' }]);
    expect(made.configSet.entries).toEqual([
      { name: 'TOKEN', value: null, secret: true },
      { name: 'ZONE', value: 'eu', secret: false },
    ]);
    await api.settle(id);
    await api.ask('mutation ($id: ID!) { restartApp(id: $id) { id } }', { id: busy });
    const both = {
      ...input,
      id: made.configSet.id,
      entries: [{ name: 'TOKEN', secret: true }],
      appIds: [id, busy],
    };
    const refused = await refusalOf(api.ask(save, { input: both }));
    expect(refused).toMatchObject({ code: 'CONFLICT' });
    expect(refused.message).toMatch(
      /Cannot configure app "busy": restart by ann@example.test is still running/,
    );
    expect(await world.db.configSetEntry.count({ where: { configSetId: made.configSet.id } })).toBe(2);
    expect(await world.db.app.findUniqueOrThrow({ where: { id } })).toMatchObject({
      activeOperationId: null,
    });
    await api.settle(busy);
    await api.ask(save, { input: both });
    const row = await world.db.configSetEntry.findFirstOrThrow({ where: { configSetId: made.configSet.id } });
    expect(world.secretBox.open(row.value, `configset:${made.configSet.id}:TOKEN`)).toBe('geheim');
    await api.settle(id, busy);
    const remove = 'mutation ($id: ID!) { deleteConfigSet(id: $id) { appName } }';
    expect((await refusalOf(api.ask(remove, { id: made.configSet.id }, red))).code).toBe('NOT_FOUND');
    expect((await api.ask(remove, { id: made.configSet.id })).deleteConfigSet).toHaveLength(2);
    expect((await refusalOf(api.ask(save, { input: { ...both, entries: [] } }))).message).toMatch(
      /id: the group has no such/,
    );
  });

  test('stay behind when an app moves to another group', async () => {
    const id = await api.createApp('mover');
    const input = { groupId: 'g1', name: 'left', entries: [{ name: 'A', value: 'b' }], appIds: [id] };
    await api.ask(save, { input });
    await api.run(id);
    expect(await api.update(id, { groupId: 'g3' })).toMatchObject({ kind: 'CONFIGURE' });
    expect(await api.app(id, 'groupId configSetIds')).toEqual({ groupId: 'g3', configSetIds: [] });
  });

  test('of another team cannot be given its apps', async () => {
    const id = await api.createApp('private');
    const input = { groupId: 'g1', name: 'spy', entries: [], appIds: [id] };
    expect((await refusalOf(api.ask(save, { input }, red))).message).toMatch(
      /appIds\.0: the group has no such app/,
    );
  });
});

test('plug-ins have versions; an app keeps the one it chose, and its secrets', async () => {
  const save = `mutation ($input: PluginInput!) { savePlugin(input: $input) { id versions { number image } appIds } }`;
  const fields = [
    { name: 'LEVEL', defaultValue: 'info' },
    { name: 'KEY', secret: true },
  ];
  const input = { name: 'proxy', kind: 'SIDE_CAR', image: 'registry.example.test/envoy:1.2', fields };
  const { id: pluginId } = (await api.ask(save, { input })).savePlugin;
  const app = await api.createApp('plugged');
  await api.update(app, {
    plugins: [{ pluginId, config: [{ name: 'KEY', value: 'geheim', secret: true }] }],
  });
  const next = (await api.ask(save, { input: { ...input, id: pluginId, image: 'envoy:2' } })).savePlugin;
  expect(next).toMatchObject({ versions: [{ number: 2 }, { number: 1 }], appIds: [app] });
  const read = 'plugins { version enabled config { name value secret } }';
  expect((await api.app(app, read)).plugins).toEqual([
    {
      version: 1,
      enabled: true,
      config: [
        { name: 'LEVEL', value: 'info', secret: false },
        { name: 'KEY', value: null, secret: true },
      ],
    },
  ]);
  await api.update(app, { plugins: [{ pluginId, version: 2, config: [{ name: 'KEY', secret: true }] }] });
  const row = await world.db.appPlugin.findFirstOrThrow({ where: { appId: app } });
  expect(world.secretBox.open(row.config ?? '', `appplugin:${app}:${pluginId}`)).toBe('{"KEY":"geheim"}');
  const remove = 'mutation ($id: ID!) { deletePlugin(id: $id) }';
  expect((await refusalOf(api.ask(remove, { id: pluginId }))).message).toBe(
    'Cannot remove plug-in "proxy": app "plugged" uses it',
  );
  const stranger = await api.createApp('unplugged', {}, red);
  expect((await refusalOf(api.update(stranger, { plugins: [{ pluginId }] }, red))).message).toMatch(
    /no such plug-in/,
  );
  await api.update(app, { plugins: [] });
  expect((await refusalOf(api.ask(remove, { id: pluginId }, red))).code).toBe('NOT_FOUND');
  expect((await api.ask(remove, { id: pluginId })).deletePlugin).toBe(true);
});

describe('certificates', () => {
  const upload = `mutation ($input: CertificateInput!) { uploadCertificate(input: $input) {
    id hosts issuer status notAfter expiresSoon routeIds
  } }`;
  test('are checked, kept sealed, and replaced under their name', async () => {
    const pair = await issue(['shop.test', '*.shop.test']);
    const input = { name: 'shop', chain: pair.cert, privateKey: pair.key };
    const stored = (await api.ask(upload, { input })).uploadCertificate;
    expect(stored).toMatchObject({
      hosts: ['shop.test', '*.shop.test'],
      issuer: 'skyarc test',
      status: 'VALID',
      expiresSoon: false,
    });
    const row = await world.db.certificate.findUniqueOrThrow({ where: { id: stored.id } });
    expect(row.privateKey).not.toContain('PRIVATE KEY');
    expect(world.secretBox.open(row.privateKey ?? '', `certificate:${stored.id}`)).toContain(
      'BEGIN PRIVATE KEY',
    );
    const other = await issue(['shop.test'], 20);
    const next = { name: 'shop', chain: other.cert, privateKey: other.key };
    expect((await api.ask(upload, { input: next })).uploadCertificate).toMatchObject({
      id: stored.id,
      hosts: ['shop.test'],
      expiresSoon: true,
    });
    const said = async (texts: object) =>
      (await refusalOf(api.ask(upload, { input: { ...input, ...texts } }))).message;
    expect(await said({ privateKey: other.key })).toBe(
      'Cannot store certificate "shop": privateKey: is not the key of the first certificate of the chain',
    );
    const reversed = pair.cert
      .split(/(?=-----BEGIN)/)
      .toReversed()
      .join('\n');
    expect(await said({ chain: reversed })).toMatch(/privateKey: is not the key of the first certificate/);
    const stranger = await CertificateAuthority.ensure(`${world.folder}/stranger`, 'skyarc test');
    expect(await said({ chain: pair.cert.replace(world.authority.cert, stranger.cert) })).toMatch(
      /chain: certificate 1 is not signed by the next one/,
    );
    const old = await issue(['shop.test'], -1);
    expect(await said({ chain: old.cert, privateKey: old.key })).toMatch(/chain: ended on 20/);
    const nameless = await world.authority.issue({ commonName: 'x', usage: 'server' });
    expect(await said({ chain: nameless.cert, privateKey: nameless.key })).toMatch(/chain: names no host/);
  });

  test('are ordered when an administrator allows it, and renewed only when ordered', async () => {
    const order =
      'mutation ($hosts: [String!]!) { orderCertificate(name: "auto", hosts: $hosts) { id source status } }';
    expect((await refusalOf(api.ask(order, { hosts: ['auto.test'] }))).message).toMatch(
      /automatic certificates are off/,
    );
    const settings =
      'mutation ($input: DataCenterSettingsInput!) { updateSettings(input: $input) { acmeDirectoryUrl acmeEmail cpuRequestPercent } }';
    const input = { acmeDirectoryUrl: 'https://acme.test/dir', acmeEmail: 'ann@example.test' };
    expect((await api.ask(settings, { input })).updateSettings).toEqual({ ...input, cpuRequestPercent: 25 });
    const { id, ...made } = (await api.ask(order, { hosts: ['auto.test'] })).orderCertificate;
    expect(made).toEqual({ source: 'ACME', status: 'PENDING' });
    await world.db.certificate.update({ where: { id }, data: { status: 'FAILED', retryAt: null } });
    const renew = 'mutation ($id: ID!) { renewCertificate(id: $id) { status } }';
    expect((await api.ask(renew, { id })).renewCertificate.status).toBe('PENDING');
    expect((await world.db.certificate.findUniqueOrThrow({ where: { id } })).retryAt).toBeInstanceOf(Date);
    expect((await refusalOf(api.ask(renew, { id }, red))).code).toBe('NOT_FOUND');
    const app = await api.createApp('tls', http);
    await api.update(app, { routes: [{ host: 'auto.test', port: 80, certificateId: id }] });
    const remove = 'mutation ($id: ID!) { deleteCertificate(id: $id) }';
    expect((await refusalOf(api.ask(remove, { id }))).message).toMatch(
      /route auto.test\/ of app "tls" was given it/,
    );
    expect((await refusalOf(api.ask(order, { hosts: ['auto.test'] }, red))).message).toMatch(
      /auto.test belongs to another team/,
    );
  });
});

describe('quotas', () => {
  const green = { teams: ['green'], actor: 'gil@example.test' };
  const set = (input: object) =>
    api.ask(
      'mutation ($input: QuotaInput!) { setQuota(input: $input) { teamName } }',
      { input: { teamName: 'green', ...input } },
      green,
    );
  const use = async () =>
    (
      await api.ask(
        '{ quota { cpuMillis { limit used } memoryMb { used } storageMb { used } apps { limit used } } }',
        {},
        green,
      )
    ).quota;
  const start = (id: string) => api.ask('mutation ($id: ID!) { startApp(id: $id) { id } }', { id }, green);

  test('are what apps may take at most, and refuse the rest whole', async () => {
    const run = { cpuMillis: 500, memoryMb: 256, replicas: 2 };
    const id = await api.createApp('one', { run, ...http }, green);
    await set({ cpuMillis: 1_200, apps: 2, storageMb: 1_000 });
    await api.createApp('two', { run }, green);
    expect(await refusalOf(api.createApp('three', {}, green))).toMatchObject({
      code: 'EXHAUSTED',
      message: 'Cannot create app "three": it needs 1 app, 0 of 2 are free in team "green"',
      details: { resource: 'apps', needed: 1, free: 0, limit: 2 },
    });
    expect(await world.db.app.count({ where: { teamName: 'green' } })).toBe(2);
    expect(await use()).toMatchObject({ cpuMillis: { limit: 1_200, used: 0 }, apps: { used: 2 } });
    await api.run(id);
    expect(await use()).toMatchObject({ cpuMillis: { used: 1_000 }, memoryMb: { used: 512 } });
    const scale = api.ask('mutation ($id: ID!) { scaleApp(id: $id, replicas: 3) { id } }', { id }, green);
    expect((await refusalOf(scale)).message).toBe(
      'Cannot scale app "one": it needs 500 millicores of CPU, 200 of 1200 are free in team "green"',
    );
    const rule = { minReplicas: 1, maxReplicas: 3, metrics: [{ kind: 'CPU', target: 50 }] };
    expect((await refusalOf(api.update(id, { run: { autoscaling: rule } }, green))).code).toBe('EXHAUSTED');
    expect(await world.db.app.findUniqueOrThrow({ where: { id } })).toMatchObject({
      replicas: 2,
      autoscaling: null,
      activeOperationId: null,
    });
    const volume = { name: 'data', kind: 'SHARED', mountPath: '/data', sizeMb: 1_001 };
    expect((await refusalOf(api.update(id, { volumes: [volume] }, green))).message).toMatch(
      /needs 1001 MB of storage, 1000 of 1000/,
    );
    // Above a limit that was lowered later: less is always possible.
    await set({ cpuMillis: 100 });
    await api.update(id, { run: { cpuMillis: 300 } }, green);
    expect(await operationsOf(id)).toHaveLength(1);
    await api.settle(id);
    expect((await refusalOf(api.update(id, { run: { cpuMillis: 301 } }, green))).message).toMatch(
      /needs 2 millicores of CPU, 0 of 100/,
    );
    await set({});
    expect((await use()).apps).toEqual({ limit: null, used: 2 });
  });

  test('two at once cannot pass a limit together', async () => {
    await set({});
    const run = { cpuMillis: 500, replicas: 1 };
    const ids: string[] = [];
    for (const name of ['r1', 'r2', 'r3', 'r4']) ids.push(await api.createApp(name, { run }, green));
    for (const id of ids) await api.run(id);
    await world.db.app.updateMany({ where: { teamName: 'green' }, data: { desired: 'STOPPED' } });
    await set({ cpuMillis: 1_000 });
    const answers = await Promise.allSettled(ids.map(start));
    const refused = answers.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(2);
    for (const one of refused)
      expect((one as PromiseRejectedResult).reason).toMatchObject({ code: 'EXHAUSTED' });
    expect((await use()).cpuMillis).toEqual({ limit: 1_000, used: 1_000 });
    await set({ apps: 7 });
    const made = await Promise.allSettled(['m1', 'm2', 'm3'].map((name) => api.createApp(name, {}, green)));
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

test('a group starts in the order of its dependencies, stops the other way round, and all or none', async () => {
  const group = { groupId: 'g2' };
  const [db, web, cache] = [
    await api.createApp('z-db', group),
    await api.createApp('a-web', group),
    await api.createApp('b-cache', group),
  ];
  await api.createApp('never-built', group);
  await api.update(web, { dependencyIds: [db, cache] });
  await api.update(cache, { dependencyIds: [db] });
  for (const id of [db, web, cache]) await api.run(id);
  const act = async (verb: string) =>
    (await api.ask(`mutation { ${verb}(groupId: "g2") { id appName kind afterIds batchId } }`))[verb];
  const stops = await act('stopGroup');
  expect(stops.map((one: { appName: string }) => one.appName)).toEqual(['a-web', 'b-cache', 'z-db']);
  const stopped = idsOf(stops);
  expect(new Set(stops[2].afterIds)).toEqual(new Set([stopped['a-web'], stopped['b-cache']]));
  expect(new Set(stops.map((one: { batchId: string }) => one.batchId)).size).toBe(1);
  expect((await refusalOf(act('startGroup'))).message).toMatch(
    /Cannot start the group: it has no app to start/,
  );
  await api.settle(db, web, cache);
  await world.db.app.updateMany({ where: { groupId: 'g2' }, data: { desired: 'STOPPED' } });
  const starts = await act('startGroup');
  const started = idsOf(starts);
  expect(starts.map((one: { appName: string }) => one.appName)).toEqual(['z-db', 'b-cache', 'a-web']);
  expect(starts[0].afterIds).toEqual([]);
  expect(new Set(starts[2].afterIds)).toEqual(new Set([started['z-db'], started['b-cache']]));
  await api.settle(db, web);
  const before = await world.db.operation.count();
  const refused = await refusalOf(act('startGroup'));
  expect(refused.message).toBe(
    'Cannot start app "b-cache": another operation is still running; wait for it or cancel it',
  );
  expect(await world.db.operation.count()).toBe(before);
  expect(
    (await refusalOf(api.ask('mutation { startGroup(groupId: "g2") { id } }', {}, red))).message,
  ).toMatch(/no app to start/);
});

test('a grey release begins beside a running version, and its share changes by a configuration', async () => {
  const id = await api.createApp('grey', http);
  const start = `mutation ($id: ID!, $versionId: ID!, $input: GreyReleaseInput!) {
    startGreyRelease(id: $id, versionId: $versionId, input: $input) { kind versionId }
  }`;
  const input = { percent: 10, header: { name: 'X-Beta', value: '1' } };
  const current = await api.run(id, 1);
  const next = await api.run(id, 2);
  const begin = (versionId: string) => api.ask(start, { id, versionId, input });
  expect((await refusalOf(begin(current))).message).toMatch(/version 1 is the current one/);
  expect((await refusalOf(begin('x'))).code).toBe('NOT_FOUND');
  expect((await begin(next)).startGreyRelease).toEqual({ kind: 'GREY_START', versionId: next });
  const [operation] = await operationsOf(id);
  const release = { percent: 10, sticky: 'COOKIE', replicas: 1, header: input.header };
  expect(JSON.parse(operation?.arguments ?? '')).toEqual(release);
  await api.settle(id);
  // The worker names the candidate once it runs.
  expect((await api.app(id, 'greyRelease { percent }')).greyRelease).toBeNull();
  await world.db.app.update({ where: { id }, data: { greyVersionId: next } });
  const change =
    'mutation ($id: ID!, $input: GreyReleaseInput!) { updateGreyRelease(id: $id, input: $input) { operation { kind } } }';
  expect((await api.ask(change, { id, input: { percent: 50 } })).updateGreyRelease.operation.kind).toBe(
    'CONFIGURE',
  );
  await api.settle(id);
  expect(
    (
      await api.app(
        id,
        'greyRelease { percent sticky replicas readyReplicas header { name } version { number } }',
      )
    ).greyRelease,
  ).toEqual({
    percent: 50,
    sticky: 'COOKIE',
    replicas: 1,
    readyReplicas: 0,
    header: null,
    version: { number: 2 },
  });
  const promote = 'mutation ($id: ID!) { promoteGreyRelease(id: $id) { kind versionId } }';
  expect((await api.ask(promote, { id })).promoteGreyRelease).toEqual({
    kind: 'GREY_PROMOTE',
    versionId: next,
  });
});

test('a service outside needs no version, has the ports of its endpoints, and shows their health', async () => {
  const external = {
    endpoints: [
      { host: 'db.example.test', port: 5432 },
      { host: '10.1.2.3', port: 5432 },
    ],
  };
  const id = await api.createApp('outside', { source: { external } });
  const fields = `state stateReason ports { port protocol public }
    source { kind endpoints { host port healthy message } healthCheck { kind } }`;
  expect(await api.app(id, fields)).toMatchObject({
    state: 'STOPPED',
    ports: [{ port: 5432, protocol: 'TCP', public: false }],
    source: {
      kind: 'EXTERNAL',
      endpoints: [{ host: 'db.example.test', healthy: null }, {}],
      healthCheck: null,
    },
  });
  await api.ask('mutation ($id: ID!) { startApp(id: $id) { kind } }', { id });
  await api.settle(id);
  await world.db.app.update({ where: { id }, data: { desired: 'RUNNING' } });
  await world.kube.create('namespaces', { metadata: { name: 'skyarc-blue' } });
  const state = [
    { host: 'db.example.test', port: 5432, healthy: true, message: null },
    { host: '10.1.2.3', port: 5432, healthy: false, message: 'connection refused' },
  ];
  await world.kube.create('endpointslices', {
    metadata: {
      name: 'outside-external',
      namespace: 'skyarc-blue',
      annotations: { 'skyarc.dev/external': JSON.stringify(state) },
    },
    addressType: 'IPv4',
    endpoints: [],
  });
  await expect
    .poll(() => api.app(id, fields))
    .toMatchObject({
      state: 'DEGRADED',
      stateReason: '1 of 2 endpoints do not answer; 10.1.2.3:5432: connection refused',
      source: { endpoints: [{ healthy: true }, { healthy: false, message: 'connection refused' }] },
    });
  const change = { source: { external: { endpoints: [external.endpoints[0]] } } };
  expect(await api.update(id, change)).toMatchObject({ kind: 'CONFIGURE' });
});

test('manual scalings are remembered, and every change is written down', async () => {
  const id = await api.createApp('scaled');
  await api.run(id);
  await api.ask('mutation ($id: ID!) { scaleApp(id: $id, replicas: 3) { id } }', { id });
  expect((await api.app(id, 'scalings { fromReplicas toReplicas automatic reason }')).scalings).toEqual([
    { fromReplicas: 1, toReplicas: 3, automatic: false, reason: 'Set by ann@example.test' },
  ]);
  const actions = await world.db.auditEntry.findMany({ distinct: ['action'], select: { action: true } });
  for (const action of ['setQuota', 'saveConfigSet', 'startGroup', 'uploadCertificate'])
    expect(actions).toContainEqual({ action });
});

test('storage classes and volumes are read from the cluster', async () => {
  await world.kube.create('storageclasses', {
    metadata: { name: 'disks', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'ebs.csi.aws.com',
    allowVolumeExpansion: true,
  });
  await expect
    .poll(
      async () =>
        (await api.ask('{ storageClasses { name accessModes resizable isDefault } }')).storageClasses,
    )
    .toContainEqual({ name: 'disks', accessModes: ['ReadWriteOnce'], resizable: true, isDefault: true });
  const id = await api.createApp('claims');
  const volume = { name: 'data', kind: 'CLASS', mountPath: '/data', sizeMb: 10 };
  const shared = { ...volume, accessMode: 'ReadWriteMany' };
  expect((await refusalOf(api.update(id, { volumes: [shared] }))).message).toMatch(
    /storage class "disks" offers ReadWriteOnce/,
  );
  await api.update(id, { volumes: [volume] });
  const [{ id: volumeId }] = (await api.app(id, 'volumes { id status }')).volumes;
  await world.kube.create('persistentvolumeclaims', {
    metadata: {
      name: 'claims-data',
      namespace: 'skyarc-blue',
      labels: { 'skyarc.dev/app-id': id, 'skyarc.dev/volume-id': volumeId },
    },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Mi' } } },
  });
  await expect.poll(async () => (await api.app(id, 'volumes { status }')).volumes[0].status).toBe('Pending');
});

const setMachine = (input: object) =>
  api.ask('mutation ($input: NodeInput!) { updateNode(name: "m1", input: $input) { roles } }', { input });

test('a machine that is not for computing takes no new pods, and its other taints stay', async () => {
  const dedicated = { key: 'dedicated', value: 'db', effect: 'NoSchedule' };
  await world.kube.create('nodes', { metadata: { name: 'm1' }, spec: { taints: [dedicated] } });
  const taints = async () => (await world.kube.find('nodes', 'm1'))?.spec?.taints;
  expect((await setMachine({ roles: ['STORAGE'] })).updateNode.roles).toEqual(['STORAGE']);
  const kept = [dedicated, { key: 'skyarc.dev/no-compute', effect: 'NoSchedule' }];
  expect(await taints()).toEqual(kept);
  await setMachine({ labels: [{ key: 'disk', value: 'ssd' }] });
  expect(await taints()).toEqual(kept);
  await setMachine({ roles: ['STORAGE', 'COMPUTE'] });
  expect(await taints()).toEqual([dedicated]);
});
