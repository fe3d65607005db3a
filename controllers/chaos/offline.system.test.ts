import { type ChildProcess, spawn } from 'node:child_process';
import { hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gemOf, zipOf } from '@skyarc/lib/archive/testing';
import { run } from '@skyarc/lib/process';
import { GrantSigner, makeGrantKeys } from '@skyarc/lib/signed-grant';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type GitServer, startGitServer } from './testkit/git-server.ts';
import { Rig } from './testkit/rig.ts';

const ports = { registry: 20_910, git: 20_911, repo: 20_912, repoStatus: 20_913 };
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
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyarc-offline-'));
  await startRepo();
  const access = { url: repoUrl, grantKey: keys.privateKey };
  const settings = { instance: 'chaosoffline', repo: access };
  [rig, git] = await Promise.all([Rig.open(ports.registry, settings), startGitServer(ports.git)]);
}, 600_000);
afterAll(async () => {
  await git?.stop();
  await rig?.close();
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
