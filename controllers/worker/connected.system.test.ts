import { createServer } from 'node:http';
import { join } from 'node:path';
import { CertificateAuthority } from '@skyarc/lib/certificates';
import {
  externalAnnotation,
  externalState,
  l4Annotation,
  newId,
  routeAnnotation,
} from '@skyarc/lib/contracts';
import { createOperation, relayOutbox } from '@skyarc/prisma/datacenter';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { namespace, World } from './fixtures/world.ts';

let world: World;

beforeAll(async () => {
  world = await World.open({
    instance: 'heicon',
    basePort: 20_680,
    podCidr: '10.81.0.0/16',
    serviceCidr: '10.82.0.0/16',
  });
});
afterAll(() => world?.close());

const serve =
  'require("http").createServer((q,r)=>r.end(JSON.stringify({env:process.env,version:process.env.SKYARC_VERSION}))).listen(process.env.PORT,"0.0.0.0")';

/** An app with a port and a first version, not yet deployed. */
async function newServer(name: string, port = 8_000): Promise<{ id: string; version: string }> {
  const id = await world.newApp(name, serve);
  await world.db.port.create({ data: { appId: id, port } });
  return { id, version: await world.newVersion(id, 1) };
}

async function setVariable(appId: string, name: string, value: string, scope = 'SELF'): Promise<void> {
  const sealed = world.secretBox.seal(value, `env:${appId}:${name}`);
  await world.db.envVar.upsert({
    where: { appId_name: { appId, name } },
    create: { appId, name, value: sealed, scope },
    update: { value: sealed },
  });
}

/** What an app's Service answers, asked from a pod of another. */
async function ask(from: string, service: string): Promise<{ env: Record<string, string>; version: string }> {
  const script = `fetch("http://${service}/").then(r=>r.text()).then(t=>console.log(t),e=>console.log(String(e.cause??e)))`;
  const text = await world.exec(from, ['node', '-e', script]);
  try {
    return JSON.parse(text) as { env: Record<string, string>; version: string };
  } catch {
    throw new Error(`${service} answered ${text}`);
  }
}

test('an app is told of what it needs, finds it by name, and is configured anew when that changes', async () => {
  const db = await newServer('db', 5_432);
  const web = await newServer('web');
  await setVariable(db.id, 'PASSWORD', 'one');
  await setVariable(db.id, 'DB_URL', 'pg://${PASSWORD}@${DB_HOST}:${DB_PORT}', 'DEPENDENTS');
  await world.db.dependency.create({ data: { fromId: web.id, toId: db.id } });
  expect(await world.act(db.id, 'UPGRADE', { versionId: db.version })).toMatchObject({ status: 'SUCCEEDED' });
  expect(await world.act(web.id, 'UPGRADE', { versionId: web.version })).toMatchObject({
    status: 'SUCCEEDED',
  });
  const told = (await ask('web', 'web:8000')).env;
  expect(told).toMatchObject({
    DB_HOST: 'db',
    DB_PORT: '5432',
    DB_URL: 'pg://one@db:5432',
    SKYARC_TEAM: 'blue',
  });
  expect(told).not.toHaveProperty('PASSWORD');
  expect((await ask('web', `${told['DB_HOST']}:${told['DB_PORT']}`)).env).toMatchObject({ PASSWORD: 'one' });

  await setVariable(db.id, 'PASSWORD', 'two');
  expect((await world.act(db.id, 'CONFIGURE')).status).toBe('SUCCEEDED');
  const told2 = async () => {
    await relayOutbox(world.db, (task) => world.mq.publish(task));
    return (await ask('web', 'web:8000')).env['DB_URL'];
  };
  await expect.poll(told2, { timeout: 40_000, interval: 500 }).toBe('pg://two@db:5432');
  const made = await world.db.operation.findFirst({ where: { appId: web.id, actor: 'skyarc' } });
  expect(made).toMatchObject({ kind: 'CONFIGURE' });
});

test('routes, users, gateway ports and certificates reach their objects and no pod', async () => {
  const { id, version } = await newServer('shop');
  await world.act(id, 'UPGRADE', { versionId: version });
  const before = (await world.pods('shop')).map(({ metadata }) => metadata?.uid);
  const route = newId('local', 'route');
  await world.db.route.create({
    data: {
      id: route,
      appId: id,
      host: 'www.shop.test',
      path: '/api',
      port: 8_000,
      policy: JSON.stringify({ pathType: 'EXACT', httpsRedirect: true }),
      basicAuth: world.secretBox.seal('ann:$2y$10$abc', `route:${route}`),
    },
  });
  await world.db.l4Route.create({
    data: { id: newId('local', 'l4route'), appId: id, listenPort: 30_100, port: 8_000 },
  });
  const ca = await CertificateAuthority.ensure(join(world.folder, 'ca'), 'Test');
  const wild = await newCertificate(ca, 'wild', ['*.shop.test']);
  expect((await world.act(id, 'CONFIGURE')).status).toBe('SUCCEEDED');
  const name = `shop-route-${route.split('.')[2]}`;
  const find = () => world.kube.find('ingresses', name, namespace);
  const ingress = await find();
  expect(JSON.parse(ingress?.metadata?.annotations?.[routeAnnotation] ?? '')).toEqual({
    pathType: 'EXACT',
    httpsRedirect: true,
    basicAuth: { secretName: `${name}-auth` },
  });
  expect(ingress?.spec?.tls).toEqual([{ hosts: ['www.shop.test'], secretName: `cert-${wild}` }]);
  expect((await world.kube.find('secrets', `cert-${wild}`, namespace))?.type).toBe('kubernetes.io/tls');
  const service = await world.kube.find('services', 'shop', namespace);
  expect(JSON.parse(service?.metadata?.annotations?.[l4Annotation] ?? '')).toEqual([
    { listenPort: 30_100, servicePort: 8_000, protocol: 'TCP' },
  ]);

  // A better certificate comes, is renewed and goes, without an operation.
  const exact = await newCertificate(ca, 'exact', ['www.shop.test']);
  const served = async () => (await find())?.spec?.tls?.[0]?.secretName;
  await expect.poll(served, { timeout: 5_000 }).toBe(`cert-${exact}`);
  const generation = (await find())?.metadata?.generation;
  const renewed = await ca.issue({ commonName: 'www.shop.test', names: ['www.shop.test'], usage: 'server' });
  await world.db.certificate.update({
    where: { id: exact },
    data: { chain: renewed.cert, privateKey: world.secretBox.seal(renewed.key, `certificate:${exact}`) },
  });
  const stored = async () =>
    Buffer.from(
      (await world.kube.find('secrets', `cert-${exact}`, namespace))?.data?.['tls.crt'] ?? '',
      'base64',
    ).toString();
  await expect.poll(stored, { timeout: 5_000 }).toBe(renewed.cert);
  expect((await find())?.metadata?.generation).toBe(generation);
  await world.db.certificate.delete({ where: { id: exact } });
  await expect.poll(served, { timeout: 5_000 }).toBe(`cert-${wild}`);
  expect((await world.pods('shop')).map(({ metadata }) => metadata?.uid)).toEqual(before);
});

async function newCertificate(ca: CertificateAuthority, name: string, hosts: string[]): Promise<string> {
  const id = newId('local', 'certificate');
  const { cert, key } = await ca.issue({ commonName: hosts[0] ?? '', names: hosts, usage: 'server' });
  await world.db.certificate.create({
    data: {
      id,
      teamName: 'blue',
      name,
      hosts: JSON.stringify(hosts),
      chain: cert,
      privateKey: world.secretBox.seal(key, `certificate:${id}`),
      status: 'VALID',
    },
  });
  return id;
}

test('operations wait for those before them: a chain, a diamond, a failure and a cancel', async () => {
  const apps = await Promise.all(['base', 'left', 'right', 'top'].map((name) => newServer(`order-${name}`)));
  const [base, left, right, top] = apps as [Server, Server, Server, Server];
  const begin = async (app: Server, after: string[], kind: 'UPGRADE' | 'START' = 'UPGRADE') => {
    const options = kind === 'UPGRADE' ? { versionId: app.version } : {};
    const { id } = await createOperation(world.db, {
      app: { id: app.id },
      kind,
      actor: 'test',
      afterIds: after,
      batchId: 'one',
      ...options,
    });
    await relayOutbox(world.db, (task) => world.mq.publish(task));
    return id;
  };
  const one = await begin(base, []);
  const [two, three] = [await begin(left, [one]), await begin(right, [one])];
  const four = await begin(top, [two, three]);
  const ends = await Promise.all([one, two, three, four].map((id) => world.ended(id)));
  expect(ends.map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED']);
  const [first, second, third, last] = ends.map(({ startedAt, finishedAt }) => ({
    began: startedAt?.getTime() ?? 0,
    ended: finishedAt?.getTime() ?? 0,
  }));
  expect(second?.began).toBeGreaterThanOrEqual(first?.ended ?? Infinity);
  expect(third?.began).toBeGreaterThanOrEqual(first?.ended ?? Infinity);
  expect(last?.began).toBeGreaterThanOrEqual(Math.max(second?.ended ?? Infinity, third?.ended ?? Infinity));

  for (const app of apps) expect((await world.act(app.id, 'STOP')).status).toBe('SUCCEEDED');
  await world.db.app.update({
    where: { id: base.id },
    data: { command: JSON.stringify(['node', '-e', 'throw 1']) },
  });
  const failing = await begin(base, [], 'START');
  const waiting = await begin(left, [failing], 'START');
  const canceled = await begin(right, [failing], 'START');
  await world.db.operation.update({ where: { id: canceled }, data: { cancelRequested: true } });
  expect((await world.ended(canceled)).status).toBe('CANCELED');
  expect((await world.ended(failing)).status).toBe('FAILED');
  expect(await world.ended(waiting)).toMatchObject({
    status: 'FAILED',
    message:
      'App "order-left" was left as it is: start of app "order-base", which comes before it, did not succeed',
  });
  expect(await world.db.app.findUnique({ where: { id: left.id } })).toMatchObject({
    desired: 'STOPPED',
    activeOperationId: null,
  });
});
type Server = Awaited<ReturnType<typeof newServer>>;

test('a candidate runs beside the current version until it is promoted or aborted', async () => {
  const { id, version } = await newServer('grey');
  const [two, three] = [await world.newVersion(id, 2), await world.newVersion(id, 3)];
  await world.act(id, 'UPGRADE', { versionId: version });
  const tell = (greyVersionId: string, percent: number) =>
    world.db.app.update({ where: { id }, data: { greyVersionId, greyRelease: JSON.stringify({ percent }) } });
  const begin = async (versionId: string, percent: number) => {
    const { id: operation } = await createOperation(world.db, {
      app: { id },
      kind: 'GREY_START',
      actor: 'test',
      versionId,
      arguments: { percent },
    });
    await relayOutbox(world.db, (task) => world.mq.publish(task));
    return world.ended(operation);
  };
  const shares = async () => {
    const ingress = await world.kube.find('ingresses', 'grey', namespace);
    const policy = JSON.parse(ingress?.metadata?.annotations?.[routeAnnotation] ?? '{}') as {
      split?: { targets: { service: string; weight: number }[] };
    };
    return policy.split?.targets.map(({ service, weight }) => `${service} ${weight}`) ?? [];
  };
  expect(await begin(two, 10)).toMatchObject({ status: 'SUCCEEDED' });
  expect((await ask('grey', 'grey:8000')).version).toBe('1');
  expect((await ask('grey', 'grey-grey:8000')).version).toBe('2');
  expect(await shares()).toEqual(['grey 900', 'grey-grey 100']);
  expect(await world.db.app.findUnique({ where: { id } })).toMatchObject({ currentVersionId: version });
  await expect(world.begin(id, 'ROLLBACK', { versionId: three })).rejects.toThrow(/promote or abort/);

  const candidate = (await world.pods('grey-grey')).map(({ metadata }) => metadata?.uid);
  await tell(two, 60);
  expect((await world.act(id, 'CONFIGURE')).status).toBe('SUCCEEDED');
  expect(await shares()).toEqual(['grey 400', 'grey-grey 600']);
  expect((await world.pods('grey-grey')).map(({ metadata }) => metadata?.uid)).toEqual(candidate);
  await world.db.app.update({ where: { id }, data: { replicas: 2 } });
  expect((await world.act(id, 'SCALE')).status).toBe('SUCCEEDED');
  expect(await world.pods('grey')).toHaveLength(2);

  expect(await world.act(id, 'GREY_PROMOTE')).toMatchObject({
    status: 'SUCCEEDED',
    message: 'Version 2 runs with 2 pods',
  });
  expect(await world.db.app.findUnique({ where: { id } })).toMatchObject({
    currentVersionId: two,
    greyVersionId: null,
    greyRelease: null,
  });
  expect((await ask('grey', 'grey:8000')).version).toBe('2');
  expect(await shares()).toEqual([]);
  expect(await world.kube.find('services', 'grey-grey', namespace)).toBeNull();

  expect((await begin(three, 50)).status).toBe('SUCCEEDED');
  expect((await world.act(id, 'GREY_ABORT')).status).toBe('SUCCEEDED');
  expect((await ask('grey', 'grey:8000')).version).toBe('2');
  expect(await shares()).toEqual([]);

  // A candidate that does not start leaves everything as it was, and none behind.
  await world.db.version.update({ where: { id: three }, data: { image: 'test/no-such:1' } });
  expect((await begin(three, 50)).status).toBe('FAILED');
  expect(await world.db.app.findUnique({ where: { id } })).toMatchObject({
    greyVersionId: null,
    greyRelease: null,
  });
  expect(await world.kube.find('deployments', 'grey-grey', namespace)).toBeNull();
  expect((await ask('grey', 'grey:8000')).version).toBe('2');
});

test('plug-ins run before and beside the app with its volumes, variables and their own settings', async () => {
  const { id, version } = await newServer('plugged');
  const plugin = async (name: string, kind: string, script: string, position: number) => {
    const pluginId = newId('local', 'plugin');
    await world.db.plugin.create({
      data: {
        id: pluginId,
        teamName: 'blue',
        name,
        kind,
        versions: {
          create: {
            number: 1,
            image: 'localhost/test/host:1',
            command: JSON.stringify(['node', '-e', script]),
            fields: JSON.stringify([
              { name: 'WORD', defaultValue: 'default' },
              { name: 'KEY', defaultValue: 'none', secret: true },
            ]),
          },
        },
      },
    });
    await world.db.appPlugin.create({
      data: {
        appId: id,
        pluginId,
        version: 1,
        position,
        config: world.secretBox.seal(JSON.stringify({ WORD: name }), `appplugin:${id}:${pluginId}`),
      },
    });
    return pluginId;
  };
  await world.db.volume.create({
    data: {
      id: newId('local', 'volume'),
      appId: id,
      name: 'work',
      kind: 'MEMORY',
      mountPath: '/work',
      sizeMb: 8,
    },
  });
  const write = (file: string) =>
    `require("fs").writeFileSync("/work/${file}",[process.env.WORD,process.env.KEY,process.env.SKYARC_APP].join());`;
  await plugin('prepare', 'INIT', write('init'), 0);
  const beside = await plugin('helper', 'SIDE_CAR', `${write('side')}setInterval(()=>{},1000)`, 1);
  expect(await world.act(id, 'UPGRADE', { versionId: version })).toMatchObject({ status: 'SUCCEEDED' });
  expect(await world.exec('plugged', ['cat', '/work/init'])).toBe('prepare,none,plugged');
  expect(await world.exec('plugged', ['cat', '/work/side'])).toBe('helper,none,plugged');
  await world.db.appPlugin.update({
    where: { appId_pluginId: { appId: id, pluginId: beside } },
    data: { enabled: false },
  });
  expect((await world.act(id, 'CONFIGURE')).status).toBe('SUCCEEDED');
  const [pod] = await world.pods('plugged');
  expect(pod?.spec?.initContainers?.map(({ name }) => name)).toEqual(['plugin-prepare']);
});

test('a third-party app offers its healthy endpoints, follows their health, and stops', async () => {
  const answers = new Map([
    [20_700, 200],
    [20_701, 200],
  ]);
  const servers = [...answers.keys()].map((port) =>
    createServer((_request, response) =>
      response.writeHead(answers.get(port) ?? 500).end(`"${port}"`),
    ).listen(port, '10.81.0.1'),
  );
  const id = await world.newApp('legacy', '', {
    command: null,
    source: JSON.stringify({
      kind: 'EXTERNAL',
      endpoints: [
        { host: '10.81.0.1', port: 20_700 },
        { host: '10.81.0.1', port: 20_701 },
        { host: 'no-such-host.invalid', port: 20_700 },
      ],
      healthCheck: { kind: 'HTTP', path: '/', periodSeconds: 1, failureThreshold: 2 },
    }),
  });
  await world.db.port.create({ data: { appId: id, port: 80, public: true } });
  const state = async () => {
    const slice = await world.kube.find('endpointslices', 'legacy-external', namespace);
    return externalState.parse(JSON.parse(slice?.metadata?.annotations?.[externalAnnotation] ?? '[]'));
  };
  const ready = async () => {
    const { items } = await world.kube.list('endpointslices', {
      namespace,
      labelSelector: 'kubernetes.io/service-name=legacy,endpointslice.kubernetes.io/managed-by=skyarc.dev',
    });
    return items
      .flatMap(({ ports, endpoints }) =>
        (endpoints ?? []).map(({ conditions }) => ({ port: ports?.[0]?.port, ready: conditions?.ready })),
      )
      .filter((one) => one.ready)
      .map(({ port }) => port)
      .toSorted();
  };
  // Private addresses are an administrator's choice.
  expect((await world.act(id, 'DEPLOY')).status).toBe('SUCCEEDED');
  expect((await state())[0]).toMatchObject({
    healthy: false,
    message: expect.stringMatching(/private address/) as string,
  });
  await world.db.setting.create({ data: { name: 'allowPrivateSources', value: 'true' } });
  await expect.poll(ready, { timeout: 10_000 }).toEqual([20_700, 20_701]);
  expect(await state()).toMatchObject([
    { healthy: true, message: null },
    { healthy: true },
    { healthy: false, message: expect.stringMatching(/Unknown host|Cannot look up/) as string },
  ]);
  const ingress = await world.kube.find('ingresses', 'legacy', namespace);
  expect(ingress?.spec?.rules?.[0]?.host).toBe('80.legacy.blue.skyarc.localhost');

  answers.set(20_700, 503);
  await expect.poll(ready, { timeout: 10_000 }).toEqual([20_701]);
  expect((await state())[0]).toMatchObject({
    healthy: false,
    message: '10.81.0.1 on port 20700 answers 503 at /',
  });
  answers.set(20_701, 503);
  await expect.poll(async () => (await state())[1]?.healthy, { timeout: 10_000 }).toBe(false);
  expect(await ready()).toEqual([20_701]);
  answers.set(20_700, 200);
  await expect.poll(ready, { timeout: 10_000 }).toEqual([20_700]);

  expect(await world.act(id, 'STOP')).toMatchObject({
    status: 'SUCCEEDED',
    message: expect.stringMatching(/stopped/) as string,
  });
  await expect.poll(ready, { timeout: 5_000 }).toEqual([]);
  expect((await world.act(id, 'DELETE')).status).toBe('SUCCEEDED');
  expect(await world.kube.find('services', 'legacy', namespace)).toBeNull();
  for (const server of servers) server.close();
});
