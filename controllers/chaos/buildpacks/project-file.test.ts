import { expect, test } from 'vitest';
import { newTree } from '../testkit/tree.ts';
import { examine } from './examine.ts';
import { readProject } from './settings.ts';

const full = `
build:
  buildpack: python
  command: make assets
  args: { LEVEL: 2 }
  env: { PIP_NO_BINARY: "1" }
  documentRoot: ./public/
run:
  command: python3 main.py
  ports: [9000, { port: 6379, protocol: tcp }]
  memory: 1Gi
  env: { MODE: live }
  volumes: [/data]
  healthPath: /healthz
  processes: { worker: python3 worker.py }
`;

test('skyarc.yml says how to build and run; build settings win over it, and it over the Procfile', async () => {
  const source = await newTree({ 'skyarc.yml': full, Procfile: 'web: a\nworker: b\nclock: c' });
  const project = await readProject(source, { command: 'make', env: { PIP_NO_BINARY: '0' } });
  expect(project).toMatchObject({
    buildpack: 'python',
    buildCommand: 'make',
    buildArgs: { LEVEL: '2' },
    buildEnv: { PIP_NO_BINARY: '0' },
    documentRoot: 'public',
    file: 'skyarc.yml',
  });
  expect(project.run).toEqual({
    processes: { web: 'python3 main.py', worker: 'python3 worker.py', clock: 'c' },
    ports: [{ port: 9000 }, { port: 6379, protocol: 'TCP' }],
    memoryMb: 1024,
    env: { MODE: 'live' },
    volumes: ['/data'],
    healthPath: '/healthz',
  });
  const started = await readProject(source, { start: 'python3 other.py' });
  expect(started.run.processes['web']).toBe('python3 other.py');
});

test.each([
  ['build:\n  biuldpack: x', 'skyarc.yml line 2: key "build.biuldpack" is not known here'],
  ['\nrun:\n  ports:\n    - 80\n    - 99999', /^skyarc\.yml line 5: "run\.ports\.1" .*65535/],
  ['run:\n  ports:\n    - port: 80\n      proto: tcp', /line 4: key "run\.ports\.0\.proto" is not known/],
  ['run:\n  memory: lots', /line 2: "run\.memory" is not like 512/],
  ['run:\n  volumes: ["/"]', /line 2: "run\.volumes\.0" must be an absolute path/],
  ['run: [', /^skyarc\.yml line 1: /],
  ['run:\n  env:\n    A: 1\n    A: 2', /^skyarc\.yml line 4: .*unique/],
  ['- a', /^skyarc\.yml line 1: /],
  ['build:\n  documentRoot: ../..', '"../.." is not a path within the source (documentRoot)'],
  ['build:\n  dockerfile: -f', '"-f" is not a path within the source (dockerfile)'],
  ['run:\n  env: { "A B": 1 }', '"A B" cannot name a environment variable'],
  ['build:\n  target: --x', '"--x" cannot name a stage of a Dockerfile (target)'],
  [`a: &a [1]\nb: [${'*a,'.repeat(200)}]`, /^skyarc\.yml /],
])('what is wrong in skyarc.yml is told with its line: %j', async (text, message) => {
  await expect(readProject(await newTree({ 'skyarc.yml': text }))).rejects.toThrow(message);
});

test('a rainbondfile is read in our terms, and what has no counterpart is a warning', async () => {
  const rainbondfile = [
    'language: Node.js',
    'buildpath: web',
    'ports:',
    '  - port: 5000',
    '    protocol: http',
    '  - port: 3306',
    '    protocol: mysql',
    'envs: { DEBUG: "true", BUILD_NODE_ENV: production }',
    'cmd: node start.js',
    'hooks: {}',
    'services: [{ name: a }, { name: b }]',
  ].join('\n');
  const project = await readProject(await newTree({ rainbondfile }));
  expect(project).toMatchObject({ buildpack: 'nodejs', module: 'web', file: 'rainbondfile' });
  expect(project.run.processes).toEqual({ web: 'node start.js' });
  expect(project.run.ports).toEqual([
    { port: 5000, protocol: 'HTTP' },
    { port: 3306, protocol: 'TCP' },
  ]);
  expect(project.run.env).toEqual({ DEBUG: 'true' });
  expect(project.warnings).toEqual([
    'rainbondfile: "hooks" has no meaning here',
    expect.stringContaining('services a, b are an app each'),
  ]);
});

test('an examination tells what would be built, all who would take it, and the modules', async () => {
  const source = await newTree({
    'skyarc.yml': 'run: { ports: [9000], memory: 256, volumes: [/data] }',
    'requirements.txt': 'flask',
    'app.py': 'from flask import Flask\napp = Flask(__name__)\n',
    'index.html': '',
  });
  const seen = await examine(source);
  expect(seen).toMatchObject({ buildpack: 'python', reason: 'requirements.txt', problem: null, modules: [] });
  expect(seen.found).toMatchObject({ ports: [9000], memoryMb: 256, volumes: ['/data'] });
  expect(seen.found?.env['PORT']).toBe('9000');
  expect(seen.candidates.map(({ buildpack, reason }) => `${buildpack}: ${reason}`)).toEqual([
    'python: requirements.txt',
    'static: index.html',
  ]);
});

test('folders that are apps are offered as modules, and the chosen one is built alone', async () => {
  const source = await newTree({
    'api/main.py': 'x.serve_forever()',
    'api/Procfile': 'web: python3 main.py --port 7000',
    'site/index.html': '',
    'docs/index.html': '',
  });
  const whole = await examine(source);
  expect(whole.problem).toMatch(/No language was recognised/);
  expect(whole.modules).toEqual([
    { name: 'api', path: 'api', kind: 'python' },
    { name: 'site', path: 'site', kind: 'static' },
  ]);
  const one = await examine(source, { module: './api/' });
  expect(one).toMatchObject({ buildpack: 'python', found: { ports: [7000] } });
  const wrong = await examine(source, { module: '../other' });
  expect(wrong.problem).toBe('There is no module "../other" in this source; there are api, site');
});
