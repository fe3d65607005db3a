import { spawn } from 'node:child_process';
import { hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { run } from '@skyarc/lib/process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  npmTarball,
  phpZip,
  putDebian,
  putGoModule,
  putMaven,
  putNpm,
  putPhp,
  putWheel,
  wheelOf,
} from './testkit/packages.ts';
import { putGems } from './testkit/gems.ts';
import { Rig } from './testkit/rig.ts';
import { gemOf, zipOf } from '@skyarc/lib/archive/testing';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.open(20_900);
}, 60_000);
afterAll(() => rig?.close());

const slow = { timeout: 120_000 };
const unique = (name: string) => `${name}-${randomBytes(3).toString('hex')}`;
const hasProgram = async (name: string, ...args: string[]) =>
  (await run(name, args).catch(() => ({ code: 1 }))).code === 0;

async function project(dependencies: Readonly<Record<string, string>>): Promise<string> {
  const cwd = await mkdtemp(join(rig.folder, 'app-'));
  await writeFile(join(cwd, 'package.json'), JSON.stringify({ name: 'app', version: '1.0.0', dependencies }));
  return cwd;
}

test('npm installs through us, and again with the upstream cut and the client empty', slow, async () => {
  const name = unique('left');
  const scoped = `@acme/${unique('right')}`;
  await putNpm(rig.upstream, { name, version: '1.2.3', files: { 'index.js': 'module.exports = 42' } });
  await putNpm(rig.upstream, { name: scoped, version: '2.0.0' });
  const cwd = await project({ [name]: '^1.0.0', [scoped]: '2.0.0' });
  const first = await rig.npm(['install'], { cwd });
  expect(first.code, first.stderr).toBe(0);
  expect(await readFile(join(cwd, 'node_modules', name, 'index.js'), 'utf8')).toBe('module.exports = 42');
  const lock = await readFile(join(cwd, 'package-lock.json'), 'utf8');

  await rig.upstream.whileCut(async () => {
    await rig.stop();
    await rig.start();
    const again = await project({ [name]: '^1.0.0', [scoped]: '2.0.0' });
    expect((await rig.npm(['install'], { cwd: again })).code).toBe(0);
    const locked = await project({ [name]: '^1.0.0', [scoped]: '2.0.0' });
    await writeFile(join(locked, 'package-lock.json'), lock);
    const clean = await rig.npm(['ci'], { cwd: locked });
    expect(clean.code, clean.stderr).toBe(0);
    const other = await project({ 'never-seen': '1.0.0' });
    expect((await rig.npm(['install'], { cwd: other })).stderr).toMatch(/does not answer/);
  });
});

test('a lock that names another registry works when npm is told to use our host', slow, async () => {
  const name = unique('moved');
  await putNpm(rig.upstream, { name, version: '1.0.0' });
  const answer = await rig.ask(`/npm/some/mirror/npm/${name}/-/${name}-1.0.0.tgz`);
  expect(answer.status).toBe(200);
});

test('a tarball that was changed on its way is refused, and not kept', slow, async () => {
  const name = unique('evil');
  const file = await putNpm(rig.upstream, { name, version: '1.0.0' });
  const good = rig.upstream.bodyOf(file);
  rig.upstream.put(file, await npmTarball({ name, version: '1.0.0', files: { 'index.js': 'steal()' } }));
  const short = await rig.ask(file);
  expect(short.status).toBe(502);
  expect(await short.text()).toMatch(/changed on its way: its sha512 is/);

  const long = unique('long');
  const big = await putNpm(rig.upstream, {
    name: long,
    version: '1.0.0',
    files: { 'data.bin': randomBytes(2 << 20) },
  });
  rig.upstream.put(big, Buffer.concat([rig.upstream.bodyOf(big).subarray(0, -8), Buffer.alloc(8)]));
  const broken = await rig.ask(big);
  await expect(broken.arrayBuffer()).rejects.toThrow();

  rig.upstream.put(file, good);
  expect((await rig.ask(file)).status).toBe(200);
});

test(
  'a machine whose disk is full gets the half back that was not used for the longest time',
  slow,
  async () => {
    const files: string[] = [];
    for (let index = 0; index < 4; index += 1) {
      const name = unique('idle');
      const data = randomBytes(2 << 20);
      files.push(await putNpm(rig.upstream, { name, version: '1.0.0', files: { 'data.bin': data } }));
    }
    for (const file of files) await (await rig.ask(file)).arrayBuffer();
    const asked = files.map((file) => rig.upstream.countOf(file));
    const clean = `http://127.0.0.1:${rig.config.statusPort}/clean`;
    const answer = await fetch(clean, { method: 'POST' });
    const { freedBytes } = (await answer.json()) as { freedBytes: number };
    expect(freedBytes).toBeGreaterThan(4 << 20);
    // The last one is still here; the first one is fetched again, and served all the same.
    for (const file of [files[3], files[0]]) expect((await rig.ask(file ?? '')).status).toBe(200);
    expect(rig.upstream.countOf(files[3] ?? '')).toBe(asked[3]);
    expect(rig.upstream.countOf(files[0] ?? '')).toBe((asked[0] ?? 0) + 1);
  },
);

test('many at once fetch from the upstream once and all get the whole file', slow, async () => {
  const name = unique('many');
  const file = await putNpm(rig.upstream, {
    name,
    version: '1.0.0',
    files: { 'data.bin': randomBytes(3 << 20) },
  });
  rig.upstream.paceMs = 5;
  const bodies = await Promise.all(
    Array.from({ length: 8 }, async () => Buffer.from(await (await rig.ask(file)).arrayBuffer())),
  ).finally(() => (rig.upstream.paceMs = 0));
  for (const body of bodies) expect(body.equals(rig.upstream.bodyOf(file))).toBe(true);
  expect(rig.upstream.countOf(file)).toBe(1);
});

test('a team publishes a package and installs it; others never see it', slow, async () => {
  const name = unique('secret');
  const source = await mkdtemp(join(rig.folder, 'pkg-'));
  await writeFile(join(source, 'package.json'), JSON.stringify({ name, version: '1.0.0' }));
  await writeFile(join(source, 'index.js'), 'module.exports = "ours"');
  const reader = await rig.npm(['publish'], { cwd: source, token: rig.token('blue') });
  expect(reader.stderr).toMatch(/may read, not publish/);
  const published = await rig.npm(['publish'], { cwd: source, token: rig.token('blue', true) });
  expect(published.code, published.stderr).toBe(0);

  const cwd = await project({ [name]: '1.0.0' });
  const installed = await rig.npm(['install'], { cwd, token: rig.token('blue') });
  expect(installed.code, installed.stderr).toBe(0);
  expect(await readFile(join(cwd, 'node_modules', name, 'index.js'), 'utf8')).toContain('ours');
  for (const token of [rig.token('red', true), undefined]) {
    const stranger = await rig.npm(['install'], { cwd: await project({ [name]: '1.0.0' }), token });
    expect(stranger.stderr).toMatch(/E404/);
    expect((await rig.ask(`/npm/${name}/-/${name}-1.0.0.tgz`, { token })).status).toBe(404);
    expect(await (await rig.ask(`/?q=${name}`, { token })).text()).not.toMatch(`<td>${name}`);
  }
  expect(await (await rig.ask(`/?q=${name}`, { token: rig.token('blue') })).text()).toMatch(`<td>${name}`);

  await rig.stop();
  await rig.start();
  expect((await rig.ask(`/npm/${name}/-/${name}-1.0.0.tgz`, { token: rig.token('blue') })).status).toBe(200);
  expect((await rig.ask(`/npm/${name}`, { token: 'forged.grant' })).status).toBe(401);
});

test('kill -9 in the middle of a download leaves nothing broken', slow, async () => {
  const name = unique('cut');
  const file = await putNpm(rig.upstream, {
    name,
    version: '1.0.0',
    files: { 'data.bin': randomBytes(6 << 20) },
  });
  const dataDir = join(rig.folder, unique('killed'));
  const config = JSON.stringify({ ...rig.config, port: 20_905, statusPort: 20_906, dataDir });
  const launch = async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'testkit/repo-process.ts'), config], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for (let text = ''; !text.includes('http://127.0.0.1:20905');)
      text += String((await once(child.stdout, 'data'))[0]);
    child.stdout.resume();
    return child;
  };
  rig.upstream.paceMs = 40;
  const first = await launch();
  try {
    const reading = await fetch(`http://127.0.0.1:20905${file}`);
    const { value } = (await reading.body?.getReader().read()) ?? {};
    expect(value?.length).toBeGreaterThan(0);
  } finally {
    first.kill('SIGKILL');
    await once(first, 'exit');
    rig.upstream.paceMs = 0;
  }
  const second = await launch();
  try {
    expect(await readdir(join(dataDir, 'files/partial'))).toEqual([]);
    const whole = await fetch(`http://127.0.0.1:20905${file}`);
    expect(Buffer.from(await whole.arrayBuffer()).equals(rig.upstream.bodyOf(file))).toBe(true);
  } finally {
    second.kill('SIGKILL');
    await once(second, 'exit');
  }
});

test(
  'pip installs from upstream and from its team, and again with the upstream cut',
  slow,
  async (context) => {
    if (!(await hasProgram('pip', '--version'))) context.skip('pip is not installed');
    const name = unique('wheely').replace('-', '_');
    const file = putWheel(rig.upstream, name.replace('_', '-'), '1.0', '');
    putWheel(rig.upstream, name, '1.0', 'x = 1\n');
    rig.upstream.put(
      `/pypi/simple/${name.replace('_', '-')}/`,
      rig.upstream.bodyOf(`/pypi/simple/${name}/`),
      'text/html',
    );
    expect(file).toBeTruthy();
    const pip = (target: string, pkg: string, token?: string) => {
      const index = token ? rig.url.replace('//', `//blue:${token}@`) : rig.url;
      const args = [
        'install',
        '--no-cache-dir',
        '--no-deps',
        '--target',
        join(rig.folder, target),
        '--',
        pkg,
      ];
      const env = {
        PATH: process.env['PATH'] ?? '',
        HOME: rig.folder,
        PIP_INDEX_URL: `${index}/pypi/simple/`,
        PIP_RETRIES: '0',
      };
      return run('pip', args, { env, timeoutMs: 60_000 });
    };
    const first = await pip('pip-1', name);
    expect(first.code, first.stderr).toBe(0);
    expect(await readFile(join(rig.folder, 'pip-1', `${name}.py`), 'utf8')).toBe('x = 1\n');
    await rig.upstream.whileCut(async () => expect((await pip('pip-2', name)).code).toBe(0));

    const own = unique('ourlib').replace('-', '_');
    const upload = async (token: string, text = 'y = 2\n') => {
      const wheel = wheelOf(own, '1.0', text);
      const form = new FormData();
      const fields = { ':action': 'file_upload', protocol_version: '1', name: own, version: '1.0' };
      for (const [key, value] of Object.entries(fields)) form.set(key, value);
      form.set('sha256_digest', hash('sha256', wheel, 'hex'));
      form.set('content', new Blob([new Uint8Array(wheel)]), `${own}-1.0-py3-none-any.whl`);
      return rig.ask('/pypi/legacy/', { method: 'POST', body: form, token });
    };
    expect((await upload(rig.token('blue'))).status).toBe(403);
    expect((await upload(rig.token('blue', true))).status).toBe(200);
    expect((await upload(rig.token('blue', true), 'z = 3\n')).status).toBe(409);
    const mine = await pip('pip-3', own, rig.token('blue'));
    expect(mine.code, mine.stderr).toBe(0);
    expect((await pip('pip-4', own, rig.token('red'))).code).not.toBe(0);
  },
);

test('go downloads modules from upstream and from its team', slow, async (context) => {
  const module = `example.com/${unique('lib')}`;
  putGoModule(rig.upstream, module, 'v1.0.0', 'package lib\n\nconst Answer = 42\n');
  if (!(await hasProgram('go', 'version'))) context.skip('Go is not installed');
  const download = async (what: string, token?: string) => {
    const cwd = await mkdtemp(join(rig.folder, 'go-'));
    await writeFile(join(cwd, 'go.mod'), 'module example.com/app\n\ngo 1.18\n');
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: cwd,
      GOPATH: join(cwd, 'path'),
      GOFLAGS: '-modcacherw',
      GONOSUMDB: '*',
      GOTOOLCHAIN: 'local',
      GOPROXY: `${rig.url}${token ? `/~${token}` : ''}/go`,
    };
    return run('go', ['mod', 'download', '-json', '--', what], { cwd, env, timeoutMs: 60_000 });
  };
  const first = await download(`${module}@latest`);
  expect(first.code, first.stdout + first.stderr).toBe(0);
  await rig.upstream.whileCut(async () => expect((await download(`${module}@v1.0.0`)).code).toBe(0));

  const own = `example.com/${unique('ours')}`;
  const mod = `module ${own}\n`;
  const put = (end: string, body: string | Buffer) =>
    rig.ask(`/go/${own}/@v/v0.1.0.${end}`, {
      method: 'PUT',
      body: new Uint8Array(Buffer.from(body)),
      token: rig.token('blue', true),
    });
  expect((await put('mod', mod)).status).toBe(201);
  expect((await put('zip', zipOf({ [`${own}@v0.1.0/go.mod`]: mod }))).status).toBe(201);
  const mine = await download(`${own}@latest`, rig.token('blue'));
  expect(mine.code, mine.stdout + mine.stderr).toBe(0);
  expect((await download(`${own}@v0.1.0`, rig.token('red'))).code).not.toBe(0);
});

test('Maven files are checked against their checksum, and teams deploy their own', slow, async () => {
  const artifact = unique('tool');
  const base = `com/acme/${artifact}`;
  putMaven(rig.upstream, {
    [`${base}/1.0/${artifact}-1.0.pom`]: '<project/>',
    [`${base}/1.0/${artifact}-1.0.jar`]: 'the jar',
    [`${base}/maven-metadata.xml`]: '<metadata>1.0</metadata>',
  });
  const get = async (path: string, token?: string) => {
    const answer = await rig.ask(`/maven/${path}`, { token });
    return { status: answer.status, text: await answer.text() };
  };
  expect(await get(`${base}/1.0/${artifact}-1.0.pom`)).toEqual({ status: 200, text: '<project/>' });
  expect((await get(`${base}/1.0/${artifact}-1.0.pom.sha1`)).text).toBe(hash('sha1', '<project/>', 'hex'));
  rig.upstream.put(`/maven/${base}/1.0/${artifact}-1.0.jar`, 'another jar');
  expect((await get(`${base}/1.0/${artifact}-1.0.jar`)).status).toBe(502);
  rig.upstream.put(`/maven/${base}/1.0/${artifact}-1.0.jar`, 'the jar');
  expect((await get(`${base}/maven-metadata.xml`)).text).toContain('1.0');
  await rig.upstream.whileCut(async () => {
    expect((await get(`${base}/maven-metadata.xml`)).text).toContain('1.0');
    expect((await get(`${base}/1.0/${artifact}-1.0.pom`)).status).toBe(200);
    expect((await get(`${base}/1.0/${artifact}-1.0.jar`)).status).toBe(503);
  });

  const own = `com/acme/${unique('own')}`;
  const put = (path: string, body: string, token = rig.token('blue', true)) =>
    rig.ask(`/maven/${own}/${path}`, { method: 'PUT', body, token });
  expect((await put('1.0/own-1.0.jar', 'ours', rig.token('blue'))).status).toBe(403);
  expect((await put('1.0/own-1.0.jar', 'ours')).status).toBe(201);
  expect((await put('1.0/own-1.0.jar.sha1', hash('sha1', 'ours', 'hex'))).status).toBe(201);
  expect((await put('1.0/own-1.0.jar.sha1', hash('sha1', 'other', 'hex'))).status).toBe(400);
  expect((await put('1.0/own-1.0.jar', 'changed')).status).toBe(409);
  expect((await put('2.0-SNAPSHOT/own-2.0-SNAPSHOT.jar', 'a')).status).toBe(201);
  expect((await put('2.0-SNAPSHOT/own-2.0-SNAPSHOT.jar', 'b')).status).toBe(201);
  expect((await get(`${own}/1.0/own-1.0.jar`, rig.token('blue'))).text).toBe('ours');
  expect((await get(`${own}/1.0/own-1.0.jar`, rig.token('red'))).status).toBe(404);
});

test(
  'composer installs from upstream and from its team, and again with the upstream cut',
  slow,
  async (context) => {
    const name = `acme/${unique('greet')}`;
    const reference = randomBytes(20).toString('hex');
    const zip = putPhp(rig.upstream, {
      name,
      version: '1.2.0',
      reference,
      text: '<?php const GREETING = "far";',
    });
    if (!(await hasProgram('composer', '--version'))) context.skip('Composer is not installed');
    const install = async (wanted: string, token?: string) => {
      const cwd = await mkdtemp(join(rig.folder, 'php-'));
      const url = `${rig.url}${token ? `/~${token}` : ''}/composer`;
      const manifest = {
        require: { [wanted]: '^1.0' },
        repositories: { 'packagist.org': { type: 'composer', url } },
        config: { 'secure-http': false },
      };
      await writeFile(join(cwd, 'composer.json'), JSON.stringify(manifest));
      const env = {
        PATH: process.env['PATH'] ?? '',
        HOME: cwd,
        COMPOSER_ALLOW_SUPERUSER: '1',
        COMPOSER_CACHE_DIR: join(cwd, 'cache'),
      };
      const done = await run('composer', ['install', '--no-interaction', '--no-progress'], {
        cwd,
        env,
        timeoutMs: 60_000,
      });
      const text = await readFile(join(cwd, 'vendor', wanted, 'tool.php'), 'utf8').catch(() => '');
      return { ...done, text, said: done.stdout + done.stderr };
    };
    const first = await install(name);
    expect(first.code, first.said).toBe(0);
    expect(first.text).toContain('far');
    await rig.upstream.whileCut(async () => {
      const again = await install(name);
      expect(again.code, again.said).toBe(0);
    });

    const other = `acme/${unique('bent')}`;
    const bent = putPhp(rig.upstream, { name: other, version: '1.0.0', reference, text: '<?php' });
    rig.upstream.put(bent, 'not a zip');
    const refused = await rig.ask(`/composer/dist/${other}/${reference}.zip`);
    expect([refused.status, await refused.text()]).toEqual([
      502,
      expect.stringMatching(/changed on its way: it is not a zip/),
    ]);
    rig.upstream.put(bent, rig.upstream.bodyOf(zip));
    expect((await rig.ask(`/composer/dist/${other}/${reference}.zip`)).status).toBe(200);
    expect((await rig.ask(`/composer/dist/${other}/${'0'.repeat(40)}.zip`)).status).toBe(404);

    const own = `acme/${unique('inner')}`;
    const put = (path: string, text: string, token = rig.token('blue', true)) => {
      const body = new Uint8Array(phpZip({ name: own, text }));
      return rig.ask(`/composer/${path}`, { method: 'PUT', body, token });
    };
    expect((await put(`${own}/1.0.0.zip`, '<?php', rig.token('blue'))).status).toBe(403);
    expect((await put(`${name}/1.0.0.zip`, '<?php')).status).toBe(400);
    expect((await put(`${own}/latest.zip`, '<?php')).status).toBe(400);
    expect((await put(`${own}/1.0.0.zip`, '<?php const INNER = 1;')).status).toBe(201);
    expect((await put(`${own}/1.0.0.zip`, '<?php const INNER = 2;')).status).toBe(409);
    const mine = await install(own, rig.token('blue'));
    expect(mine.text, mine.said).toContain('INNER = 1');
    expect((await install(own, rig.token('red'))).code).not.toBe(0);
  },
);

test(
  'bundle installs from upstream and from its team, and again with the upstream cut',
  slow,
  async (context) => {
    const [name, base] = [unique('greet'), unique('base')];
    const file = await putGems(
      rig.upstream,
      { name: base, version: '2.1.0', text: 'BASE = 1' },
      { name, version: '1.0.0', dependencies: { [base]: ['>= 2', '< 3'] }, text: 'GREETING = "far"' },
    );
    if (!(await hasProgram('bundle', '--version'))) context.skip('Bundler is not installed');
    const install = async (gem: string, token?: string) => {
      const cwd = await mkdtemp(join(rig.folder, 'ruby-'));
      const url = `${rig.url}${token ? `/~${token}` : ''}/rubygems/`;
      await writeFile(join(cwd, 'Gemfile'), `source "https://rubygems.org"\ngem "${gem}"\n`);
      const env = {
        PATH: process.env['PATH'] ?? '',
        HOME: cwd,
        BUNDLE_PATH: join(cwd, 'gems'),
        BUNDLE_RETRY: '0',
        BUNDLE_SILENCE_ROOT_WARNING: '1',
        'BUNDLE_MIRROR__HTTPS://RUBYGEMS__ORG/': url,
      };
      const done = await run('bundle', ['install'], { cwd, env, timeoutMs: 60_000 });
      const loaded = await run('bundle', ['exec', 'ruby', '-e', `print $LOAD_PATH.grep(/${gem}/).any?`], {
        cwd,
        env,
      });
      return { ...done, loaded: loaded.stdout, said: done.stdout + done.stderr };
    };
    const first = await install(name);
    expect(first.code, first.said).toBe(0);
    expect(first.loaded).toBe('true');
    await rig.upstream.whileCut(async () => {
      const again = await install(name);
      expect(again.code, again.said).toBe(0);
    });

    const bad = unique('bent');
    const bent = await putGems(rig.upstream, { name, version: '1.0.0' }, { name: bad, version: '1.0.0' });
    rig.upstream.put(bent, rig.upstream.bodyOf(file));
    expect((await rig.ask(bent)).status).toBe(502);
    const versions = await rig.ask('/rubygems/versions');
    const etag = versions.headers.get('etag') as string;
    expect(etag).toBe(`"${hash('md5', await versions.text(), 'hex')}"`);
    expect((await rig.ask('/rubygems/versions', { headers: { 'if-none-match': etag } })).status).toBe(304);

    const own = unique('inner');
    const push = async (text: string, authorization: string) => {
      const body = new Uint8Array(await gemOf({ name: own, version: '0.1.0', text }));
      return rig.ask('/rubygems/api/v1/gems', { method: 'POST', body, headers: { authorization } });
    };
    expect((await push('A = 1', rig.token('blue'))).status).toBe(403);
    // A key as `gem push` sends it.
    expect((await push('A = 1', rig.token('blue', true))).status).toBe(200);
    expect((await push('A = 2', rig.token('blue', true))).status).toBe(409);
    const mine = await install(own, rig.token('blue'));
    expect(mine.code, mine.said).toBe(0);
    expect(mine.loaded).toBe('true');
    expect((await install(own, rig.token('red'))).code).not.toBe(0);
    expect((await rig.ask(`/rubygems/gems/${own}-0.1.0.gem`, { token: rig.token('red') })).status).toBe(404);
  },
);

test(
  'apt updates and downloads through us, also as its proxy, and again with the upstream cut',
  slow,
  async (context) => {
    const name = unique('pack');
    const deb = randomBytes(200_000);
    putDebian(rig.upstream, { [name]: deb });
    if (!(await hasProgram('apt-get', '--version'))) context.skip('apt is not installed');
    const apt = async (source: string, proxy: string) => {
      const root = await mkdtemp(join(rig.folder, 'apt-'));
      for (const folder of ['etc/preferences.d', 'state/lists/partial', 'cache/archives/partial'])
        await mkdir(join(root, folder), { recursive: true });
      await writeFile(join(root, 'etc/sources.list'), `deb [trusted=yes arch=amd64] ${source} stable main\n`);
      await writeFile(join(root, 'state/status'), '');
      const options = [
        `Dir::Etc=${root}/etc`,
        `Dir::State=${root}/state`,
        `Dir::State::status=${root}/state/status`,
        `Dir::Cache=${root}/cache`,
        'APT::Sandbox::User=root',
        'APT::Architecture=amd64',
        'Acquire::Retries=0',
      ].flatMap((option) => ['-o', option]);
      const env = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C.UTF-8', http_proxy: proxy, no_proxy: '' };
      const update = await run('apt-get', ['update', ...options], { cwd: root, env });
      const download = await run('apt-get', ['download', ...options, '--', name], { cwd: root, env });
      return { said: update.stdout + update.stderr + download.stderr, code: download.code, root };
    };
    const first = await apt(`${rig.url}/debian/debian`, '');
    expect(first.code, first.said).toBe(0);
    expect((await readFile(join(first.root, `${name}_1.0_all.deb`))).equals(deb)).toBe(true);
    await rig.upstream.whileCut(async () => {
      expect((await apt(`${rig.upstream.url}/debian`, rig.url)).code).toBe(0);
    });
    const other = unique('bad');
    putDebian(rig.upstream, { [name]: deb, [other]: Buffer.from('right') });
    rig.upstream.put(`/debian/pool/main/${other}_1.0_all.deb`, 'wrong');
    expect((await rig.ask(`/debian/debian/pool/main/${other}_1.0_all.deb`)).status).toBe(502);
  },
);

/** `fetch` would tidy the path up. */
async function rawStatus(path: string): Promise<number | undefined> {
  const { hostname, port } = new URL(rig.url);
  const [response] = (await once(request({ hostname, port, path }).end(), 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

test('hostile addresses and bodies are refused', slow, async () => {
  for (const path of [
    '/npm/..%2f..%2fetc%2fpasswd',
    '/maven/com/%2e%2e/%2e%2e/x.jar',
    '/maven/com%5cacme/x.jar',
    '/go/a%00b/@v/list',
    '/pypi/files/%252e%252e/x',
    `/npm/${'a'.repeat(3000)}`,
    '/npm//x',
  ])
    expect(await rawStatus(path), path).toBe(400);
  expect((await rig.ask('/nothing/here')).status).toBe(404);
  expect((await rig.ask('/maven/a/b/1/b-1.jar', { method: 'PUT', body: 'x' })).status).toBe(401);
  expect((await rig.ask('/npm/x', { method: 'PATCH' })).status).toBe(400);
  const metrics = await (await fetch('http://127.0.0.1:20902/metrics')).text();
  expect(metrics).toMatch(/repo_files_total\{format="[a-z]+",event="fetched"/);
  expect((await fetch('http://127.0.0.1:20902/healthz')).status).toBe(200);
});

test('cached files that nobody used give way; published ones stay', slow, async () => {
  const dataDir = join(rig.folder, unique('small'));
  await rig.stop();
  await rig.start({ dataDir, limits: { ...rig.config.limits, cacheMb: 3 } });
  try {
    const put = await rig.ask('/maven/a/b/1/b-1.jar', {
      method: 'PUT',
      body: 'kept',
      token: rig.token('blue', true),
    });
    expect(put.status).toBe(201);
    for (let index = 0; index < 5; index += 1) {
      const file = await putNpm(rig.upstream, {
        name: unique('fill'),
        version: '1.0.0',
        files: { 'data.bin': randomBytes(1 << 20) },
      });
      expect((await (await rig.ask(file)).arrayBuffer()).byteLength).toBeGreaterThan(1 << 20);
    }
    await expect
      .poll(async () => Number((await run('du', ['-sk', join(dataDir, 'files')])).stdout.split('\t')[0]), {
        timeout: 20_000,
      })
      .toBeLessThan(3_300);
    expect((await rig.ask('/maven/a/b/1/b-1.jar', { token: rig.token('blue') })).status).toBe(200);
  } finally {
    await rig.stop();
    await rig.start();
  }
});
