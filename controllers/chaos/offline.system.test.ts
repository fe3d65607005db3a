import { type ChildProcess, spawn } from 'node:child_process';
import { hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gemOf, zipOf } from '@skyarc/lib/archive/testing';
import { closeHttp, listen } from '@skyarc/lib/lifecycle';
import { run } from '@skyarc/lib/process';
import { GrantSigner, makeGrantKeys } from '@skyarc/lib/signed-grant';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type GitServer, startGitServer } from './testkit/git-server.ts';
import { type Outside, startOutside } from './testkit/outside.ts';
import { layersDir, Rig } from './testkit/rig.ts';
import { pullImage } from './testkit/run-image.ts';

const ports = { registry: 20_910, git: 20_911, repo: 20_912, repoStatus: 20_913, gradle: 20_914 };
const repoUrl = `http://127.0.0.1:${ports.repo}`;
const keys = makeGrantKeys();
const nowhere = ['http://127.0.0.1:1/'];
const names = ['npm', 'pypi', 'maven', 'go', 'composer', 'rubygems', 'debian'];
const cut = Object.fromEntries(names.map((name) => [name, nowhere]));
/** What a person of the team publishes with. */
const publisher = () =>
  new GrantSigner(keys.privateKey).sign({
    use: 'repo',
    team: 'blue',
    mayPublish: true,
    expiresAt: Date.now() + 600_000,
  } as never);

let folder: string;
let rig: Rig;
let git: GitServer;
let repo: ChildProcess | undefined;
let outside: Outside;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyarc-offline-'));
  await startRepo();
  const access = { url: repoUrl, grantKey: keys.privateKey };
  const clientEnv = { SKYARC_GRADLE_URL: `http://127.0.0.1:${ports.gradle}` };
  const settings = { instance: 'chaosoffline', repo: access, openTeams: ['free'], clientEnv };
  [rig, git, outside] = await Promise.all([
    Rig.open(ports.registry, settings),
    startGitServer(ports.git),
    startOutside('chaosoff-out'),
  ]);
}, 600_000);
afterAll(async () => {
  await git?.stop();
  await rig?.close();
  await outside?.stop();
  await stopRepo();
  await rm(folder, { recursive: true, force: true });
});

/** The service of packages in a process of its own; with `upstreams` instead of this machine's. */
async function startRepo(upstreams: object = {}): Promise<void> {
  const { repo: port, repoStatus: statusPort } = ports;
  const dataDir = join(folder, 'repo');
  const config = JSON.stringify({ port, statusPort, dataDir, grantKey: keys.publicKey, upstreams });
  const program = join(import.meta.dirname, '../repo/testkit/repo-process.ts');
  repo = spawn(process.execPath, [program, config], { stdio: ['ignore', 'pipe', 'inherit'] });
  const output = repo.stdout as NodeJS.ReadableStream;
  for (let text = ''; !text.includes(repoUrl);) text += String((await once(output, 'data'))[0]);
  output.resume();
}

async function stopRepo(): Promise<void> {
  if (!repo || repo.exitCode !== null || repo.signalCode !== null) return;
  const gone = once(repo, 'exit');
  repo.kill('SIGKILL');
  await gone;
}

const slow = { timeout: 400_000 };
const unique = (name: string) => `${name}-${randomBytes(3).toString('hex')}`;

test('a Node.js app is built again with every upstream cut, to the same image', slow, async () => {
  const app = await rig.newApp({ kind: 'TEMPLATE', template: 'node-express-like' });
  const first = await rig.deploy(app);
  expect(first.build, first.log).toMatchObject({ status: 'SUCCEEDED' });
  expect(first.log).toMatch(/\$ npm ci[\s\S]*added \d+ packages/);
  await stopRepo();
  await startRepo(cut);
  const other = await rig.newApp({ kind: 'TEMPLATE', template: 'node-express-like' }, {}, 'green');
  const again = await rig.deploy(other, { noCache: true });
  expect(again.build, again.log).toMatchObject({ status: 'SUCCEEDED' });
  expect(again.log).toMatch(/\$ npm ci[\s\S]*added \d+ packages/);
  expect(again.version?.image.split('@')[1]).toBe(first.version?.image.split('@')[1]);
});

test(
  'a team builds with its private package, without a secret within; another team cannot',
  slow,
  async () => {
    const name = unique('inner');
    const source = await mkdtemp(join(folder, 'package-'));
    await writeFile(
      join(source, 'package.json'),
      JSON.stringify({ name, version: '1.0.0', main: 'index.js' }),
    );
    await writeFile(join(source, 'index.js'), 'module.exports = "from the team"');
    const published = await run('npm', ['publish', '--registry', `${repoUrl}/npm/`], {
      cwd: source,
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: source,
        npm_config_update_notifier: 'false',
        npm_config_fetch_retries: '0',
        [`npm_config_//127.0.0.1:${ports.repo}/npm/:_authToken`]: publisher(),
      },
    });
    expect(published.code, published.stderr).toBe(0);
    const look = `
    const net = require('net');
    const tries = [['10.0.2.2', ${ports.registry}], ['10.0.2.2', ${ports.repo}], ['127.0.0.1', ${ports.repo}], ['1.1.1.1', 80]];
    let left = tries.length;
    const done = (text) => { console.log(text); if (--left === 0) process.exit(); };
    for (const [host, port] of tries)
      net.connect(port, host).on('connect', () => done('REACHED ' + host + ':' + port)).on('error', (e) => done('refused ' + e.code));
    setTimeout(() => process.exit(), 15000);
    console.log(require('${name}'), Object.entries(process.env).filter(([, value]) => /eyJ/.test(value)).length, 'secrets');`;
    await git.commit(`open/${name}.git`, {
      'package.json': JSON.stringify({
        name: 'app',
        version: '1.0.0',
        scripts: { build: 'node look.js', start: 'node server.js' },
        dependencies: { [name]: '1.0.0' },
      }),
      'look.js': look,
      'server.js': '',
    });
    const from = { kind: 'GIT', url: `${git.url}/open/${name}.git`, branch: 'main' } as const;
    const ours = await rig.deploy(await rig.newApp(from, {}, 'blue'));
    expect(ours.build, ours.log).toMatchObject({ status: 'SUCCEEDED' });
    expect(ours.log).toContain('from the team 0 secrets');
    expect(ours.log).not.toContain('REACHED');
    expect(ours.log).toContain('refused');
    const theirs = await rig.deploy(await rig.newApp(from, {}, 'red'));
    expect(theirs.build.status).toBe('FAILED');
    expect(theirs.log).not.toContain('from the team');
  },
);

/** An app of these files that answers. */
async function deployOf(files: Readonly<Record<string, string>>, team: string) {
  const name = unique(team);
  await git.commit(`open/${name}.git`, files);
  const url = `${git.url}/open/${name}.git`;
  return rig.deploy(await rig.newApp({ kind: 'GIT', url, branch: 'main' }, {}, team));
}

test('a PHP app gets packages of its team from the data centre, locked or not', slow, async () => {
  await stopRepo();
  await startRepo(cut);
  const name = `acme/${unique('inner')}`;
  const manifest = { name, autoload: { files: ['inner.php'] } };
  const zip = zipOf({
    'composer.json': JSON.stringify(manifest),
    'inner.php': '<?php const INNER = "ours";',
  });
  const published = await fetch(`${repoUrl}/composer/${name}/1.0.0.zip`, {
    method: 'PUT',
    body: new Uint8Array(zip),
    headers: { authorization: `Bearer ${publisher()}` },
  });
  expect(published.status, await published.text()).toBe(201);
  const files = {
    'composer.json': JSON.stringify({ require: { [name]: '1.0.0' } }),
    'skyarc.yml': `build:\n  command: php -r 'require "vendor/autoload.php"; echo INNER, PHP_EOL;'\n`,
    'index.php': '<?php require "vendor/autoload.php"; echo INNER;',
  };
  const free = await deployOf(files, 'blue');
  expect(free.build, free.log).toMatchObject({ status: 'SUCCEEDED', buildpack: 'php' });
  expect(free.log).toMatch(/^ours$/m);

  const reference = hash('sha256', zip, 'hex').slice(0, 40);
  // Nobody answers there: only the data centre has it.
  const dist = { type: 'zip', url: 'https://packages.invalid/inner.zip', reference, shasum: '' };
  const packages = [{ name, version: '1.0.0', dist, type: 'library', autoload: manifest.autoload }];
  const lock = JSON.stringify({ packages, 'packages-dev': [], 'minimum-stability': 'stable' });
  const locked = await deployOf({ ...files, 'composer.lock': lock }, 'blue');
  expect(locked.build, locked.log).toMatchObject({ status: 'SUCCEEDED', message: null });
  expect(locked.log).toMatch(/^ours$/m);
  const theirs = await deployOf(files, 'red');
  expect(theirs.build.status).toBe('FAILED');
});

test('a Ruby app gets gems of its team from the data centre', slow, async () => {
  await stopRepo();
  await startRepo(cut);
  const name = unique('inner').replace('-', '_');
  const published = await fetch(`${repoUrl}/rubygems/api/v1/gems`, {
    method: 'POST',
    body: new Uint8Array(await gemOf({ name, version: '0.1.0', text: 'INNER = "ours"' })),
    headers: { authorization: publisher() },
  });
  expect(published.status, await published.text()).toBe(200);
  const files = {
    Gemfile: `source "https://rubygems.org"\ngem "${name}"\n`,
    'Gemfile.lock': `GEM\n  remote: https://rubygems.org/\n  specs:\n    ${name} (0.1.0)\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n  ${name}\n\nBUNDLED WITH\n   2.3.15\n`,
    'skyarc.yml': `build:\n  command: bundle exec ruby -e 'require "${name}"; puts INNER'\n`,
    'app.rb': `require "${name}"\n`,
  };
  const ours = await deployOf(files, 'blue');
  expect(ours.build, ours.log).toMatchObject({ status: 'SUCCEEDED', buildpack: 'ruby' });
  expect(ours.log).toMatch(/^ours$/m);
  const theirs = await deployOf(files, 'red');
  expect(theirs.build.status).toBe('FAILED');
});

/** A command for bash that tells whether the server outside answers. */
const look = () =>
  `if exec 3<>/dev/tcp/${outside.address}/${outside.port}; then echo REACHED; else echo refused; fi`;
const bash = (command: string) => `RUN ["/bin/bash", "-c", ${JSON.stringify(command)}]`;

test('a Dockerfile reaches packages alone, apt by repo, unless its team may reach more', slow, async () => {
  await stopRepo();
  await startRepo();
  const ask = String.raw`exec 3<>/dev/tcp/10.0.2.2/8081; printf 'GET /pypi/simple/ HTTP/1.0\r\nHost: 10.0.2.2:8081\r\n\r\n' >&3; head -n 1 <&3`;
  const Dockerfile = [
    'FROM skyarc/base:bookworm',
    bash(look()),
    bash(ask),
    'RUN echo "deb http://deb.debian.org/debian-security bookworm-security main" >/etc/apt/sources.list && rm -f /etc/apt/sources.list.d/*',
    'RUN apt-get update && cd /tmp && apt-get download openssl && ls /tmp',
    'RUN printenv npm_config_registry PIP_INDEX_URL GOPROXY && (getent hosts deb.debian.org || echo nameless)',
    'USER 1000',
    'CMD ["sleep", "60"]',
  ].join('\n');
  const closed = await deployOf({ Dockerfile }, 'blue');
  expect(closed.build, closed.log).toMatchObject({ status: 'SUCCEEDED', message: null });
  expect(closed.log).toContain('No route to host');
  expect(closed.log).toMatch(/^refused$/m);
  expect(closed.log).toMatch(/^HTTP\/1\.1 \d+/m);
  expect(closed.log).toMatch(/^openssl_\S+\.deb$/m);
  expect(closed.log).toContain('http://10.0.2.2:8081/npm/');
  expect(outside.count()).toBe(0);
  const pulled = await pullImage(rig.config.registryUrl as string, closed.version?.image ?? '');
  expect(JSON.stringify(pulled.config)).not.toMatch(/10\.0\.2\.2|proxy/i);
  expect(closed.log).toMatch(/^nameless$/m);
  await pulled.remove();

  const free = await deployOf(
    { Dockerfile: `FROM skyarc/base:bookworm\n${bash(look())}\nUSER 1\nCMD ["sleep"]` },
    'free',
  );
  expect(free.build, free.log).toMatchObject({ status: 'SUCCEEDED' });
  expect(free.log).toMatch(/^REACHED$/m);
});

test(
  'what a closed Dockerfile asks of others is refused in words, and its base images are got before',
  slow,
  async () => {
    const place = `/dev/tcp/${outside.address}/${outside.port}`;
    const told = await deployOf(
      { Dockerfile: `FROM skyarc/base:bookworm\n${bash(`set -e; exec 3<>${place}`)}\nCMD ["sleep"]` },
      'blue',
    );
    expect(told.build.message, told.log).toMatch(
      /buildah build failed: it asked a server that this build may not reach.*SKYARC_OPEN_BUILDS/,
    );
    const before = outside.count();
    const from = `${outside.address}:${outside.port}/acme/app:1`;
    const pulled = await deployOf({ Dockerfile: `FROM ${from}\nUSER 1\nCMD ["sleep"]` }, 'blue');
    expect(pulled.build.message, pulled.log).toMatch(
      /buildah pull \S+acme\/app:1 failed: the image that FROM names/,
    );
    await expect.poll(() => outside.count()).toBeGreaterThan(before);
  },
);

test(
  'Gradle gets packages of every repository from the data centre, and reaches nothing else',
  slow,
  async () => {
    const name = unique('inner');
    const put = async (file: string, body: string | Buffer) => {
      const url = `${repoUrl}/maven/acme/${name}/1.0/${name}-1.0.${file}`;
      const headers = { authorization: `Bearer ${publisher()}` };
      const answer = await fetch(url, { method: 'PUT', body: new Uint8Array(Buffer.from(body)), headers });
      expect(answer.status, await answer.text()).toBe(201);
    };
    const coordinates = `<groupId>acme</groupId><artifactId>${name}</artifactId><version>1.0</version>`;
    await put('pom', `<project><modelVersion>4.0.0</modelVersion>${coordinates}</project>`);
    await put('jar', zipOf({ 'inner.txt': 'ours' }));
    const files = {
      'settings.gradle': "rootProject.name = 'shop'\n",
      'build.gradle': [
        "apply plugin: 'java'",
        'repositories { maven { url "https://packages.invalid/maven" } }',
        `dependencies { compile 'acme:${name}:1.0' }`,
        `try { new Socket('${outside.address}', ${outside.port}); println 'REACHED' } catch (IOException e) { println 'refused ' + e.message }`,
        "jar { manifest { attributes 'Main-Class': 'A' }; from configurations.compile }",
      ].join('\n'),
      'src/main/java/A.java': 'class A { public static void main(String[] a) {} }\n',
    };
    const ours = await deployOf(files, 'blue');
    expect(ours.build, ours.log).toMatchObject({ status: 'SUCCEEDED', buildpack: 'java' });
    expect(ours.log).toMatch(/^refused .*No route to host/m);
    expect(ours.log).not.toMatch(/^REACHED$/m);
    // The same source without the team's package.
    const free = await deployOf(
      { ...files, 'build.gradle': files['build.gradle'].replace(/^dependencies.*$/m, '') },
      'free',
    );
    expect(free.log).toMatch(/^REACHED$/m);
  },
);

/** A project whose wrapper names that version of Gradle and its checksum. */
const withWrapper = (wanted: string, sum: string) => ({
  'build.gradle': "apply plugin: 'java'\njar { manifest { attributes 'Main-Class': 'A' } }\n",
  'A.java': 'class A { public static void main(String[] a) {} }\n',
  gradlew: '#!/bin/sh\necho the wrapper runs\n',
  'gradle/wrapper/gradle-wrapper.jar': 'x',
  'gradle/wrapper/gradle-wrapper.properties': `distributionUrl=https\\://services.gradle.org/distributions/gradle-${wanted}-bin.zip\ndistributionSha256Sum=${sum}\n`,
});

test(
  'the Gradle that a wrapper names is got by the builder, checked, and run instead of it',
  slow,
  async () => {
    const version = `0.${Date.now() % 1_000_000}.${process.pid}`;
    const program =
      '#!/bin/sh\nmkdir -p build/libs build/c && javac -d build/c A.java && jar cfe build/libs/shop.jar A -C build/c . && echo made by ours "$@"\n';
    const zip = zipOf({ [`gradle-${version}/bin/gradle`]: program });
    const server = createServer(({ url }, response) => {
      if (url === `/gradle-${version}-bin.zip`) response.end(zip);
      else if (url === `/gradle-${version}-bin.zip.sha256`) response.end(hash('sha256', zip, 'hex'));
      else response.writeHead(404).end();
    });
    await listen(server, { host: '127.0.0.1', port: ports.gradle });
    try {
      const done = await deployOf(withWrapper(version, hash('sha256', zip, 'hex')), 'blue');
      expect(done.build, done.log).toMatchObject({ status: 'SUCCEEDED' });
      expect(done.log).toMatch(/^made by ours .*--no-daemon/m);
      const other = await deployOf(withWrapper(version, '0'.repeat(64)), 'blue');
      expect(other.build.message).toMatch(/Gradle \S+ of the wrapper cannot be got: its SHA-256 is/);
      const none = await deployOf(withWrapper('0.0.1', '0'), 'blue');
      expect(none.build.message).toMatch(/answered 404.*SKYARC_GRADLE_URL/);
    } finally {
      await closeHttp(server);
      await rm(join(layersDir, `gradle-${version}`), { recursive: true, force: true });
    }
  },
);
