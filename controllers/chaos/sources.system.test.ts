import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuiltSource } from '@skyarc/lib/contracts';
import { run } from '@skyarc/lib/process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type GitServer, startGitServer } from './testkit/git-server.ts';
import { Rig } from './testkit/rig.ts';
import { type SshServer, startSshServer } from './testkit/ssh-server.ts';

let rig: Rig;
let git: GitServer;
let ssh: SshServer;
const hello = {
  'package.json': '{"scripts":{"start":"node server.js"}}',
  'server.js': 'require("http").createServer((_, r) => r.end("hi")).listen(process.env.PORT)',
};

beforeAll(async () => {
  [rig, git, ssh] = await Promise.all([Rig.open(21_120), startGitServer(21_121), startSshServer(21_122)]);
  await git.commit('open/hello.git', hello);
  await git.commit('open/hello.git', { other: '1' }, 'next');
  await git.commit('private/hello.git', hello);
}, 600_000);
afterAll(async () => {
  await Promise.all([git?.stop(), ssh?.stop()]);
  await rig?.close();
});

const from = (url: string, more: { branch?: string; subdirectory?: string } = {}): BuiltSource => ({
  kind: 'GIT',
  url,
  branch: 'main',
  ...more,
});

async function messageFor(source: BuiltSource, settings: Parameters<Rig['newApp']>[1] = {}): Promise<string> {
  const app = await rig.newApp(source, settings);
  const done = await rig.deploy(app);
  expect(done.build.status).toBe('FAILED');
  expect(done.operation).toMatchObject({ status: 'FAILED', message: done.build.message });
  expect(done.operation.steps[0]).toMatchObject({ name: 'FETCH', status: 'FAILED' });
  expect((await rig.db.app.findUniqueOrThrow({ where: { id: app.id } })).activeOperationId).toBeNull();
  return done.build.message ?? '';
}

test('each way in which a repository cannot be had is named', async () => {
  expect(await messageFor(from('https://no-such-host.invalid/a.git'))).toMatch(
    /Unknown host no-such-host\.invalid/,
  );
  expect(await messageFor(from('http://127.0.0.1:20599/a.git'))).toMatch(/refuses connections/);
  expect(await messageFor(from(`${git.url}/open/none.git`))).toMatch(/no repository at this address/);
  expect(await messageFor(from(`${git.url}/open/hello.git`, { branch: 'mian' }))).toMatch(
    /no branch or tag "mian"; it has main, next/,
  );
  expect(await messageFor(from(`${git.url}/private/hello.git`))).toMatch(/does not exist or is private/);
  expect(await messageFor(from(`${git.url}/moved/hello.git`))).toMatch(/redirects to another address/);
  expect(await messageFor(from(`${git.url}/open/hello.git`, { subdirectory: 'none' }))).toMatch(
    /no folder "none"/,
  );
  expect(await messageFor({ kind: 'TEMPLATE', template: 'none' })).toMatch(/no template "none"/);
});

test('credentials open a private repository and appear nowhere', async () => {
  const app = await rig.newApp(from(`${git.url}/private/hello.git`));
  const login = { username: 'ann', password: 's3cret-token' };
  const sourceSecret = rig.secrets.seal(JSON.stringify(login), `source:${app.id}`);
  await rig.db.app.update({ where: { id: app.id }, data: { sourceSecret } });
  const done = await rig.deploy(app);
  expect(done.build.message).toBeNull();
  const files = await run('grep', [
    '-r',
    '-l',
    '-a',
    login.password,
    join(rig.folder, 'data'),
    join(rig.folder, 'store'),
  ]);
  expect(files.stdout).toBe('');
  expect([...rig.lines.values()].flat().join('\n')).not.toContain(login.password);

  const wrong = rig.secrets.seal(JSON.stringify({ ...login, password: 'wr0ng-token' }), `source:${app.id}`);
  await rig.db.app.update({ where: { id: app.id }, data: { sourceSecret: wrong } });
  const refused = await rig.deploy(app);
  expect(refused.build.message).toMatch(/may not read it|refuses the user or token/);
});

test('ssh: the team key opens, a stranger is refused, a changed host key is noticed', async () => {
  const url = `${ssh.url}${git.root}/open/hello.git`;
  expect(await messageFor(from(url))).toMatch(/this team has no SSH key/);
  const app = await rig.newApp(from(url), {}, 'red');
  const sshPrivateKey = rig.secrets.seal(ssh.key, 'team:red');
  await rig.db.team.update({ where: { name: 'red' }, data: { sshPrivateKey } });
  await run('git', ['config', '--global', '--add', 'safe.directory', '*'], {
    env: { PATH: process.env['PATH'] ?? '', HOME: rig.folder },
  });
  const done = await rig.deploy(app);
  expect(done.build.message).toBeNull();
  const known = await readFile(join(rig.folder, 'data/teams/red/known_hosts'), 'utf8');
  expect(known).toMatch(/^\[127\.0\.0\.1\]:21122 /);

  const other = join(rig.folder, 'other');
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', other]);
  const stranger = rig.secrets.seal(await readFile(other, 'utf8'), 'team:red');
  await rig.db.team.update({ where: { name: 'red' }, data: { sshPrivateKey: stranger } });
  expect((await rig.deploy(app)).build.message).toMatch(/does not accept the team's SSH key/);

  await rig.db.team.update({ where: { name: 'red' }, data: { sshPrivateKey } });
  await ssh.changeHostKey();
  expect((await rig.deploy(app)).build.message).toMatch(/host key is not the one seen before/);
});

test('a private address is refused until an administrator allows it', async () => {
  await rig.db.setting.update({ where: { name: 'allowPrivateSources' }, data: { value: 'false' } });
  try {
    for (const host of [
      '127.0.0.1',
      '[::1]',
      '169.254.169.254',
      '10.0.0.1',
      'localhost',
      '0x7f.1',
      '[::ffff:7f00:1]',
    ]) {
      expect(await messageFor(from(`http://${host}:21121/open/hello.git`))).toMatch(
        /only public ones are allowed/,
      );
    }
    expect(await messageFor(from('git@localhost:open/hello.git'))).toMatch(/only public ones are allowed/);
  } finally {
    await rig.db.setting.update({ where: { name: 'allowPrivateSources' }, data: { value: 'true' } });
  }
});

test('a submodule comes along, but not from an address that is not allowed', async () => {
  const part = await git.commit('open/part.git', { 'part.txt': 'part' });
  const add = async (repository: string, url: string) => {
    await git.commit(repository, {
      ...hello,
      '.gitmodules': `[submodule "p"]\n\tpath = sub/part\n\turl = ${url}\n`,
    });
    const work = join(git.root, `${repository}.work`);
    const inWork = (...args: string[]) =>
      run('git', ['-C', work, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args]);
    await inWork('update-index', '--add', '--cacheinfo', `160000,${part},sub/part`);
    await inWork('commit', '-q', '-m', 'Add a part');
    await inWork('push', '-q', join(git.root, repository), 'HEAD:main');
  };
  await add('open/whole.git', '../part.git');
  const app = await rig.newApp(from(`${git.url}/open/whole.git`));
  expect((await rig.deploy(app)).build.message).toBeNull();
  await add('open/trap.git', 'file:///etc');
  expect(await messageFor(from(`${git.url}/open/trap.git`))).toMatch(/begins with https/);
  await add('open/trap2.git', 'ext::sh -c touch% /tmp/owned');
  expect(await messageFor(from(`${git.url}/open/trap2.git`))).toMatch(/begins with https/);
});

test('a link out of the source is not followed', async () => {
  await git.commit('open/link.git', { 'index.html': 'x' });
  const work = join(git.root, 'open/link.git.work');
  await run('ln', ['-sfn', '/etc', join(work, 'out')]);
  await run('ln', ['-sfn', '/etc/passwd', join(work, 'Procfile')]);
  await git.commit('open/link.git', {});
  expect(await messageFor(from(`${git.url}/open/link.git`, { subdirectory: 'out' }))).toMatch(
    /no folder "out"/,
  );
  expect((await rig.deploy(await rig.newApp(from(`${git.url}/open/link.git`)))).build.message).toBeNull();
});
