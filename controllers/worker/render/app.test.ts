import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { renderApp, workloadAmong } from './app.ts';
import { templateLabel } from './labels.ts';
import { mainPortOf, type RenderOptions, type RunSpec } from './run-spec.ts';

const options: RenderOptions = {
  domain: 'apps.example.com',
  pullRegistry: 'registry:5000',
  ingressClass: 'skyarc',
  hasSleepAction: true,
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
  command: null,
  healthPath: '/health',
  startTimeoutSec: 120,
  ports: [
    { port: 8080, protocol: 'HTTP', public: true },
    { port: 9090, protocol: 'HTTP', public: false },
  ],
  env: [{ name: 'GREETING', value: 'hello "world"\n' }],
  routes: [{ host: 'shop.example.com', path: '/api', port: 8080 }],
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
const silent: RunSpec = { ...database, name: 'silent', workload: 'STATELESS', ports: [] };

test.for([
  ['web', web],
  ['database', database],
  ['silent', silent],
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

test('before Kubernetes 1.30 the drain is an exec', () => {
  const workload = workloadAmong(renderApp(web, { ...options, hasSleepAction: false }));
  expect(workload?.object.spec?.template.spec?.containers[0]?.lifecycle?.preStop).toEqual({
    exec: { command: ['sleep', '3'] },
  });
});
