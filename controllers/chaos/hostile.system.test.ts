import { readdir } from 'node:fs/promises';
import { sleep } from '@skyarc/lib/retry';
import { run } from '@skyarc/lib/process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type GitServer, startGitServer } from './testkit/git-server.ts';
import { mountsOfBuilds } from './testkit/mounts.ts';
import { Rig } from './testkit/rig.ts';

let rig: Rig;
let git: GitServer;
beforeAll(async () => {
  [rig, git] = await Promise.all([Rig.open(21_110, { instance: 'hostiletest' }), startGitServer(21_111)]);
}, 600_000);
afterAll(async () => {
  await git?.stop();
  await rig?.close();
});

const slow = { timeout: 300_000 };
let count = 0;

/** An app whose build script is the given program. */
async function appThat(build: string, settings: Parameters<Rig['newApp']>[1] = {}) {
  count += 1;
  await git.commit(`open/bad${count}.git`, {
    'package.json': JSON.stringify({ scripts: { build: 'node build.js', start: 'node build.js' } }),
    'build.js': build,
  });
  return rig.newApp({ kind: 'GIT', url: `${git.url}/open/bad${count}.git`, branch: 'main' }, settings);
}

/** Nothing of a build may be left on the machine. */
async function expectClean(): Promise<void> {
  expect(await mountsOfBuilds('hostiletest')).toEqual([]);
  expect(
    (await readdir('/run/netns').catch(() => [])).filter((name) => name.startsWith('hostiletest')),
  ).toEqual([]);
  const processes = await run('ps', ['-eo', 'args']);
  expect(processes.stdout).not.toMatch(/slirp4netns.*hostiletest|node build\.js/);
}

test('memory hog', slow, async () => {
  const build = 'const a = []; for (;;) a.push(Buffer.alloc(8 << 20, 1));';
  const done = await rig.deploy(await appThat(build, { buildMemoryMb: 200 }));
  expect(done.build.message).toMatch(/npm run build was killed: out of memory, limit 200 MB/);
  await expectClean();
});

test('disk filler', slow, async () => {
  const build = `const fs = require('fs'); for (let i = 0; ; i++) fs.appendFileSync('/tmp/fill', Buffer.alloc(8 << 20));`;
  const done = await rig.deploy(await appThat(build, { buildDiskMb: 256 }));
  expect(done.build.message).toMatch(/npm run build failed: the build's disk is full, limit 256 MB/);
  await expectClean();
});

test('fork bomb', slow, async () => {
  const build = `const { spawn } = require('child_process');
    for (let i = 0; i < 3000; i++) spawn('sleep', ['1000'], { stdio: 'ignore' }).on('error', (e) => { console.error(e.message); process.exit(1); });
    setTimeout(() => {}, 1e6);`;
  const done = await rig.deploy(await appThat(build, { buildTimeoutSec: 60 }));
  expect(done.build.message).toMatch(
    /npm run build failed: it started more than \d+ processes|took more than/,
  );
  await expectClean();
});

test('a build that hangs ends at its limit', slow, async () => {
  const done = await rig.deploy(await appThat('setInterval(() => {}, 1000)', { buildTimeoutSec: 8 }));
  expect(done.build).toMatchObject({
    status: 'TIMED_OUT',
    message: 'The build took more than its limit of 8 seconds and was stopped',
  });
  expect(done.operation.status).toBe('TIMED_OUT');
  expect(done.seconds).toBeLessThan(14);
  await expectClean();
});

test('a cancel ends it within a second', slow, async () => {
  const app = await appThat('console.log("here"); setInterval(() => {}, 1000)');
  const { body, operation, buildId } = await rig.begin(app);
  const running = rig.controller.handle({ body, signal: new AbortController().signal });
  await expect
    .poll(() => (rig.lines.get(`build/${buildId}`) ?? []).includes('here'), { timeout: 60_000 })
    .toBe(true);
  const askedAt = performance.now();
  await rig.db.operation.update({ where: { id: operation.id }, data: { cancelRequested: true } });
  await running;
  expect(performance.now() - askedAt).toBeLessThan(3_000);
  expect((await rig.outcome(buildId, operation.id)).build.status).toBe('CANCELED');
  await expectClean();
});

test('endless output is cut with a notice, and does not starve this process', slow, async () => {
  const line = 'x'.repeat(200);
  const build = `for (;;) require('fs').writeSync(1, ${JSON.stringify(`${line}\n`)}.repeat(100))`;
  const app = await appThat(build, { buildTimeoutSec: 15 });
  let longestMs = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - last);
    last = performance.now();
  }, 20);
  const done = await rig.deploy(app);
  clearInterval(timer);
  expect(done.build.status).toBe('TIMED_OUT');
  expect(done.log).toMatch(/prints more than 50000 lines or \d+ KiB; what follows is not kept/);
  expect(done.log).toMatch(/\d+ lines were not kept/);
  expect(longestMs).toBeLessThan(1_000);
});

test('a build sees no service of this machine, no right and no secret', slow, async () => {
  const build = `
    const net = require('net'), fs = require('fs');
    const tries = ['127.0.0.1', '10.0.2.2', '169.254.169.254', ${JSON.stringify(hostAddress())}];
    Promise.all(tries.map((host) => new Promise((done) => {
      const socket = net.connect({ host, port: 21110, timeout: 3000 }, () => done(host + ' OPEN'));
      socket.on('error', (e) => done(host + ' ' + e.code)).on('timeout', () => done(host + ' timeout'));
    }))).then((answers) => console.log(answers.join('\\n')));
    const status = fs.readFileSync('/proc/self/status', 'utf8');
    console.log('uid', process.getuid(), /CapEff:\\s*(\\w+)/.exec(status)[1], /NoNewPrivs:\\s*(\\d)/.exec(status)[1], /Seccomp:\\s*(\\d)/.exec(status)[1]);
    console.log('pids', fs.readdirSync('/proc').filter((name) => /^\\d+$/.test(name)).length);
    console.log('env', Object.keys(process.env).join(' '));`;
  const done = await rig.deploy(await appThat(build));
  expect(done.build.message).toBeNull();
  expect(done.log).not.toContain('OPEN');
  expect(done.log).toContain('uid 1000 0000000000000000 1 2');
  expect(Number(/pids (\d+)/.exec(done.log)?.[1])).toBeLessThan(10);
  expect(done.log).not.toMatch(/env .*(TOKEN|SECRET|AWS)/);
});

test('two builders do not build the same build at once, and a dead one is replaced', slow, async () => {
  const app = await appThat('console.log("working"); setTimeout(() => {}, 6000)');
  const { body, operation, buildId } = await rig.begin(app);
  const signal = new AbortController().signal;
  const dying = new AbortController();
  const other = await rig.newController(dying.signal, 'other');
  const first = other.handle({ body, signal });
  await expect
    .poll(() => (rig.lines.get(`build/${buildId}`) ?? []).includes('working'), { timeout: 60_000 })
    .toBe(true);
  await expect(rig.controller.handle({ body, signal })).rejects.toMatchObject({
    code: 'CONFLICT',
    details: { retryAfterMs: 5_000 },
  });
  dying.abort();
  await expect(first).rejects.toBeDefined();
  expect((await rig.outcome(buildId, operation.id)).build.status).toBe('RUNNING');
  await rig.controller.handle({ body, signal });
  const done = await rig.outcome(buildId, operation.id);
  expect(done.build.status).toBe('SUCCEEDED');
  await rig.controller.handle({ body, signal });
  expect(await rig.db.version.count({ where: { buildId } })).toBe(1);
});

test('a registry that goes away is waited for', slow, async () => {
  const app = await appThat('console.log("built")');
  const { body, operation, buildId } = await rig.begin(app);
  await rig.daemon.stop();
  const running = rig.controller.handle({ body, signal: new AbortController().signal });
  await expect
    .poll(() => (rig.lines.get(`operation/${operation.id}`) ?? []).join('\n'), { timeout: 60_000 })
    .toMatch(/Waiting for the registry/);
  await sleep(500);
  await rig.daemon.ensure();
  await running;
  expect((await rig.outcome(buildId, operation.id)).build.status).toBe('SUCCEEDED');
});

test('sources that nobody can build say what is missing', slow, async () => {
  const messages: Record<string, string> = {};
  const cases: Record<string, Record<string, string>> = {
    nothing: { 'notes.md': 'x', 'main.rs': 'fn main() {}' },
    json: { 'package.json': '{ "name": ' },
    start: { 'package.json': '{}' },
    engine: { 'package.json': '{"engines":{"node":"$(id)"},"scripts":{"start":"x"}}' },
    old: { 'package.json': '{"engines":{"node":"99"},"scripts":{"start":"x"}}' },
    script: { 'package.json': '{"scripts":{"build":"exit 3","start":"x"}}' },
    lock: {
      'package.json': '{"dependencies":{"polka":"0.5.2"},"scripts":{"start":"x"}}',
      'package-lock.json': '{"name":"x","lockfileVersion":3,"requires":true,"packages":{"":{"name":"x"}}}',
    },
    procfile: { 'package.json': '{}', Procfile: 'web node server.js' },
    from: { Dockerfile: 'RUN true' },
  };
  for (const [name, files] of Object.entries(cases)) {
    await git.commit(`open/${name}.git`, files);
    const app = await rig.newApp({ kind: 'GIT', url: `${git.url}/open/${name}.git`, branch: 'main' });
    messages[name] = (await rig.deploy(app)).build.message ?? '';
  }
  expect(messages['nothing']).toMatch(
    /No language was recognised: looked for Dockerfile.*found main\.rs, notes\.md/,
  );
  expect(messages['json']).toMatch(/package\.json cannot be read/);
  expect(messages['start']).toMatch(/does not say how it starts/);
  expect(messages['engine']).toMatch(/"\$\(id\)" is not a range of Node\.js versions/);
  expect(messages['old']).toMatch(/No version of Node\.js is within "99"/);
  expect(messages['script']).toMatch(/npm run build failed/);
  expect(messages['lock']).toBe(
    'npm ci failed: package-lock.json and package.json disagree; run npm install and commit package-lock.json',
  );
  expect(messages['procfile']).toMatch(/Procfile line 1 is not like "web: command"/);
  expect(messages['from']).toMatch(/no FROM/);
  await expectClean();
});

function hostAddress(): string {
  const { networkInterfaces } = process.getBuiltinModule('node:os');
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.2';
}
