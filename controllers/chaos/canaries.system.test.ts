import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { run } from '@skyarc/lib/process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type GitServer, startGitServer } from './testkit/git-server.ts';
import { Rig } from './testkit/rig.ts';
import { pullImage } from './testkit/run-image.ts';

/** What nobody else may ever find; each run has its own, so that nothing earlier can be found. */
const mark = `${process.pid}x${Date.now().toString(36)}`;
const login = { username: `user-${mark}`, password: `git-${mark}-password` };
const canary = (name: string): string => `${name}-${mark}-canary`;

let rig: Rig;
let git: GitServer;
beforeAll(async () => {
  [rig, git] = await Promise.all([Rig.open(21_250), startGitServer(21_251, login)]);
}, 600_000);
afterAll(async () => {
  await git?.stop();
  await rig?.close();
});

const slow = { timeout: 400_000 };
const from = (repository: string) =>
  ({ kind: 'GIT', url: `${git.url}/${repository}`, branch: 'main' }) as const;

/** A build whose script leaves a mark wherever it may write, and then says where it can read one of others. */
function nosy(own: string): Record<string, string> {
  return withPackage(`
      const fs = require('fs');
      const { spawnSync } = require('child_process');
      const places = ['/cache', '/tmp', '/app', '/home/app', '/var/tmp', '/dev/shm', '/app/node_modules/ms', '/run', '/opt'];
      for (const place of places) try { fs.writeFileSync(place + '/note-${own}', '${own}'); } catch {}
      const search = (program, ...args) => spawnSync(program, args, { maxBuffer: 1 << 26 }).stdout.toString();
      const seen = search('grep', '-rlsI', '--exclude-dir=proc', '--exclude-dir=sys', '--exclude-dir=usr', '-e', '[a-z]*-${mark}-canary', '/');
      const others = seen.split('\\n').filter((file) => file && !fs.readFileSync(file, 'utf8').includes('${own}'));
      const named = search('find', '/', '-name', 'note-*');
      console.log('FOREIGN', JSON.stringify([...others, ...named.split('\\n').filter((file) => file && !file.endsWith('${own}'))]));
    `);
}

test('builds at once and one after the other see no mark of another team or app', slow, async () => {
  const apps = [];
  for (const [team, name] of [
    ['blue', 'one'],
    ['red', 'two'],
    ['blue', 'three'],
  ] as const) {
    const repository = `open/${name}-${mark}.git`;
    await git.commit(repository, nosy(canary(name)));
    apps.push({ repository, name, app: await rig.newApp(from(repository), {}, team) });
  }
  const first = await Promise.all(apps.map(({ app }) => rig.deploy(app)));
  const last = apps.at(-1) as (typeof apps)[number];
  await git.commit(last.repository, { 'changed.txt': 'once more' });
  const again = [await rig.deploy(last.app)];
  for (const done of [...first, ...again]) {
    expect(done.build).toMatchObject({ status: 'SUCCEEDED', message: null });
    expect(done.log).toContain('FOREIGN []');
  }
  // The one that has been there before finds what it left itself, so the search finds what there is.
  const script = `const fs = require('fs'); console.log('KEPT', fs.readdirSync('/cache').filter((name) => name.startsWith('note-')).join())`;
  await git.commit(apps[0]?.repository as string, { 'build.js': script });
  const own = await rig.deploy(apps[0]?.app as (typeof apps)[number]['app']);
  expect(own.log).toContain(`KEPT note-${canary('one')}`);
});

/** An app with one package and this program as its build. */
function withPackage(build: string): Record<string, string> {
  const scripts = { build: 'node build.js', start: 'node server.js' };
  const dependencies = { ms: '2.1.3' };
  return {
    'package.json': JSON.stringify({ scripts, dependencies }),
    'server.js': '',
    'build.js': build,
  };
}

test('equal packages of another team are fetched anew, not taken from its cache', slow, async () => {
  const poisoned = canary('poison');
  const poison = `const { execFileSync } = require('child_process');
    try { execFileSync('sh', ['-c', 'find /cache -type f | while read -r f; do echo ${poisoned} >>"$f"; done; echo "//${poisoned}" >>node_modules/ms/index.js']); } catch {}`;
  await git.commit(`open/poison-${mark}.git`, withPackage(poison));
  await rig.deploy(await rig.newApp(from(`open/poison-${mark}.git`), {}, 'blue'));
  await git.commit(
    `open/clean-${mark}.git`,
    withPackage(`console.log('HAS', require('fs').readFileSync('node_modules/ms/index.js', 'utf8').length)`),
  );
  const red = await rig.deploy(await rig.newApp(from(`open/clean-${mark}.git`), {}, 'red'));
  expect(red.build).toMatchObject({ status: 'SUCCEEDED', message: null });
  const { image } = red.version as { image: string };
  expect(await placesOf(poisoned, image.split('@')[0] as string)).toEqual([]);
});

test(
  'what a build is given in secret is in no layer, bill, provenance, cache, log, row or error',
  slow,
  async () => {
    const secret = canary('secret');
    const repository = `private/canary-${mark}.git`;
    await git.commit(repository, {
      Dockerfile: [
        'FROM skyarc/base:bookworm',
        'RUN --mount=type=secret,id=TOKEN test -s /run/secrets/TOKEN && cat /run/secrets/TOKEN && env && mount',
        'RUN cat /run/secrets/TOKEN 2>/dev/null; find / -xdev -name "TOKEN*" -size +0 2>/dev/null; cat /proc/*/environ 2>/dev/null | tr "\\0" "\\n"; true',
        'COPY . /src',
        'USER 1000',
        'CMD ["sleep", "60"]',
      ].join('\n'),
      'a.txt': 'a',
    });
    const app = await rig.newApp(from(repository), { buildDiskMb: 1_024 });
    const credentials = (password: string) =>
      rig.secrets.seal(JSON.stringify({ ...login, password }), `source:${app.id}`);
    const give = (sourceSecret: string) =>
      rig.db.app.update({ where: { id: app.id }, data: { sourceSecret } });
    const value = rig.secrets.seal(secret, `env:${app.id}:TOKEN`);
    await rig.db.envVar.create({ data: { appId: app.id, name: 'TOKEN', value, secret: true } });
    await give(credentials(login.password));
    const done = await rig.deploy(app);
    expect(done.build).toMatchObject({ status: 'SUCCEEDED', message: null });
    expect(done.log).toContain('[hidden]');
    // And when it fails: by the program that was given it, and by a password that is not right.
    await git.commit(repository, {
      Dockerfile:
        'FROM skyarc/base:bookworm\nRUN --mount=type=secret,id=TOKEN sh -c "$(cat /run/secrets/TOKEN)"\n',
    });
    const failed = await rig.deploy(app);
    expect(failed.build.status).toBe('FAILED');
    const wrong = canary('wrong');
    await give(credentials(wrong));
    expect((await rig.deploy(app)).build.status).toBe('FAILED');

    const { image } = done.version as { image: string };
    for (const hidden of [secret, login.password, wrong]) {
      expect(await placesOf(hidden, image.split('@')[0] as string)).toEqual([]);
      expect(JSON.stringify([...rig.lines])).not.toContain(hidden);
      for (const table of [
        rig.db.build,
        rig.db.operation,
        rig.db.operationStep,
        rig.db.version,
        rig.db.outbox,
      ])
        expect(
          JSON.stringify(await (table as { findMany(): Promise<unknown[]> }).findMany(), plain),
        ).not.toContain(hidden);
    }
    const places = [diskOf(app.id), '/run/chaostest-chaos-local', join(rig.folder, 'data/teams')];
    const wanted = [secret, login.password, wrong].flatMap((hidden) => ['-e', hidden]);
    expect((await run('grep', ['-r', '-l', '-s', '-a', '-F', ...wanted, ...places])).stdout).toBe('');
  },
);

test('what a person gives a build means itself, in arguments and in the environment', slow, async () => {
  const evil = [
    '$(touch /pwned)',
    '`touch /pwned`',
    "a';touch /pwned;'",
    '"; touch /pwned; "',
    '--help',
    '-v /:/host',
    'a=b=c',
    '${PATH}',
    'two\nlines',
    '\u202Ea',
  ];
  const names = evil.map((_, index) => `A${index}`);
  const repository = `open/literal-${mark}.git`;
  await git.commit(repository, {
    Dockerfile: [
      'FROM skyarc/base:bookworm',
      ...names.map((name) => `ARG ${name}`),
      `RUN mkdir /said && for name in ${names.join(' ')}; do printenv "$name" >"/said/$name"; done; ls /pwned; ls /host; true`,
      'USER 1000',
      'CMD ["sleep", "60"]',
    ].join('\n'),
  });
  const app = await rig.newApp(from(repository));
  const args = Object.fromEntries(evil.map((value, index) => [`A${index}`, value]));
  await rig.db.app.update({ where: { id: app.id }, data: { buildOptions: JSON.stringify({ args }) } });
  const done = await rig.deploy(app);
  expect(done.build).toMatchObject({ status: 'SUCCEEDED', message: null });
  const pulled = await pullImage(rig.config.registryUrl as string, done.version?.image ?? '');
  try {
    const said = names.map((name) => readFile(join(pulled.rootfs, 'said', name), 'utf8'));
    expect(await Promise.all(said)).toEqual(evil.map((text) => `${text}\n`));
    expect(await readdir(pulled.rootfs)).not.toContain('pwned');
  } finally {
    await pulled.remove();
  }
});

function plain(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

function diskOf(appId: string, team = 'blue'): string {
  return join(rig.folder, 'data/disks', team, `${appId}.ext4`);
}

/** Blobs of a repository in which a text is, as it is or in base64; layers unpacked, signed statements opened. */
async function placesOf(text: string, repository: string): Promise<string[]> {
  const links = join(rig.folder, 'store/docker/registry/v2/repositories', repository);
  const digests = new Set<string>();
  for (const folder of ['_layers/sha256', '_manifests/revisions/sha256'])
    for (const name of await readdir(join(links, folder))) digests.add(name);
  const found: string[] = [];
  for (const digest of digests) {
    const file = join(
      rig.folder,
      'store/docker/registry/v2/blobs/sha256',
      digest.slice(0, 2),
      digest,
      'data',
    );
    const bytes = await readFile(file);
    const whole = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
    const forms = [
      text,
      Buffer.from(text).toString('base64').replace(/=+$/, '').slice(0, -2),
      encodeURIComponent(text),
    ];
    const payload = /"payload":"([^"]+)"/.exec(whole.subarray(0, 1 << 20).toString('latin1'))?.[1];
    const opened = payload ? Buffer.from(payload, 'base64').toString() : '';
    if (forms.some((form) => whole.includes(form) || opened.includes(form))) found.push(digest);
  }
  expect(digests.size).toBeGreaterThan(2);
  return found;
}
