import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BuiltSource, examinationLifeMs, examinationResult, newId } from '@skyarc/lib/contracts';
import { run } from '@skyarc/lib/process';
import { sleep } from '@skyarc/lib/retry';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chaosConfigSchema } from './config.ts';
import { Examiner } from './examine/examiner.ts';
import { prepare } from './prepare.ts';
import { type GitServer, startGitServer } from './testkit/git-server.ts';
import { type PrivateRegistry, startPrivateRegistry } from './testkit/private-registry.ts';
import { Rig } from './testkit/rig.ts';
import { startSvnServer, type SvnServer } from './testkit/svn-server.ts';

let rig: Rig;
let git: GitServer;
let svn: SvnServer;
let registry: PrivateRegistry;
let examiner: Examiner;
const login = { username: 'ann', password: 's3cret-svn' };
const page = { 'index.html': '<h1>hi</h1>' };

beforeAll(async () => {
  git = await startGitServer(20_961);
  svn = await startSvnServer({ svn: 20_962, http: 20_963, https: 20_964 });
  registry = await startPrivateRegistry({ login: 20_965, push: 20_966 });
  rig = await Rig.open(20_960);
  await git.commit('open/lib.git', { 'lib.html': 'lib' });
  await svn.commit('open/shop', 'trunk', { ...page, 'docs/größe.txt': 'x' });
  await svn.commit('open/shop', 'branches/next', { 'index.html': 'next' });
  await svn.commit('open/shop', 'tags/v1', { 'requirements.txt': '', 'app.py': '' });
  await svn.commit('private/shop', 'trunk', page);
  const { signal } = rig.stopping;
  examiner = new Examiner(
    await prepare(chaosConfigSchema.parse(rig.config), rig.secrets, signal),
    rig.db,
    signal,
  );
}, 600_000);
afterAll(async () => {
  await Promise.all([git?.stop(), svn?.stop(), registry?.stop()]);
  await rig?.close();
});

const svnFrom = (url: string, branch = 'trunk', more: object = {}): BuiltSource => ({
  kind: 'SVN',
  url,
  branch,
  ...more,
});
const gitFrom = (
  branch: string,
  refKind?: 'BRANCH' | 'TAG' | 'COMMIT',
  repository = 'shop',
): BuiltSource => ({
  kind: 'GIT',
  url: `${git.url}/open/${repository}.git`,
  branch,
  ...(refKind && { refKind }),
});

/** What a check says, as it is stored. */
async function examine(source: BuiltSource, secret?: object, team = 'blue') {
  const keys = { namespace: `skyarc-${team}`, sshPublicKey: '', sshPrivateKey: '' };
  await rig.db.team.upsert({ where: { name: team }, create: { name: team, ...keys }, update: {} });
  const id = newId('local', 'examination');
  const sourceSecret = secret ? rig.secrets.seal(JSON.stringify(secret), `source:${id}`) : null;
  const expiresAt = new Date(Date.now() + examinationLifeMs);
  const data = { id, teamName: team, source: JSON.stringify(source), sourceSecret, expiresAt };
  await rig.db.examination.create({ data });
  const body = { examinationId: id, team };
  await examiner.handle({ body, signal: new AbortController().signal });
  const row = await rig.db.examination.findUniqueOrThrow({ where: { id } });
  return {
    ...row,
    lines: JSON.parse(row.log) as string[],
    ...examinationResult.parse(JSON.parse(row.result ?? '')),
  };
}

/** What every process of the machine that has to do with svn was started with, now. */
async function argumentsOfAll(): Promise<string> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const texts = await Promise.all(
    names.map((name) => readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')),
  );
  return texts
    .filter((text) => text.includes('svn'))
    .join('\n')
    .replaceAll('\0', ' ');
}

async function whyNot(source: BuiltSource, secret?: object): Promise<string> {
  const { status, message, problems } = await examine(source, secret);
  expect(status).toBe('FAILED');
  expect(problems).toEqual([{ severity: 'ERROR', message, advice: null }]);
  return message ?? '';
}

test('trunk, a branch, a tag and a revision of a Subversion repository are built, by svn and by http', async () => {
  const app = await rig.newApp(svnFrom(`${svn.svnUrl}/open/shop`));
  const first = await rig.deploy(app);
  expect(first.build).toMatchObject({
    status: 'SUCCEEDED',
    commitId: 'r1',
    commitAuthor: 'ann',
    commitMessage: 'Change <files> & more',
    buildpack: 'static',
  });
  expect((await rig.deploy(app)).log).toMatch(/Nothing has changed since version 1/);
  await rig.db.app.update({
    where: { id: app.id },
    data: { source: JSON.stringify(svnFrom(`${svn.httpUrl}/open/shop/`, 'branches/next')) },
  });
  expect((await rig.deploy(app)).build).toMatchObject({ status: 'SUCCEEDED', commitId: 'r2' });
  const old = svnFrom(`${svn.httpUrl}/open/shop`, '', { revision: 2, subdirectory: 'branches/next' });
  expect(await examine(old)).toMatchObject({
    status: 'SUCCEEDED',
    revision: 'r2',
    found: { language: expect.anything() },
  });
  const tag = await examine(svnFrom(`${svn.svnUrl}/open/shop`, 'tags/v1'));
  expect(tag).toMatchObject({
    status: 'SUCCEEDED',
    revision: 'r3',
    found: { buildpack: 'python', memoryMb: 512 },
  });
  expect(tag.lines.join('\n')).toMatch(/Fetched r3 by ann[\s\S]*app\.py, requirements\.txt/);
});

test('a private Subversion repository opens by its password, which no process shows and no file keeps', async () => {
  for (const url of [svn.svnUrl, svn.httpUrl]) {
    const source = svnFrom(`${url}/private/shop`);
    expect(await whyNot(source)).toMatch(/it is private; enter a user and password/);
    expect(await whyNot(source, { username: 'ann', password: 'wrong-one' })).toMatch(
      /refuses this user or password/,
    );
    const shown: string[] = [];
    const done = new AbortController();
    const watch = (async () => {
      while (!done.signal.aborted) {
        shown.push(await argumentsOfAll());
        await sleep(10);
      }
    })();
    expect(await examine(source, login)).toMatchObject({
      status: 'SUCCEEDED',
      found: { buildpack: 'static' },
    });
    done.abort();
    await watch;
    expect(shown.join('\n')).toMatch(/svn (info|export)/);
    expect(shown.join('\n')).not.toContain(login.password);
  }
  const files = await run('grep', ['-r', '-l', '-a', login.password, join(rig.folder, 'data')]);
  expect(files.stdout).toBe('');
});

test('each way in which a Subversion repository cannot be had is named', async () => {
  const { svnUrl, httpUrl, httpsUrl } = svn;
  expect(await whyNot(svnFrom(`${svnUrl}/open/shop`, 'branches/mian'))).toMatch(
    /no folder "branches\/mian"; it has branches\/next/,
  );
  expect(await whyNot(svnFrom(`${httpUrl}/open/shop`, 'trunc'))).toMatch(/it has branches, tags, trunk/);
  expect(await whyNot(svnFrom(`${svnUrl}/open/none`))).toMatch(
    /no repository at this address|nothing at this/,
  );
  expect(await whyNot(svnFrom(`${svnUrl}/open/shop`, 'trunk', { revision: 99 }))).toMatch(/no revision 99/);
  expect(await whyNot(svnFrom(`${httpsUrl}/open/shop`))).toMatch(/certificate is not trusted/);
  expect(await whyNot(svnFrom(`${httpUrl}/moved/shop`))).toMatch(/redirects to another address/);
  expect(await whyNot(svnFrom(`${git.url}/open/lib.git`))).toMatch(/not a Subversion server|nothing at this/);
  expect(await whyNot(svnFrom('svn://127.0.0.1:20979/x'))).toMatch(/refuses connections/);
  expect(await whyNot(svnFrom('https://127.0.0.1:20979/x'))).toMatch(/refuses connections/);
  expect(await whyNot(svnFrom('svn://no-such-host.invalid/x'))).toMatch(/Unknown host no-such-host\.invalid/);
  await rig.db.setting.update({ where: { name: 'allowPrivateSources' }, data: { value: 'false' } });
  try {
    expect(await whyNot(svnFrom(`${svnUrl}/open/shop`))).toMatch(/loopback address/);
    expect(await whyNot({ kind: 'IMAGE', image: `${registry.host}/a` })).toMatch(/loopback address/);
  } finally {
    await rig.db.setting.update({ where: { name: 'allowPrivateSources' }, data: { value: 'true' } });
  }
});

test('a tag and a commit of a Git repository are built, and a name is what it is said to be', async () => {
  const old = await git.commit('open/shop.git', page);
  await run('git', ['-C', join(git.root, 'open/shop.git'), 'tag', '-f', 'v1', old]);
  const main = await git.commit('open/shop.git', { 'index.html': 'new' });
  expect(await examine(gitFrom('v1', 'TAG'))).toMatchObject({ status: 'SUCCEEDED', revision: old });
  expect(await examine(gitFrom('v1'))).toMatchObject({ revision: old });
  expect(await examine(gitFrom(main, 'COMMIT'))).toMatchObject({ revision: main });
  expect(await examine(gitFrom('main', 'BRANCH'))).toMatchObject({ revision: main });
  expect(await whyNot(gitFrom('main', 'TAG'))).toMatch(/no tag "main"; it has v1/);
  expect(await whyNot(gitFrom('v1', 'BRANCH'))).toMatch(/no branch "v1"; it has main/);
  expect(await whyNot(gitFrom('0'.repeat(40), 'COMMIT'))).toMatch(/no branch, tag or commit "0{40}"/);
});

test('submodules come along, by relative address, too; one that is refused is named', async () => {
  const bare = join(git.root, 'open/modular.git');
  await git.commit('open/modular.git', page);
  const lib = (await run('git', ['-C', join(git.root, 'open/lib.git'), 'rev-parse', 'main'])).stdout.trim();
  const point = async (url: string): Promise<void> => {
    const work = `${bare}.work`;
    await writeFile(join(work, '.gitmodules'), `[submodule "lib"]\n\tpath = deep/lib\n\turl = ${url}\n`);
    const author = ['-c', 'user.name=Ann', '-c', 'user.email=ann@example.test'];
    await run('git', ['-C', work, 'add', '.gitmodules']);
    await run('git', ['-C', work, 'update-index', '--add', '--cacheinfo', `160000,${lib},deep/lib`]);
    await run('git', ['-C', work, ...author, 'commit', '--quiet', '--message', 'Add lib']);
    const pushed = await run('git', ['-C', work, 'push', '--quiet', '--force', '--', bare, 'main']);
    expect(pushed.code).toBe(0);
  };
  await point('../lib.git');
  const seen = await examine({
    ...gitFrom('main', undefined, 'modular'),
    subdirectory: 'deep/lib',
  } as BuiltSource);
  expect(seen.lines.join('\n')).toMatch(/It has lib\.html/);
  await point('file:///etc');
  expect(await whyNot(gitFrom('main', undefined, 'modular'))).toMatch(
    /Cannot fetch submodule "deep\/lib": Cannot fetch from "file:\/\/\/etc"/,
  );
});

/** Keeps bytes as the API does. */
async function upload(file: string, fileName: string, team = 'blue'): Promise<BuiltSource> {
  const sha256 = createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
  const folder = join(rig.folder, 'data/uploads', team);
  await mkdir(folder, { recursive: true });
  await copyFile(file, join(folder, sha256));
  return { kind: 'UPLOAD', uploadId: newId('local', 'upload'), sha256, fileName };
}

test('an uploaded archive is built like a repository, and again; a hostile one is refused', async () => {
  const folder = await mkdtemp(join(rig.folder, 'upload-'));
  await mkdir(join(folder, 'shop-1.0'));
  await writeFile(join(folder, 'shop-1.0/index.html'), 'hi');
  await run('tar', ['-czf', join(folder, 'shop.tgz'), '-C', folder, 'shop-1.0']);
  const app = await rig.newApp(await upload(join(folder, 'shop.tgz'), 'shop.tgz'));
  expect((await rig.deploy(app)).build).toMatchObject({ status: 'SUCCEEDED', buildpack: 'static' });
  expect((await rig.deploy(app, { noCache: true })).build.status).toBe('SUCCEEDED');
  await run('tar', ['-cf', join(folder, 'evil.tar'), '-P', '-C', folder, '../../../etc/hostname']);
  const evil = await upload(join(folder, 'evil.tar'), 'evil.tar');
  expect(await whyNot(evil)).toMatch(/Cannot unpack the archive: ".*": its name leads out/);
  expect(await whyNot({ ...evil, sha256: '0'.repeat(64) } as BuiltSource)).toMatch(
    /kept no longer; upload it again/,
  );
  const others = await upload(join(folder, 'shop.tgz'), 'shop.tgz', 'red');
  expect((await examine(others, undefined, 'green')).message).toMatch(/kept no longer/);
});

test('an image of a private registry is pinned, copied and run as it is', async () => {
  const config = {
    env: ['PATH=/bin', 'MODE=fast'],
    entrypoint: ['/bin/run'],
    cmd: ['now'],
    exposedPorts: [6379],
  };
  const digest = await registry.push('team/redis', '7', config, { run: 'x' });
  const image = `${registry.host}/team/redis:7`;
  const source: BuiltSource = { kind: 'IMAGE', image };
  expect(await whyNot(source)).toMatch(
    /does not exist or is private; give the team credentials for 127\.0\.0\.1/,
  );
  const id = newId('local', 'registry');
  const password = rig.secrets.seal(registry.password, `registry:${id}`);
  const { host, username } = registry;
  await rig.db.registryCredential.deleteMany();
  await rig.db.registryCredential.create({ data: { id, teamName: 'blue', host, username, password } });
  const seen = await examine(source);
  expect(seen).toMatchObject({
    status: 'SUCCEEDED',
    revision: digest,
    found: {
      buildpack: null,
      workload: 'STATEFUL',
      version: '7',
      ports: [{ port: 6379, protocol: 'TCP' }],
      env: [{ name: 'MODE', value: 'fast' }],
      processes: [{ name: 'web', command: '/bin/run now' }],
    },
  });
  const app = await rig.newApp(source);
  const done = await rig.deploy(app);
  expect(done.build).toMatchObject({ status: 'SUCCEEDED', commitId: digest });
  expect(done.version).toMatchObject({ image: `blue/${app.name}@${digest}`, ports: '[6379]' });
  expect(await rig.registry.findManifest(`blue/${app.name}`, digest)).not.toBeNull();
  expect((await rig.deploy(app)).log).toMatch(/Nothing has changed since version 1/);
  const moved = await registry.push('team/redis', '7', config, { run: 'y' });
  expect((await rig.deploy(app)).version?.image).toBe(`blue/${app.name}@${moved}`);
  expect(await whyNot({ kind: 'IMAGE', image: `${host}/team/redis:8` })).toMatch(
    /has no such image; check name and tag/,
  );
  expect((await examine(source, undefined, 'red')).message).toMatch(/give the team credentials/);
  const wrong = rig.secrets.seal('not the password', `registry:${id}`);
  await rig.db.registryCredential.update({ where: { id }, data: { password: wrong } });
  expect(await whyNot(source)).toMatch(/refuses the team's credentials/);
  expect(await whyNot({ kind: 'IMAGE', image: `${new URL(git.url).host}/open/lib` })).toMatch(
    /not a registry|no such image/,
  );
});

test('a source that cannot be built says why, and one of several parts names them', async () => {
  await git.commit('open/nothing.git', { README: 'x' });
  expect(await whyNot(gitFrom('main', undefined, 'nothing'))).toMatch(/No language was recognised/);
  await git.commit('open/parts.git', {
    'web/package.json': '{"scripts":{"start":"node a.js"}}',
    'api/requirements.txt': '',
    'api/app.py': '',
  });
  const parts = await examine(gitFrom('main', undefined, 'parts'));
  expect(parts.modules.map(({ path }) => path).sort()).toEqual(['api', 'web']);
  expect(parts.status).toBe('SUCCEEDED');
});
