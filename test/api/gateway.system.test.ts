import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import { join } from 'node:path';
import { type GatewayConfig, type RunningGateway, start, stopNginx } from '@skyarc/controllers/gateway';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { red, refusalOf, TestClient } from './data-center-client.ts';
import { type DataCenterWorld, startDataCenter } from './world.ts';

let world: DataCenterWorld;
let api: TestClient;
let gateway: RunningGateway;
let config: GatewayConfig;
let app: Server;
let appId: string;
let routeId: string;

beforeAll(async () => {
  const statusUrl = 'http://127.0.0.1:20562';
  world = await startDataCenter(
    { etcd: 20_566, etcdPeer: 20_567, api: 20_568 },
    // The first one is down: whoever answers first counts.
    { gatewayUrls: ['http://127.0.0.1:20569', statusUrl] },
  );
  await chmod(world.folder, 0o711);
  config = {
    instance: 'heg-gateway',
    dataDir: join(world.folder, 'gateway'),
    kubeconfig: world.kubeconfig,
    httpPort: 20_560,
    httpsPort: 20_561,
    statusPort: 20_562,
  };
  gateway = await start(config);
  api = new TestClient(world);
  app = createServer((incoming, response) => {
    response.statusCode = incoming.url === '/bad' ? 500 : 200;
    response.end('hello');
  }).listen(20_563, '127.0.0.1');
  await once(app, 'listening');
  appId = await api.createApp('shop', { ports: [{ port: 80 }] });
  await api.run(appId);
  await api.update(appId, { routes: [{ host: 'shop.test', path: '/', port: 80 }] });
  routeId = (await api.app(appId, 'routes { id }')).routes[0].id;
  await render('skyarc-blue', 'shop', `shop-route-${routeId.split('.').at(-1)}`, 'shop.test');
  await render('skyarc-red', 'secret', 'secret', 'secret.test');
}, 60_000);
afterAll(async () => {
  api?.close();
  app?.close();
  await gateway?.stop();
  await stopNginx(config);
  await world?.stop();
});

/** What the worker makes of an app with a route. */
async function render(namespace: string, service: string, ingress: string, host: string): Promise<void> {
  const { kube } = world;
  await kube.create('namespaces', { metadata: { name: namespace } });
  await kube.create('services', { metadata: { name: service, namespace }, spec: { ports: [{ port: 80 }] } });
  await kube.create('endpointslices', {
    metadata: { name: service, namespace, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
    ports: [{ name: '', port: 20_563, protocol: 'TCP' }],
  });
  const backend = { service: { name: service, port: { number: 80 } } };
  await kube.create('ingresses', {
    metadata: { name: ingress, namespace },
    spec: {
      ingressClassName: 'skyarc',
      rules: [{ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }],
    },
  });
}

async function explain(input: object, scope?: typeof red) {
  const text = `query ($input: ExplainRequestInput!) { explainRequest(input: $input) {
    appId routeId host path reasons targets { appId versionId service port percent endpoints }
  } }`;
  return (await api.ask(text, { input }, scope)).explainRequest;
}

test('the gateway itself says which route takes a request', async () => {
  const question = {
    url: 'http://shop.test/cart?a=1',
    headers: [{ name: 'X-A', value: '1' }],
    clientIp: '10.0.0.1',
  };
  await expect.poll(async () => (await explain(question)).routeId).toBe(routeId);
  const { currentVersionId } = await world.db.app.findUniqueOrThrow({ where: { id: appId } });
  const { reasons, ...rest } = await explain(question);
  expect(rest).toEqual({
    appId,
    routeId,
    host: 'shop.test',
    path: '/',
    targets: [{ appId, versionId: currentVersionId, service: 'shop', port: 80, percent: 100, endpoints: 1 }],
  });
  expect(reasons).not.toHaveLength(0);
  expect(await explain({ url: 'http://nowhere.test/' })).toMatchObject({ appId: null, targets: [] });
});

test('of a route of another team nothing is told', async () => {
  await expect
    .poll(async () => (await explain({ url: 'http://secret.test/' })).reasons)
    .toEqual(['A route of another team takes it']);
  const answer = await explain({ url: 'http://shop.test/' }, red);
  expect(JSON.stringify(answer)).not.toContain('shop');
});

test('traffic of an app is what the gateways counted', async () => {
  for (let index = 0; index < 20; index += 1) await get(index % 4 === 0 ? '/bad' : '/');
  const fields = 'traffic { host path routeId requestsPerSecond errorRate p50 p99 }';
  await expect
    .poll(async () => (await api.app(appId, fields)).traffic)
    .toMatchObject([{ host: 'shop.test', path: '/', routeId, errorRate: 0.25 }]);
}, 40_000);

test('without a gateway that answers an explanation is refused, and traffic is empty', async () => {
  await world.restartApi({ gatewayUrls: ['http://127.0.0.1:20569'] });
  const refused = await refusalOf(explain({ url: 'http://shop.test/' }));
  expect(refused).toMatchObject({ code: 'UNAVAILABLE' });
  expect(refused.message).toMatch(/^Cannot ask the gateway: /);
  expect((await api.app(appId, 'traffic { host }')).traffic).toEqual([]);
});

async function get(path: string): Promise<void> {
  const call = request({ host: '127.0.0.1', port: 20_560, path, headers: { host: 'shop.test' } }).end();
  const [response] = await once(call, 'response');
  response.resume();
  await once(response, 'end');
}
