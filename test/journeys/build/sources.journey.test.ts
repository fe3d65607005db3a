import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '@skyarc/lib/process';
import type { AppSourceInput, SkyarcClient } from '@skyarc/sdk';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type SshServer, startSshServer } from '../../../controllers/chaos/testkit/ssh-server.ts';
import { startSvnServer, type SvnServer } from '../../../controllers/chaos/testkit/svn-server.ts';
import { removedByName } from '../../testkit/apps.ts';
import { type GitServer, startGitServer } from '../../testkit/git-server.ts';
import { finish, loginAsOwner, untilAnswers } from '../../testkit/session.ts';

const world = inject('world');
const names = ['from-archive', 'from-svn', 'from-ssh'];
let skyarc: SkyarcClient;
let svn: SvnServer;
let ssh: SshServer;
let git: GitServer;
let folder: string;
let teamId: string;

beforeAll(async () => {
  skyarc = await loginAsOwner(world);
  folder = await mkdtemp(join(tmpdir(), 'skyarc-sources-'));
  [svn, ssh, git] = await Promise.all([
    startSvnServer({ svn: 21_110, http: 21_111, https: 21_112 }),
    startSshServer(21_113),
    startGitServer(),
  ]);
  teamId = (await skyarc.teams.get(world.team)).id;
});
afterAll(async () => {
  await removedByName(skyarc, world, ...names);
  await Promise.all([svn?.stop(), ssh?.stop(), git?.stop()]);
  await rm(folder, { recursive: true, force: true });
  await skyarc?.dispose();
});

/** Checks a source, makes an app of what was found, and waits until it answers. */
async function make(name: string, source: AppSourceInput, text: string): Promise<string> {
  await removedByName(skyarc, world, name);
  const seen = await skyarc.sources.examine({ teamId, source });
  expect(seen).toMatchObject({ status: 'SUCCEEDED', found: { buildpack: 'static' }, problems: [] });
  const { app, operation } = await skyarc.apps.create({ groupId: world.groupId, name, source });
  await finish(skyarc, operation!.id);
  const [port] = (await skyarc.apps.get(app.id)).ports;
  await untilAnswers(world, new URL(port!.url!).hostname, text);
  return app.id;
}

test('an archive is uploaded, checked, built, answers, and can be built again', async () => {
  await writeFile(join(folder, 'index.html'), 'from an archive');
  await run('tar', ['-czf', join(folder, 'page.tgz'), '-C', folder, 'index.html']);
  const content = new Blob([await readFile(join(folder, 'page.tgz'))]);
  const upload = await skyarc.sources.upload({ teamId }, { name: 'page.tgz', content });
  const id = await make('from-archive', { upload: { id: upload.id } }, 'from an archive');
  await finish(skyarc, (await skyarc.apps.deploy(id)).id);
});

test('a branch of a Subversion repository is checked, built and answers', async () => {
  const repository = `open/page-${Date.now()}`;
  await svn.commit(repository, 'branches/next', { 'index.html': 'from a branch' });
  await make(
    'from-svn',
    { svn: { url: `${svn.httpUrl}/${repository}`, branch: 'branches/next' } },
    'from a branch',
  );
});

test('a private repository is read by ssh once the key of the team is let in', async () => {
  const repository = await git.create('kept', { 'index.html': 'from behind a key' });
  const source = { git: { url: `${ssh.url}${repository.folder}`, branch: 'main' } };
  const stranger = await skyarc.sources.examine({ teamId, source });
  expect(stranger.status).toBe('FAILED');
  expect(stranger.message).toMatch(/key of the team|team's key|SSH key/i);
  await ssh.allow(await skyarc.teams.sshPublicKey(world.team));
  const id = await make('from-ssh', source, 'from behind a key');
  await repository.push('Second', { 'index.html': 'from behind it again' });
  await finish(skyarc, (await skyarc.apps.deploy(id)).id);
  const [port] = (await skyarc.apps.get(id)).ports;
  await untilAnswers(world, new URL(port!.url!).hostname, 'from behind it again');
});
