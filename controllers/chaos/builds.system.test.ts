import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuiltLayer } from '@skyarc/lib/contracts';
import { run } from '@skyarc/lib/process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type GitServer, startGitServer } from './testkit/git-server.ts';
import { Rig } from './testkit/rig.ts';
import { askImage, type PulledImage, pullImage } from './testkit/run-image.ts';

let rig: Rig;
let git: GitServer;
beforeAll(async () => {
  [rig, git] = await Promise.all([Rig.open(20_510), startGitServer(20_511)]);
}, 600_000);
afterAll(async () => {
  await git?.stop();
  await rig?.close();
});

const template = (name: string) => ({ kind: 'TEMPLATE', template: name }) as const;
const slow = { timeout: 400_000 };

async function withImage<T>(image: string | undefined, use: (pulled: PulledImage) => Promise<T>): Promise<T> {
  const pulled = await pullImage(rig.config.registryUrl as string, image ?? '');
  try {
    return await use(pulled);
  } finally {
    await pulled.remove();
  }
}

test('a Node.js app with a package builds, answers, and builds again to the same digest', slow, async () => {
  const app = await rig.newApp(template('node-express-like'));
  const first = await rig.deploy(app);
  expect(first.build).toMatchObject({ status: 'SUCCEEDED', buildpack: 'nodejs', reason: 'package.json' });
  expect(first.log).toMatch(/\$ npm ci[\s\S]*added \d+ packages/);
  const answer = await withImage(first.version?.image, (image) => askImage(image, 8080, '/visits/ann'));
  expect(JSON.parse(answer.body)).toEqual({ name: 'ann', visits: 1 });
  expect(answer.lines).toContain('GET /visits/ann');

  const fresh = await rig.deploy(app, { noCache: true });
  expect(fresh.log).toContain('npm ci');
  expect(fresh.version?.image).toBe(first.version?.image);

  const again = await rig.deploy(app);
  expect(again.version).toMatchObject({ number: 3, image: first.version?.image });
  const layers = (done: typeof first) =>
    (JSON.parse(done.build.layers ?? '[]') as BuiltLayer[]).map(({ kind, isFromCache }) => [
      kind,
      isFromCache,
    ]);
  expect(layers(first)).toEqual([
    ['BASE', true],
    ['RUNTIME', expect.any(Boolean)],
    ['DEPENDENCIES', false],
    ['APP', false],
  ]);
  expect(layers(again).every(([, isFromCache]) => isFromCache)).toBe(true);
  expect(Number(first.build.sentBytes)).toBeGreaterThan(1_000);
  expect(Number(again.build.sentBytes)).toBe(0);
  expect(Number(first.build.cacheBytes)).toBeGreaterThan(1_000);
  expect(Number(first.build.cacheLimitBytes)).toBeGreaterThan(Number(first.build.cacheBytes));
  expect(again.seconds).toBeLessThan(3);
  expect(await rig.db.port.findMany({ where: { appId: app.id } })).toMatchObject([
    { port: 8080, detected: true },
  ]);
  const tasks = await rig.db.outbox.findMany({ where: { topic: 'runtime', key: app.id } });
  expect(tasks.map(({ id }) => id)).toContain(`${again.operation.id}.runtime`);
});

test('a commit that leaves the packages alone does not install them again', slow, async () => {
  const sample = join(import.meta.dirname, '../../samples/node-express-like');
  const files = Object.fromEntries(
    await Promise.all(
      ['package.json', 'package-lock.json', 'server.js'].map(async (name) => [
        name,
        await readFile(join(sample, name), 'utf8'),
      ]),
    ),
  ) as Record<string, string>;
  await git.commit('open/shop.git', files);
  const app = await rig.newApp({ kind: 'GIT', url: `${git.url}/open/shop.git`, branch: 'main' });
  const first = await rig.deploy(app);
  expect(first.build).toMatchObject({ status: 'SUCCEEDED', commitMessage: 'Change files' });
  const id = await git.commit('open/shop.git', { 'server.js': `${files['server.js']}\n// more\n` });
  const second = await rig.deploy(app);
  expect(second.build).toMatchObject({
    status: 'SUCCEEDED',
    commitId: id,
    commitAuthor: 'Ann <ann@example.com>',
  });
  expect(second.log).toContain('Packages are unchanged');
  expect(second.log).not.toContain('npm ci');
  expect(second.version?.image).not.toBe(first.version?.image);
});

test('a build script runs with development packages, which the image does not have', slow, async () => {
  const lock = await lockOf({ dependencies: { polka: '0.5.2' }, devDependencies: { mri: '1.2.0' } });
  await git.commit('open/built.git', {
    ...lock,
    'build.js': `require('mri'); require('fs').writeFileSync('made.txt', 'by the build');`,
    'server.js': `require('polka')().get('/', (_, res) => res.end(require('fs').readFileSync('made.txt'))).listen(process.env.PORT);`,
  });
  const app = await rig.newApp({ kind: 'GIT', url: `${git.url}/open/built.git`, branch: 'main' });
  const done = await rig.deploy(app);
  expect(done.build.message).toBeNull();
  await withImage(done.version?.image, async (image) => {
    expect((await askImage(image, 8080)).body).toBe('by the build');
    const modules = await run('ls', [join(image.rootfs, 'app/node_modules')]);
    expect(modules.stdout).toContain('polka');
    expect(modules.stdout).not.toContain('mri');
  });
});

test('a Python app with a requirement builds and answers', slow, async () => {
  await git.commit('open/py.git', {
    'requirements.txt': 'itsdangerous==2.2.0\n',
    'main.py': [
      'import os, itsdangerous',
      'from http.server import *',
      'class H(BaseHTTPRequestHandler):',
      '    def do_GET(self):',
      '        self.send_response(200); self.end_headers(); self.wfile.write(itsdangerous.base64_encode(b"hi"))',
      'HTTPServer(("", int(os.environ["PORT"])), H).serve_forever()',
    ].join('\n'),
  });
  const app = await rig.newApp({ kind: 'GIT', url: `${git.url}/open/py.git`, branch: 'main' });
  const done = await rig.deploy(app);
  expect(done.build).toMatchObject({ status: 'SUCCEEDED', buildpack: 'python', message: null });
  const timed = await withImage(done.version?.image, async (image) => {
    expect((await askImage(image, 8080)).body).toBe('aGk');
    return compiledByTime(image.rootfs);
  });
  expect(timed).toEqual([]);
  const fresh = await rig.deploy(app, { noCache: true });
  expect(fresh.version?.image).toBe(done.version?.image);
});

/** Files that Python would compile anew at each start, as no file of an image has the time that they name (PEP 552). */
async function compiledByTime(rootfs: string): Promise<string[]> {
  const { stdout } = await run('find', [rootfs, '-name', '*.pyc'], { keepBytes: 8 << 20 });
  const names = stdout.split('\n').filter(Boolean);
  expect(names.length).toBeGreaterThan(500);
  const flags = await Promise.all(names.map(async (name) => (await readFile(name)).readUInt32LE(4)));
  return names.filter((_, index) => flags[index] !== 1);
}

test('the templates of Python, Node.js without packages and static files answer', slow, async () => {
  const texts: string[] = [];
  for (const name of ['hello-python', 'hello-node', 'hello-static']) {
    const done = await rig.deploy(await rig.newApp(template(name)));
    expect(done.build.message).toBeNull();
    const answer = await withImage(done.version?.image, (image) => askImage(image, 8080));
    texts.push(answer.body);
    expect(answer.lines.join('\n')).toMatch(/GET \//);
  }
  expect(texts[0]).toMatch(/^Hello from Python 3/);
  expect(texts[1]).toMatch(/^Hello from Node\.js v24/);
  expect(texts[2]).toContain('<h1>Hello</h1>');
});

test(
  'a Dockerfile over the base builds without reach of the registry, and again from its cache',
  slow,
  async () => {
    await git.commit('open/docker.git', {
      Dockerfile: [
        'FROM skyarc/base:bookworm',
        'RUN id -u && touch /made && mkdir /www && chown 1000:1000 /www && cat /proc/self/uid_map',
        'COPY serve.sh /serve.sh',
        'EXPOSE 9000/tcp',
        'CMD ["/bin/sh", "/serve.sh"]',
      ].join('\n'),
      'serve.sh': '#!/bin/sh\nls /made\nsleep 60\n',
    });
    const app = await rig.newApp({ kind: 'GIT', url: `${git.url}/open/docker.git`, branch: 'main' });
    const done = await rig.deploy(app);
    expect(done.build.message).toBeNull();
    expect(done.log).toContain('1879048192');
    expect(JSON.parse(done.version?.ports ?? '')).toEqual([9000]);
    await withImage(done.version?.image, async (image) => {
      expect(image.config.Cmd).toEqual(['/bin/sh', '/serve.sh']);
      expect((await run('ls', [image.rootfs])).stdout).toContain('made');
    });
    const again = await rig.deploy(app, {});
    expect(again.version?.image).toBe(done.version?.image);
    await git.commit('open/docker.git', { 'serve.sh': '#!/bin/sh\nsleep 61\n' });
    const third = await rig.deploy(app);
    expect(third.build.message).toBeNull();
    expect(third.log).toMatch(/Using cache/);
    await withImage(third.version?.image, async ({ rootfs }) => {
      expect((await stat(join(rootfs, 'www'))).uid).toBe(1000);
    });
  },
);

test('an image without a command is refused before it is deployed', slow, async () => {
  await git.commit('open/idle.git', { Dockerfile: 'FROM skyarc/base:bookworm\nRUN true\n' });
  const app = await rig.newApp({ kind: 'GIT', url: `${git.url}/open/idle.git`, branch: 'main' });
  const done = await rig.deploy(app);
  expect(done.build).toMatchObject({
    status: 'FAILED',
    message: expect.stringContaining('has no command') as string,
  });
  expect(done.operation).toMatchObject({ status: 'FAILED', message: done.build.message });
});

/** package.json and its lock file, as npm makes them. */
async function lockOf(parts: Record<string, Record<string, string>>): Promise<Record<string, string>> {
  const folder = join(rig.folder, 'lock');
  const pkg = {
    name: 'x',
    version: '1.0.0',
    scripts: { build: 'node build.js', start: 'node server.js' },
    ...parts,
  };
  await run('mkdir', ['-p', folder]);
  await writeFile(join(folder, 'package.json'), JSON.stringify(pkg));
  const env = { PATH: process.env['PATH'] ?? '', NODE_EXTRA_CA_CERTS: '/etc/ssl/certs/ca-certificates.crt' };
  await run('npm', ['install', '--package-lock-only', '--omit-lockfile-registry-resolved'], {
    cwd: folder,
    env,
  });
  return {
    'package.json': JSON.stringify(pkg),
    'package-lock.json': await readFile(join(folder, 'package-lock.json'), 'utf8'),
  };
}
