import { chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type GitServer, startGitServer } from '../testkit/git-server.ts';
import { GitSource } from './git.ts';
import { nobody } from './remote.ts';

let git: GitServer;
let folder: string;
beforeAll(async () => {
  git = await startGitServer(21_260);
  folder = await mkdtemp(join(tmpdir(), 'skyarc-copy-'));
  await chown(folder, nobody.uid, nobody.gid);
});
afterAll(async () => {
  await git.stop();
  await rm(folder, { recursive: true, force: true });
});

let fetches = 0;

/** Fetches as a build does, with what earlier ones kept; answers the files. */
async function fetch(repository: string, branch = 'main'): Promise<Record<string, string>> {
  fetches += 1;
  const place = join(folder, String(fetches));
  await mkdir(place);
  await chown(place, nobody.uid, nobody.gid);
  const source = new GitSource({
    url: `${git.url}/${repository}`,
    branch,
    folder: place,
    knownHostsFile: join(folder, 'known_hosts'),
    policy: { allowPrivate: true },
    env: {},
    signal: AbortSignal.timeout(60_000),
  });
  const revision = await source.identify(join(folder, 'keep'));
  const { id } = await source.fetch(revision, join(place, 'files'), join(folder, 'keep'));
  expect(id).toBe(revision.id);
  const names = await readdir(join(place, 'files'));
  const texts = names.map(async (name) => [name, await readFile(join(place, 'files', name), 'utf8')]);
  return Object.fromEntries(await Promise.all(texts)) as Record<string, string>;
}

/** The one repository that is kept. */
async function kept(): Promise<string> {
  const names = await readdir(join(folder, 'keep'));
  expect(names).toHaveLength(1);
  return join(folder, 'keep', names[0] as string);
}

test('what was fetched before is there again with what is new, and nothing of what is gone', async () => {
  const first = await git.commit('open/a.git', { 'a.txt': 'a', 'b.txt': 'b' });
  expect(await fetch('open/a.git')).toEqual({ 'a.txt': 'a', 'b.txt': 'b' });
  expect(await fetch('open/a.git')).toEqual({ 'a.txt': 'a', 'b.txt': 'b' });
  await git.commit('open/a.git', { 'a.txt': 'more' });
  expect(await fetch('open/a.git')).toEqual({ 'a.txt': 'more', 'b.txt': 'b' });
  expect(await fetch('open/a.git', first)).toEqual({ 'a.txt': 'a', 'b.txt': 'b' });
  // Another history under the same name.
  await rm(join(git.root, 'open/a.git.work'), { recursive: true });
  await git.commit('open/a.git', { 'c.txt': 'c' });
  expect(await fetch('open/a.git')).toEqual({ 'c.txt': 'c' });
});

test('a fetch that was killed, or a repository that was damaged, costs one fetch of everything', async () => {
  await git.commit('open/b.git', { 'a.txt': 'a' });
  await fetch('open/b.git');
  await writeFile(join(await kept(), 'shallow.lock'), '');
  await writeFile(join(await kept(), 'index.lock'), '');
  await git.commit('open/b.git', { 'a.txt': 'b' });
  expect(await fetch('open/b.git')).toEqual({ 'a.txt': 'b' });
  await rm(join(await kept(), 'objects'), { recursive: true });
  expect(await fetch('open/b.git')).toEqual({ 'a.txt': 'b' });
});

test('what another address left is removed', async () => {
  await git.commit('open/c.git', { 'a.txt': 'a' });
  await git.commit('open/d.git', { 'a.txt': 'd' });
  await fetch('open/c.git');
  const before = await kept();
  expect(await fetch('open/d.git')).toEqual({ 'a.txt': 'd' });
  expect(await kept()).not.toBe(before);
});
