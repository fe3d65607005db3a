import { join } from 'node:path';
import type { SkyarcClient } from '@skyarc/sdk';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { readFiles } from '../../../controllers/chaos/testkit/files.ts';
import { removedByName } from '../../testkit/apps.ts';
import { type GitServer, startGitServer } from '../../testkit/git-server.ts';
import { Installation } from '../../testkit/installation.ts';
import { ask, finish, loginAsOwner, untilAnswers } from '../../testkit/session.ts';

/** Apps of real frameworks, from a repository to an answering address; packages come from where this machine gets them. */
const world = inject('world');
const slow = { timeout: 900_000 };
let git: GitServer;
let skyarc: SkyarcClient;

beforeAll(async () => {
  git = await startGitServer();
  skyarc = await loginAsOwner(world);
});
afterAll(async () => {
  await skyarc.dispose();
  await git.stop();
});

const filesOf = (name: string) => readFiles(join(import.meta.dirname, 'languages', name));
/** The app that a buildpack's own room keeps for its tests; needs packages of Debian only. */
const fixtureOf = (name: string) =>
  readFiles(join(import.meta.dirname, '../../../controllers/chaos/buildpacks', name, 'fixture'));

/** Pushes the files, deploys them, waits for the answer, and deletes the app in the end. */
async function runs(
  name: string,
  files: Readonly<Record<string, string>>,
  use: (host: string, build: { buildpack: string | null }) => Promise<void>,
  { memoryMb = 256, module }: { readonly memoryMb?: number; readonly module?: string } = {},
): Promise<void> {
  await removedByName(skyarc, world, name);
  const repository = await git.create(name, files);
  const { app, operation } = await skyarc.apps.create({
    groupId: world.groupId,
    name,
    source: { git: { url: repository.url, branch: 'main' } },
    run: { memoryMb, cpuMillis: 1000 },
    ...(module && { build: { module } }),
  });
  try {
    // The first build of a language makes its runtime, too.
    const ended = await skyarc.operations.wait(operation!.id, { signal: AbortSignal.timeout(800_000) });
    expect(ended.status, ended.message ?? '').toBe('SUCCEEDED');
    const [build] = await skyarc.apps.builds(app.id);
    await use(`8080.${name}.${world.team}.${world.domain}`, { buildpack: build?.buildpack ?? null });
  } finally {
    await finish(skyarc, (await skyarc.apps.delete(app.id)).id);
  }
}

const repo = `http://127.0.0.1:${8081 + inject('installation').portOffset}`;
const token = (await new Installation(inject('installation')).command('token', world.team)).trim();

/** Whether builds get a package: by repo, which asks where this machine's own clients are told to. */
async function has(path: string): Promise<boolean> {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${repo}/${path}`, { headers, signal: AbortSignal.timeout(30_000) });
  await answer.body?.cancel();
  return answer.ok;
}

const [hasMaven, hasGo, hasPypi] = await Promise.all(
  [
    'maven/org/springframework/boot/spring-boot/maven-metadata.xml',
    'go/github.com/gin-gonic/gin/@v/list',
    'pypi/simple/django/',
  ].map(has),
);

test.skipIf(!hasMaven)(
  'Java: a module of a Spring Boot project [needs a Maven repository]',
  slow,
  async () => {
    const files = await filesOf('spring-boot');
    const { url } = await git.create('spring-seen', files);
    const { id: teamId } = await skyarc.teams.get(world.team);
    const seen = await skyarc.sources.examine({ teamId, source: { git: { url, branch: 'main' } } });
    expect(seen.status, seen.message ?? '').toBe('SUCCEEDED');
    expect(seen.modules.map(({ path }) => path).toSorted()).toEqual(['batch', 'web']);
    await runs(
      'spring',
      files,
      async (host, { buildpack }) => {
        expect(buildpack).toBe('java');
        await untilAnswers(world, host, '<p>coffee and tea</p>', 120_000);
        expect((await ask(world, host, '/actuator/health')).text).toContain('"status":"UP"');
      },
      { memoryMb: 768, module: 'web' },
    );
  },
);

test.skipIf(!hasGo)('Go: a Gin app with packages and templates [needs a Go module proxy]', slow, async () => {
  await runs('gin', await filesOf('gin'), async (host, { buildpack }) => {
    expect(buildpack).toBe('go');
    await untilAnswers(world, host, '<p>Hello Gin</p>', 60_000);
    expect(JSON.parse((await ask(world, host, '/api/id')).text)).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });
});

test.skipIf(!hasPypi)(
  'Python: Django with its static files, and FastAPI [needs a Python index]',
  slow,
  async () => {
    await runs('django', await filesOf('django'), async (host, { buildpack }) => {
      expect(buildpack).toBe('python');
      await untilAnswers(world, host, '<p>Hello Django</p>', 60_000);
      expect((await ask(world, host, '/static/admin/css/base.css')).text).toContain('body');
      expect((await ask(world, host, '/admin/login/')).text).toContain('<form');
    });
    await runs('fastapi', await filesOf('fastapi'), async (host) => {
      await untilAnswers(world, host, '{"hello":"FastAPI"}', 60_000);
      expect((await ask(world, host, '/?name=Ann')).text).toBe('{"hello":"Ann"}');
    });
  },
);

test('Node.js: Express, and a front end of Vite with a page for every path', slow, async () => {
  await runs('express', await filesOf('express'), async (host, { buildpack }) => {
    expect(buildpack).toBe('nodejs');
    await untilAnswers(world, host, '<p>Hello Express</p>', 60_000);
  });
  await runs('vite', await filesOf('vite'), async (host) => {
    await untilAnswers(world, host, '<!doctype html>', 60_000);
    const page = (await ask(world, host, '/any/path')).text;
    expect(page).toContain('<title>Hello Vite</title>');
    const script = /src="(\/assets\/[^"]+\.js)"/.exec(page)?.[1] ?? '';
    expect((await ask(world, host, script)).text).toContain('Hello Vite');
  });
});

test('PHP, Ruby and Go without packages of others', slow, async () => {
  await Promise.all([
    runs('php', await fixtureOf('php'), (host) => untilAnswers(world, host, 'Hello, ANN from PHP 8', 60_000)),
    runs('ruby', await fixtureOf('ruby'), (host) => untilAnswers(world, host, 'Hello, Ruby at /', 60_000)),
    runs(
      'go',
      await fixtureOf('go'),
      async (host) => {
        await untilAnswers(world, host, '<p>Hello', 60_000);
        expect((await ask(world, host, '/?name=Ann')).text).toBe('<p>Hello Ann from Go</p>');
      },
      { module: 'cmd/web' },
    ),
  ]);
});
