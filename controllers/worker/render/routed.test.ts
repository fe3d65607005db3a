import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  autoscaling,
  greyRelease,
  job,
  placement,
  rollout,
  routeAnnotation,
  routePolicy,
} from '@skyarc/lib/contracts';
import { expect, test } from 'vitest';
import { renderApp, type Rendered } from './app.ts';
import { withGrey } from './grey.ts';
import type { RenderOptions, RunSpec } from './run-spec.ts';

const options: RenderOptions = {
  domain: 'apps.example.com',
  pullRegistry: 'registry:5000',
  ingressClass: 'skyarc',
  hasSleepAction: true,
  hasSidecars: true,
  storage: { shared: null, local: null },
  podCidrs: ['10.42.0.0/16', 'fd00:42::/48'],
};
const version = (number: number) => ({
  id: `local.version.${String(number).repeat(16)}`,
  number,
  image: `blue/shop@sha256:0${number}`,
});
const shop: RunSpec = {
  id: 'local.app.aaaaaaaaaaaaaaaa',
  name: 'shop',
  team: 'blue',
  namespace: 'skyarc-blue',
  workload: 'STATELESS',
  replicas: 2,
  cpuMillis: 1_000,
  memoryMb: 1_024,
  cpuRequestMillis: 250,
  memoryRequestMb: 512,
  probes: {},
  placement: placement.parse({}),
  rollout: rollout.parse({}),
  job: job.parse({}),
  volumes: [
    { id: 'local.volume.aa', name: 'tmp', kind: 'MEMORY', sizeMb: 8, mountPath: '/tmp', readOnly: false },
  ],
  command: null,
  container: {},
  healthPath: null,
  startTimeoutSec: 120,
  ports: [
    { port: 8080, protocol: 'HTTP', public: true },
    { port: 9000, protocol: 'GRPC', public: true },
    { port: 9090, protocol: 'HTTP', public: true },
    { port: 9999, protocol: 'UDP', public: false },
  ],
  env: [{ name: 'DB_HOST', value: 'db' }],
  routes: [
    {
      id: 'local.route.aaaaaaaaaaaaaaaa',
      host: '*.example.com',
      path: '/v\\d+',
      port: 8080,
      policy: {
        pathType: 'REGEX',
        match: { headers: [{ name: 'X-Beta', op: 'PRESENT' }] },
        httpsRedirect: true,
        basicAuth: { secretName: 'unused', realm: 'Staff' },
      },
      basicAuth: 'ann:$2y$10$x\n',
      certificateId: 'local.certificate.aaaaaaaaaaaaaaaa',
    },
  ],
  l4: [
    { listenPort: 30_001, servicePort: 9_999, protocol: 'UDP' },
    { listenPort: 30_002, servicePort: 1, protocol: 'TCP' },
  ],
  plugins: [
    {
      name: 'migrate',
      kind: 'INIT',
      image: 'blue/migrate@sha256:00',
      isBuilt: true,
      command: ['up'],
      config: [],
      cpuMillis: 100,
      memoryMb: 64,
    },
    {
      name: 'cache',
      kind: 'SIDE_CAR',
      image: 'registry.example.com/cache:1',
      isBuilt: false,
      command: null,
      config: [{ name: 'SIZE', value: '10' }],
      cpuMillis: 50,
      memoryMb: 32,
    },
  ],
  autoscaling: autoscaling.parse({
    minReplicas: 2,
    maxReplicas: 6,
    metrics: [
      { kind: 'CPU', target: 70 },
      { kind: 'REQUEST_RATE', target: 50 },
    ],
  }),
  grey: {
    version: version(8),
    release: greyRelease.parse({ percent: 10, cookie: { name: 'beta', value: '1' }, replicas: 1 }),
  },
  mesh: null,
  inherited: 'abc',
  version: version(7),
  restartedAt: null,
};

test('an app with everything on its routes is as in its golden file', async () => {
  const file = join(import.meta.dirname, 'golden/routed.json');
  const rendered = `${JSON.stringify(renderApp(shop, options), null, 2)}\n`;
  const golden = await readFile(file, 'utf8').catch(async () => {
    await writeFile(file, rendered);
    return rendered;
  });
  expect(JSON.parse(rendered)).toEqual(JSON.parse(golden));
});

const named = (objects: readonly Rendered[], resource: string) =>
  objects.filter((each) => each.resource === resource).map(({ object }) => object.metadata?.name);

test('what the gateway is told is what its contract allows', () => {
  const policies = renderApp(shop, options).flatMap(
    ({ object }) => object.metadata?.annotations?.[routeAnnotation] ?? [],
  );
  expect(policies.length).toBe(4);
  for (const text of policies) expect(() => routePolicy.parse(JSON.parse(text))).not.toThrow();
});

test('without a candidate the default hosts of HTTP are together, those of gRPC apart', () => {
  const plain = renderApp({ ...shop, grey: null }, options);
  expect(named(plain, 'ingresses')).toEqual(['shop-route-aaaaaaaaaaaaaaaa', 'shop-p9000', 'shop']);
  expect(named(plain, 'deployments')).toEqual(['shop']);
});

test('a fixed number of pods has no rule, and its number stands in the object', () => {
  const fixed = renderApp({ ...shop, autoscaling: { ...shop.autoscaling!, enabled: false } }, options);
  expect(named(fixed, 'horizontalpodautoscalers')).toEqual([]);
  expect(fixed.find(({ resource }) => resource === 'deployments')?.object).toMatchObject({
    spec: { replicas: 2 },
  });
  expect(named(renderApp({ ...shop, replicas: 0 }, options), 'horizontalpodautoscalers')).toEqual([]);
});

const pods = (spec: RunSpec) =>
  renderApp(spec, options)
    .filter(({ resource }) => resource === 'deployments')
    .map(({ object }) => object);

test('routes alone never change a pod', () => {
  const other = {
    ...shop,
    routes: [],
    l4: [],
    grey: { ...shop.grey!, release: { ...shop.grey!.release, percent: 90 } },
  };
  expect(pods(other)).toEqual(pods(shop));
});

test('the candidate shares what the app has of a split, and leaves the rest as it is', () => {
  const policy = {
    split: {
      targets: [
        { service: 'shop', port: 8080, weight: 3 },
        { service: 'other', port: 80, weight: 1 },
        { service: 'shop', port: 8080, match: { methods: ['POST' as const] } },
      ],
      sticky: { by: 'CLIENT_IP' as const },
    },
  };
  expect(withGrey(policy, shop, 8080).split).toEqual({
    targets: [
      { service: 'shop-grey', port: 8080, match: { cookies: [{ name: 'beta', value: '1', op: 'EXACT' }] } },
      { service: 'shop', port: 8080, weight: 675 },
      { service: 'shop-grey', port: 8080, weight: 75 },
      { service: 'other', port: 80, weight: 250 },
      { service: 'shop', port: 8080, weight: 0, match: { methods: ['POST'] } },
    ],
    sticky: { by: 'CLIENT_IP' },
  });
  expect(withGrey(policy, { ...shop, grey: null }, 8080)).toBe(policy);
});
