import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { job, placement, probe, rollout } from '@skyarc/lib/contracts';
import { expect, test } from 'vitest';
import { renderApp, workloadAmong } from './app.ts';
import { renderJob } from './job.ts';
import { templateLabel } from './labels.ts';
import { mainPortOf, type RenderOptions, type RunSpec } from './run-spec.ts';

const options: RenderOptions = {
  domain: 'apps.example.com',
  pullRegistry: 'registry:5000',
  ingressClass: 'skyarc',
  hasSleepAction: true,
  hasSidecars: true,
  storage: { shared: 'skyarc-shared', local: 'skyarc-local' },
  podCidrs: ['10.42.0.0/16'],
};

const web: RunSpec = {
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
  volumes: [],
  command: null,
  container: {},
  healthPath: '/health',
  startTimeoutSec: 120,
  ports: [
    { port: 8080, protocol: 'HTTP', public: true },
    { port: 9090, protocol: 'HTTP', public: false },
  ],
  env: [{ name: 'GREETING', value: 'hello "world"\n' }],
  routes: [
    {
      id: 'local.route.aaaaaaaaaaaaaaaa',
      host: 'shop.example.com',
      path: '/api',
      port: 8080,
      policy: {},
      basicAuth: null,
      certificateId: null,
    },
  ],
  l4: [],
  plugins: [],
  autoscaling: null,
  grey: null,
  mesh: null,
  inherited: '',
  version: { id: 'local.version.aaaaaaaaaaaaaaaa', number: 7, image: 'blue/shop@sha256:00' },
  restartedAt: null,
};
const database: RunSpec = {
  ...web,
  name: 'db',
  workload: 'STATEFUL',
  replicas: 1,
  healthPath: null,
  command: ['serve', '--port', '5432'],
  ports: [{ port: 5432, protocol: 'TCP', public: false }],
  env: [],
  routes: [],
};
const place = { mountPath: '/', readOnly: false };
const full: RunSpec = {
  ...database,
  name: 'full',
  replicas: 3,
  cpuRequestMillis: 100,
  memoryRequestMb: 1_024,
  probes: {
    startup: probe.parse({ kind: 'COMMAND', command: ['check'], periodSeconds: 10, failureThreshold: 30 }),
    readiness: probe.parse({
      kind: 'HTTP',
      path: '/ready',
      port: 8080,
      headers: [{ name: 'X', value: 'y' }],
    }),
    liveness: probe.parse({ kind: 'GRPC', service: 'db', initialDelaySeconds: 5 }),
  },
  placement: placement.parse({
    nodes: [
      { key: 'disk', operator: 'IN', values: ['ssd'] },
      { key: 'gpu', operator: 'NOT_EXISTS', required: false },
    ],
    nearApps: ['shop'],
    awayFromApps: ['noisy'],
    spread: false,
    labels: { tier: 'data' },
  }),
  rollout: rollout.parse({ terminationGraceSeconds: 4 }),
  volumes: [
    { ...place, id: 'local.volume.aa', name: 'shared', kind: 'SHARED', sizeMb: 2_048, mountPath: '/s' },
    { ...place, id: 'local.volume.bb', name: 'local', kind: 'LOCAL', sizeMb: 500, mountPath: '/l' },
    { ...place, id: 'local.volume.cc', name: 'memory', kind: 'MEMORY', sizeMb: 64, mountPath: '/m' },
    {
      ...place,
      id: 'local.volume.dd',
      name: 'class',
      kind: 'CLASS',
      sizeMb: 100,
      storageClass: 'fast',
      accessMode: 'ReadWriteMany',
      mountPath: '/c',
      readOnly: true,
    },
    {
      ...place,
      id: 'local.volume.ee',
      name: 'file',
      kind: 'CONFIG_FILE',
      content: 'port = 1',
      fileMode: 0o600,
      mountPath: '/etc/db.conf',
    },
    {
      ...place,
      id: 'local.volume.ff',
      name: 'other',
      kind: 'APP',
      source: {
        id: 'local.volume.gg',
        name: 'data',
        sizeMb: 10,
        app: { id: 'local.app.bbbbbbbbbbbbbbbb', name: 'shop', team: 'blue' },
      },
      mountPath: '/o',
    },
  ],
};
const nightly: RunSpec = {
  ...web,
  name: 'nightly',
  workload: 'CRON_JOB',
  job: job.parse({ schedule: '0 3 * * *', timeZone: 'Europe/Berlin', deadlineSeconds: 60, keepFailed: 1 }),
};
const silent: RunSpec = { ...database, name: 'silent', workload: 'STATELESS', ports: [] };

test.for([
  ['web', web],
  ['database', database],
  ['silent', silent],
  ['full', full],
  ['nightly', nightly],
] as const)('the objects of "%s" are as in its golden file', async ([name, spec]) => {
  const file = join(import.meta.dirname, `golden/${name}.json`);
  const rendered = `${JSON.stringify(renderApp(spec, options), null, 2)}\n`;
  const golden = await readFile(file, 'utf8').catch(async () => {
    await writeFile(file, rendered);
    return rendered;
  });
  expect(JSON.parse(rendered)).toEqual(JSON.parse(golden));
});

const digest = (spec: RunSpec) =>
  workloadAmong(renderApp(spec, options))?.object.metadata?.labels?.[templateLabel];

test('the template digest follows what pods are made of, and nothing else', () => {
  expect(digest({ ...web, replicas: 5, routes: [] })).toBe(digest(web));
  const changes: Partial<RunSpec>[] = [
    { env: [] },
    { command: ['x'] },
    { container: { user: '1000' } },
    { memoryMb: 2_048 },
    { restartedAt: '2026-01-01T00:00:00Z' },
    { version: { ...web.version, image: 'blue/shop@sha256:11' } },
  ];
  for (const change of changes) expect(digest({ ...web, ...change })).not.toBe(digest(web));
});

test('the main port is the first public HTTP one, else the first', () => {
  expect(
    mainPortOf({
      ports: [
        { port: 1, protocol: 'TCP', public: true },
        { port: 2, protocol: 'HTTP', public: true },
      ],
    })?.port,
  ).toBe(2);
  expect(mainPortOf(database)?.port).toBe(5432);
  expect(mainPortOf(silent)).toBeUndefined();
});

test('a PORT of the user wins over ours', () => {
  const spec = { ...web, env: [{ name: 'PORT', value: '1234' }] };
  const env = workloadAmong(renderApp(spec, options))?.object.spec?.template.spec?.containers[0]?.env;
  expect(env?.some(({ name }) => name === 'PORT')).toBe(false);
});

test('entrypoint, working folder and user stand over those of the image', () => {
  const container = { entrypoint: ['/bin/sh', '-c'], workingDir: '/srv', user: '1000:2000' };
  const rendered = workloadAmong(renderApp({ ...web, command: ['serve'], container }, options));
  const [main] = rendered?.object.spec?.template.spec?.containers ?? [];
  expect(main).toMatchObject({
    command: ['/bin/sh', '-c'],
    args: ['serve'],
    workingDir: '/srv',
    securityContext: { runAsUser: 1000, runAsGroup: 2000, privileged: false },
  });
});

test('before Kubernetes 1.30 the drain is an exec', () => {
  const workload = workloadAmong(renderApp(web, { ...options, hasSleepAction: false }));
  expect(workload?.object.spec?.template.spec?.containers[0]?.lifecycle?.preStop).toEqual({
    exec: { command: ['sleep', '3'] },
  });
});

test('a JOB has no object that runs by itself; each run has a name of its own', () => {
  const spec: RunSpec = { ...nightly, workload: 'JOB' };
  expect(renderApp(spec, options).map(({ resource }) => resource)).toEqual([
    'namespaces',
    'networkpolicies',
    'serviceaccounts',
    'secrets',
  ]);
  const run = renderJob(spec, options, 'local.op.abcdefghijklmnop');
  expect(run.metadata?.name).toBe('nightly-abcdefghij');
  expect(run.spec?.template.spec?.restartPolicy).toBe('Never');
});

test('a config file of another text is another Secret, so that pods follow', () => {
  const changed = full.volumes.map((volume) =>
    volume.kind === 'CONFIG_FILE' ? { ...volume, content: 'port = 2' } : volume,
  );
  expect(digest({ ...full, volumes: changed })).not.toBe(digest(full));
});

test('a volume on a node of its own needs stable pods', () => {
  expect(() => renderApp({ ...full, workload: 'STATELESS' }, options)).toThrow('only a STATEFUL app');
});

test('a rollout that could change no pod adds one', () => {
  const settings = rollout.parse({ maxSurge: '0', maxUnavailable: '0%' });
  const [workload] = renderApp({ ...silent, rollout: settings }, options).slice(-1);
  expect(workload?.object).toMatchObject({ spec: { strategy: { rollingUpdate: { maxSurge: 1 } } } });
});

test('the default startup check lasts as long as the app may take to start', () => {
  const [container] =
    workloadAmong(renderApp({ ...web, startTimeoutSec: 600 }, options))?.object.spec?.template.spec
      ?.containers ?? [];
  expect(container?.startupProbe).toMatchObject({ periodSeconds: 1, failureThreshold: 600 });
  expect(container?.livenessProbe).toBeUndefined();
});
