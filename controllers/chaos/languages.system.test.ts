import { join } from 'node:path';
import { run } from '@skyarc/lib/process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readFiles } from './testkit/files.ts';
import { type GitServer, startGitServer } from './testkit/git-server.ts';
import { Rig } from './testkit/rig.ts';
import { askImage, pullImage } from './testkit/run-image.ts';

let rig: Rig;
let git: GitServer;
beforeAll(async () => {
  [rig, git] = await Promise.all([Rig.open(20_940), startGitServer(20_941)]);
}, 600_000);
afterAll(async () => {
  await git?.stop();
  await rig?.close();
});

const slow = { timeout: 400_000 };
let count = 0;

async function newApp(files: Readonly<Record<string, string>>) {
  count += 1;
  const repository = `open/language-${process.pid}-${count}.git`;
  await git.commit(repository, files);
  const app = await rig.newApp({ kind: 'GIT', url: `${git.url}/${repository}`, branch: 'main' });
  return { app, change: (changed: Readonly<Record<string, string>>) => git.commit(repository, changed) };
}

function fixtureOf(buildpack: string): Promise<Record<string, string>> {
  return readFiles(join(import.meta.dirname, 'buildpacks', buildpack, 'fixture'));
}

function member(name: string, parts: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ name, version: '1.0.0', ...parts });
}

async function ask(image: string | undefined, ...paths: readonly string[]): Promise<string[]> {
  const pulled = await pullImage(rig.config.registryUrl as string, image ?? '');
  try {
    const bodies: string[] = [];
    for (const path of paths) bodies.push((await askImage(pulled, 8080, path)).body);
    return bodies;
  } finally {
    await pulled.remove();
  }
}

test('a PHP app with Composer answers at every path, and builds again to the same digest', slow, async () => {
  const { app, change } = await newApp(await fixtureOf('php'));
  const done = await rig.deploy(app);
  expect(done.build).toMatchObject({
    status: 'SUCCEEDED',
    buildpack: 'php',
    reason: 'composer.json',
    message: null,
  });
  expect(done.log).toMatch(/There is no composer\.lock/);
  const bodies = await ask(done.version?.image, '/any/path?x=1', '/style.css');
  expect(bodies[0]).toMatch(/^Hello, ANN from PHP 8\.2\.\d+ \/any\/path\?x=1$/);
  expect(bodies[1]).toMatch(/^body \{/);
  await change({ 'skyarc.yml': 'build: { documentRoot: nowhere }' });
  const wrong = await rig.deploy(app);
  expect(wrong.build.message).toContain('The document root "nowhere" is not a folder');
});

test('what a lock of Composer says is kept from build to build, and digests are equal', slow, async () => {
  const { app, change } = await newApp({
    'composer.json': '{"require":{"ext-mbstring":"*"},"autoload":{"psr-4":{"Shop\\\\":"src/"}}}',
    'composer.lock': '{"content-hash":"5d0bb0c1d4f8e1a1c7c1f5b4a4f2a8b1","packages":[],"packages-dev":[]}',
    'src/Page.php': '<?php namespace Shop; class Page { const TEXT = "found"; }',
    'index.php': '<?php require "vendor/autoload.php"; echo Shop\\Page::TEXT;',
  });
  const first = await rig.deploy(app);
  expect(first.build).toMatchObject({ status: 'SUCCEEDED', message: null });
  expect(await ask(first.version?.image, '/')).toEqual(['found']);
  const fresh = await rig.deploy(app, { noCache: true });
  expect(fresh.version?.image).toBe(first.version?.image);
  await change({ 'src/Page.php': '<?php namespace Shop; class Page { const TEXT = "changed"; }' });
  const second = await rig.deploy(app);
  expect(second.log).toContain('Packages are unchanged');
  expect(await ask(second.version?.image, '/')).toEqual(['changed']);
});

test('PHP files without Composer answer, with the extensions that are usual', slow, async () => {
  const { app } = await newApp({
    'index.php': '<?php echo implode(",", array_map("extension_loaded", ["mysqli", "gd", "zip"]) );',
  });
  const done = await rig.deploy(app);
  expect(done.build).toMatchObject({ status: 'SUCCEEDED', buildpack: 'php', reason: 'index.php' });
  expect((await ask(done.version?.image, '/'))[0]).toBe('1,1,1');
});

test('a Rack app without a Gemfile is served by puma', slow, async () => {
  const { app } = await newApp({
    'config.ru':
      'run ->(env) { [200, {"content-type" => "text/plain"}, ["Hello from Ruby #{RUBY_VERSION} #{env["PATH_INFO"]}"]] }',
  });
  const done = await rig.deploy(app);
  expect(done.build).toMatchObject({
    status: 'SUCCEEDED',
    buildpack: 'ruby',
    reason: 'config.ru',
    message: null,
  });
  expect((await ask(done.version?.image, '/here'))[0]).toMatch(/^Hello from Ruby 3\.1\.\d+ \/here/);
});

test('a Ruby app with a gem of its own is started by its bundle', slow, async () => {
  const { app } = await newApp(await fixtureOf('ruby'));
  const done = await rig.deploy(app);
  expect(done.build).toMatchObject({ status: 'SUCCEEDED', buildpack: 'ruby', message: null });
  expect(done.log).toContain('$ bundle install');
  expect(await ask(done.version?.image, '/here')).toEqual(['Hello, Ruby at /here']);
  const fresh = await rig.deploy(app, { noCache: true });
  expect(fresh.version?.image).toBe(done.version?.image);
});

test(
  'a front end becomes files with a page for every path; a package of a workspace runs alone',
  slow,
  async () => {
    const scripts = { build: 'node build.js' };
    const { app } = await newApp({
      'package.json': JSON.stringify({ scripts }),
      'build.js':
        'require("fs").mkdirSync("dist"); require("fs").writeFileSync("dist/index.html", "one page");',
      'skyarc.yml': 'build: { documentRoot: dist }',
      'index.html': 'not this',
    });
    const done = await rig.deploy(app);
    expect(done.build).toMatchObject({ status: 'SUCCEEDED', buildpack: 'nodejs', message: null });
    expect(await ask(done.version?.image, '/', '/some/path')).toEqual(['one page', 'one page']);

    const workspace = await newApp({
      'package.json': JSON.stringify({ private: true, workspaces: ['packages/*'] }),
      'skyarc.yml': 'build: { module: api }',
      'packages/lib/package.json': member('lib', { main: 'made.js', scripts }),
      'packages/lib/build.js': 'require("fs").writeFileSync("made.js", "module.exports = \\"made before\\"")',
      'packages/api/package.json': member('api', {
        scripts: { start: 'node server.js' },
        dependencies: { lib: '1.0.0' },
      }),
      'packages/api/server.js':
        'require("http").createServer((q, s) => s.end(require("lib") + " in " + process.cwd())).listen(process.env.PORT)',
      'packages/web/package.json': member('web', { scripts: { start: 'node x.js' } }),
    });
    const one = await rig.deploy(workspace.app);
    expect(one.build).toMatchObject({ status: 'SUCCEEDED', message: null });
    expect(await ask(one.version?.image, '/')).toEqual(['made before in /app/packages/api']);
  },
);

test(
  'a Dockerfile gets path, stage, arguments and secrets, which no layer and no line keeps',
  slow,
  async () => {
    const secret = 'hidden-token-4711';
    const { app } = await newApp({
      'deploy/Dockerfile': [
        'FROM skyarc/base:bookworm AS build',
        'ARG GREETING=none',
        'RUN --mount=type=secret,id=TOKEN cat /run/secrets/TOKEN && test -s /run/secrets/TOKEN && echo "$GREETING" >/greeting',
        'COPY . /src',
        'FROM skyarc/base:bookworm AS small',
        'COPY --from=build /greeting /greeting',
        'COPY --from=build /src /src',
        'USER 1000',
        'EXPOSE 9000',
        'CMD ["sleep", "60"]',
        'FROM small AS large',
        'RUN touch /tmp/large',
      ].join('\n'),
      '.dockerignore': 'notes.md\n',
      'notes.md': 'not for the image',
      'kept.md': 'for the image',
    });
    const sealed = rig.secrets.seal(secret, `env:${app.id}:TOKEN`);
    await rig.db.envVar.create({ data: { appId: app.id, name: 'TOKEN', value: sealed, secret: true } });
    const options = { dockerfile: 'deploy/Dockerfile', target: 'small', args: { GREETING: 'good day' } };
    await rig.db.app.update({ where: { id: app.id }, data: { buildOptions: JSON.stringify(options) } });
    const done = await rig.deploy(app);
    expect(done.build).toMatchObject({ status: 'SUCCEEDED', buildpack: 'dockerfile', message: null });
    expect(done.log).toContain('[hidden]');
    expect(done.log).not.toContain(secret);
    expect(JSON.parse(done.version?.ports ?? '')).toEqual([9000]);
    const image = await pullImage(rig.config.registryUrl as string, done.version?.image ?? '');
    try {
      const list = await run('find', [
        image.rootfs,
        '-newermt',
        '2999-01-01',
        '-o',
        '-path',
        '*/src/*',
        '-o',
        '-name',
        'large',
      ]);
      expect(list.stdout).toContain('/src/kept.md');
      expect(list.stdout).not.toMatch(/notes\.md|large/);
      expect((await run('cat', [`${image.rootfs}/greeting`])).stdout).toBe('good day\n');
      expect((await run('grep', ['-r', '-l', secret, image.rootfs])).stdout).toBe('');
      expect(JSON.stringify(image.config)).not.toContain(secret);
    } finally {
      await image.remove();
    }
  },
);

test('Flask is installed by what pyproject.toml says, and served by gunicorn', slow, async () => {
  const { app } = await newApp({
    'pyproject.toml':
      '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["flask"]\n',
    'app.py':
      'from flask import Flask\napp = Flask(__name__)\n@app.get("/")\ndef home(): return "Hello from Flask"\n',
  });
  const done = await rig.deploy(app);
  expect(done.build).toMatchObject({ status: 'SUCCEEDED', buildpack: 'python', message: null });
  expect(await ask(done.version?.image, '/')).toEqual(['Hello from Flask']);
});
