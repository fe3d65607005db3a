import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '@skyarc/lib/process';
import type { AppSourceInput, SkyarcClient } from '@skyarc/sdk';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { startSvnServer, type SvnServer } from '../../../controllers/chaos/testkit/svn-server.ts';
import { finish, loginAsOwner, untilAnswers } from '../../testkit/session.ts';

const world = inject('world');
const made: string[] = [];
let skyarc: SkyarcClient;
let svn: SvnServer;
let folder: string;
let teamId: string;

beforeAll(async () => {
  skyarc = await loginAsOwner(world);
  folder = await mkdtemp(join(tmpdir(), 'skyarc-sources-'));
  svn = await startSvnServer({ svn: 20_976, http: 20_977, https: 20_978 });
  teamId = (await skyarc.teams.get(world.team)).id;
  await skyarc.platform.updateDataCenter('local', { allowPrivateSources: true });
});
afterAll(async () => {
  for (const id of made) await finish(skyarc, (await skyarc.apps.delete(id)).id);
  await svn?.stop();
  await rm(folder, { recursive: true, force: true });
  await skyarc?.dispose();
});

/** Checks a source, makes an app of what was found, and waits until it answers. */
async function make(name: string, source: AppSourceInput, text: string): Promise<string> {
  const seen = await skyarc.sources.examine({ teamId, source });
  expect(seen).toMatchObject({ status: 'SUCCEEDED', found: { buildpack: 'static' }, problems: [] });
  const { app, operation } = await skyarc.apps.create({ groupId: world.groupId, name, source });
  made.push(app.id);
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
  await svn.commit('open/page', 'branches/next', { 'index.html': 'from a branch' });
  await make(
    'from-svn',
    { svn: { url: `${svn.httpUrl}/open/page`, branch: 'branches/next' } },
    'from a branch',
  );
});
