import { mkdir, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuiltLayer } from '@skyarc/lib/contracts';
import { slugOf } from '@skyarc/lib/oci';
import { run } from '@skyarc/lib/process';
import { sleep } from '@skyarc/lib/retry';
import { extract } from 'tar-stream';
import { createGunzip } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type GitServer, startGitServer } from './testkit/git-server.ts';
import { Rig } from './testkit/rig.ts';

let rig: Rig;
let git: GitServer;
beforeAll(async () => {
  [rig, git] = await Promise.all([Rig.open(21_020, { instance: 'limitstest' }), startGitServer(21_021)]);
}, 300_000);
afterAll(async () => {
  await git?.stop();
  await rig?.close();
});

let count = 0;

/** An app whose build script is the given program, with other files beside it. */
async function appThat(
  build: string,
  settings: Parameters<Rig['newApp']>[1] = {},
  files: Readonly<Record<string, string>> = {},
) {
  count += 1;
  await git.commit(`open/limit${count}.git`, {
    'package.json': JSON.stringify({ scripts: { build: 'node build.js', start: 'node build.js' } }),
    'build.js': build,
    ...files,
  });
  return rig.newApp({ kind: 'GIT', url: `${git.url}/open/limit${count}.git`, branch: 'main' }, settings);
}

async function expectClean(): Promise<void> {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  const networks = await readdir('/run/netns').catch(() => []);
  const { stdout } = await run('ps', ['-eo', 'args']);
  expect([mounts, ...networks, stdout].join('\n')).not.toMatch(/limitstest-chaos-local-[a-z0-9]/);
  expect(await readdir('/run/limitstest-chaos-local/runc')).toEqual([]);
  const rooms = (await readdir('/run/limitstest-chaos-local')).filter(
    (name) => !['runc', 'disks'].includes(name),
  );
  expect(rooms).toEqual([]);
}

/** Names and kinds of what is in the app's own layers. */
async function contentOf(done: Awaited<ReturnType<Rig['deploy']>>): Promise<Map<string, string>> {
  const layers = (JSON.parse(done.build.layers ?? '[]') as BuiltLayer[]).filter(({ kind }) => kind === 'APP');
  const found = new Map<string, string>();
  const repository = done.version?.image.split('@')[0] ?? '';
  const entries = slugOf(rig.registry, repository, layers).pipe(createGunzip()).pipe(extract());
  for await (const entry of entries) {
    const { name, type, linkname } = entry.header;
    found.set(name, type === 'symlink' ? `-> ${linkname}` : (type ?? ''));
    entry.resume();
  }
  return found;
}

const slow = { timeout: 200_000 };

test('a file with holes, or one of many names, is no way to an endless image', slow, async () => {
  const holes = `const fs = require('fs'); fs.writeFileSync('huge', ''); fs.truncateSync('huge', 4e12);`;
  const huge = await rig.deploy(await appThat(holes, { buildDiskMb: 512 }));
  expect(huge.build.message).toMatch(/more than the limit of 537 MB: "huge" has 4000000 MB/);
  const names = `const fs = require('fs'); fs.writeFileSync('one', Buffer.alloc(30 << 20));
    for (let i = 0; i < 50; i++) fs.linkSync('one', 'name' + i);`;
  const many = await rig.deploy(await appThat(names, { buildDiskMb: 512 }));
  expect(many.build.message).toMatch(/more than the limit of 537 MB/);
  expect(huge.seconds + many.seconds).toBeLessThan(90);
  await expectClean();
});

test('devices, pipes, sockets and links of a build lead nowhere', slow, async () => {
  const build = `
    const fs = require('fs'), { spawnSync } = require('child_process');
    const say = (what, args) => console.log(what, spawnSync(args[0], args.slice(1)).status);
    say('mknod', ['mknod', 'disk', 'b', '7', '0']);
    say('mkfifo', ['mkfifo', 'pipe']);
    say('mount', ['mount', '-t', 'tmpfs', 'tmpfs', '/mnt']);
    say('chroot', ['chroot', '/', 'true']);
    say('setuid', ['chmod', 'u+s', 'build.js']);
    fs.symlinkSync('/etc/shadow', 'shadow');
    fs.symlinkSync('../../../../../../etc', 'etc');
    require('net').createServer().listen('socket', () => process.exit(0));`;
  const done = await rig.deploy(await appThat(build, { buildTimeoutSec: 60 }));
  expect(done.build.message).toBeNull();
  for (const denied of ['mknod', 'mount', 'chroot'])
    expect(done.log).toMatch(new RegExp(`^${denied} [1-9]`, 'm'));
  const content = await contentOf(done);
  expect(content.get('app/shadow')).toBe('-> /etc/shadow');
  expect(content.get('app/etc')).toBe('-> ../../../../../../etc');
  expect([...content.keys()].filter((name) => /disk|pipe|socket|etc\/./.test(name))).toEqual([]);
  await expectClean();
});

test('links in a source are not followed out of it', slow, async () => {
  await git.commit('open/links.git', { 'readme.md': 'x' });
  const repository = join(git.root, 'open/links.git');
  const folder = join(rig.folder, 'links');
  await rm(folder, { recursive: true, force: true });
  const inFolder = async (...args: string[]) => {
    const who = ['-c', 'user.name=Ann', '-c', 'user.email=ann@example.com'];
    expect((await run('git', [...who, ...args], { cwd: folder })).code).toBe(0);
  };
  expect((await run('git', ['clone', '-q', '-b', 'main', '--', repository, folder])).code).toBe(0);
  const links = { 'package.json': '/etc/passwd', 'index.html': '/etc/passwd', 'skyarc.yml': '/etc/passwd' };
  for (const [name, target] of Object.entries(links)) await symlink(target, join(folder, name));
  await symlink('/', join(folder, 'public'));
  await inFolder('add', '-A');
  await inFolder('commit', '-q', '-m', 'links');
  await inFolder('push', '-q', 'origin', 'main');
  const app = await rig.newApp({ kind: 'GIT', url: `${git.url}/open/links.git`, branch: 'main' });
  const done = await rig.deploy(app);
  expect(done.build.status).toBe('FAILED');
  expect(`${done.log}\n${done.build.message}\n${done.build.proof}`).not.toContain('root:x:0:0');
  await expectClean();
});

test('a cancel at any moment leaves nothing behind', slow, async () => {
  const app = await appThat('setTimeout(() => {}, 20000)');
  for (const afterMs of [0, 20, 80, 200, 450, 900, 1_800]) {
    const { body, operation, buildId } = await rig.begin(app, { noCache: true });
    const running = rig.controller.handle({ body, signal: new AbortController().signal });
    await sleep(afterMs);
    await rig.db.operation.update({ where: { id: operation.id }, data: { cancelRequested: true } });
    await running;
    const { build } = await rig.outcome(buildId, operation.id);
    expect(build, `after ${afterMs} ms`).toMatchObject({ status: 'CANCELED' });
    await expectClean();
  }
});

test(
  "a builder's disk that is full ends the build with a reason, and harms none after it",
  slow,
  async () => {
    const disks = join(rig.config.dataDir, 'disks');
    await mkdir(disks, { recursive: true });
    expect((await run('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', disks])).code).toBe(0);
    try {
      const fill = `const fs = require('fs'); const fd = fs.openSync('/tmp/fill', 'w');
      for (let i = 0; i < 100; i++) { fs.writeSync(fd, require('crypto').randomBytes(1 << 20)); fs.fsyncSync(fd); }`;
      const app = await appThat(fill, { buildTimeoutSec: 100 });
      const full = await rig.deploy(app);
      expect(full.build.status).toBe('FAILED');
      expect(full.build.message).toMatch(/disk is full or broken/);
    } finally {
      // The app's disk on it stays mounted for the next build.
      await run('umount', ['--lazy', '--', disks]);
    }
    const after = await rig.deploy(await appThat('console.log("fine")'));
    expect(after.build.message).toBeNull();
    await expectClean();
  },
);
