import { join } from 'node:path';
import { CertificateAuthority } from '@skyarc/lib/certificates';
import { l4Annotation, newId, routeAnnotation } from '@skyarc/lib/contracts';
import { relayOutbox } from '@skyarc/prisma/datacenter';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, newServer, openWorld } from './fixtures/server.ts';
import { namespace, type World } from './fixtures/world.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world?.close());

async function setVariable(appId: string, name: string, value: string, scope = 'SELF'): Promise<void> {
  const sealed = world.secretBox.seal(value, `env:${appId}:${name}`);
  await world.db.envVar.upsert({
    where: { appId_name: { appId, name } },
    create: { appId, name, value: sealed, scope },
    update: { value: sealed },
  });
}

test('an app is told of what it needs, finds it by name, and is configured anew when that changes', async () => {
  const db = await newServer(world, 'db', 5_432);
  const web = await newServer(world, 'web');
  await setVariable(db.id, 'PASSWORD', 'one');
  await setVariable(db.id, 'DB_URL', 'pg://${PASSWORD}@${DB_HOST}:${DB_PORT}', 'DEPENDENTS');
  await world.db.dependency.create({ data: { fromId: web.id, toId: db.id } });
  expect(await world.act(db.id, 'UPGRADE', { versionId: db.version })).toMatchObject({ status: 'SUCCEEDED' });
  expect(await world.act(web.id, 'UPGRADE', { versionId: web.version })).toMatchObject({
    status: 'SUCCEEDED',
  });
  const told = (await ask(world, 'web', 'web:8000')).env;
  expect(told).toMatchObject({
    DB_HOST: 'db',
    DB_PORT: '5432',
    DB_URL: 'pg://one@db:5432',
    SKYARC_TEAM: 'blue',
  });
  expect(told).not.toHaveProperty('PASSWORD');
  expect((await ask(world, 'web', `${told['DB_HOST']}:${told['DB_PORT']}`)).env).toMatchObject({
    PASSWORD: 'one',
  });

  await setVariable(db.id, 'PASSWORD', 'two');
  expect((await world.act(db.id, 'CONFIGURE')).status).toBe('SUCCEEDED');
  const told2 = async () => {
    await relayOutbox(world.db, (task) => world.mq.publish(task));
    return (await ask(world, 'web', 'web:8000')).env['DB_URL'];
  };
  await expect.poll(told2, { timeout: 40_000, interval: 500 }).toBe('pg://two@db:5432');
  const made = await world.db.operation.findFirst({ where: { appId: web.id, actor: 'skyarc' } });
  expect(made).toMatchObject({ kind: 'CONFIGURE' });
});

test('routes, users, gateway ports and certificates reach their objects and no pod', async () => {
  const { id, version } = await newServer(world, 'shop');
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
  await expect.poll(served).toBe(`cert-${exact}`);
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
  await expect.poll(stored).toBe(renewed.cert);
  expect((await find())?.metadata?.generation).toBe(generation);
  await world.db.certificate.delete({ where: { id: exact } });
  await expect.poll(served).toBe(`cert-${wild}`);
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

const write = (file: string) =>
  `require("fs").writeFileSync("/work/${file}",[process.env.WORD,process.env.KEY,process.env.SKYARC_APP].join());`;

test('plug-ins run before and beside the app with its volumes, variables and their own settings', async () => {
  const { id, version } = await newServer(world, 'plugged');
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
            image: `${world.config.pullRegistry}/test/host:1`,
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
