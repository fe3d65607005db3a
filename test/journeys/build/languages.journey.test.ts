import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SkyarcClient } from '@skyarc/sdk';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type GitServer, startGitServer } from '../../testkit/git-server.ts';
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

async function filesOf(name: string): Promise<Record<string, string>> {
  const folder = join(import.meta.dirname, 'languages', name);
  const files: Record<string, string> = {};
  for await (const entry of glob('**/*', { cwd: folder, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) files[path.slice(folder.length + 1)] = await readFile(path, 'utf8');
  }
  return files;
}

/** Pushes the files, deploys them, waits for the answer, and deletes the app in the end. */
async function runs(
  name: string,
  files: Readonly<Record<string, string>>,
  use: (host: string, build: { buildpack: string | null }) => Promise<void>,
  memoryMb = 256,
): Promise<void> {
  const repository = await git.create(name, files);
  const { app, operation } = await skyarc.apps.create({
    groupId: world.groupId,
    name,
    source: { git: { url: repository.url, branch: 'main' } },
    run: { memoryMb, cpuMillis: 1000 },
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

/** Whether a host of packages answers this machine; many reach npm and Debian only. */
async function reaches(url: string): Promise<boolean> {
  const answer = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(10_000) }).catch(() => null);
  return answer?.ok ?? false;
}

const hasMaven = await reaches(
  'https://repo.maven.apache.org/maven2/org/springframework/boot/spring-boot/maven-metadata.xml',
);
const hasGo = await reaches('https://proxy.golang.org/github.com/gin-gonic/gin/@v/list');

test.skipIf(!hasMaven)('Java: a module of a Spring Boot project [needs Maven Central]', slow, async () => {
  const files = { ...(await filesOf('spring-boot')), 'skyarc.yml': 'build:\n  module: web\n' };
  await runs(
    'spring',
    files,
    async (host, { buildpack }) => {
      expect(buildpack).toBe('java');
      await untilAnswers(world, host, '<p>coffee and tea</p>', 120_000);
      expect((await ask(world, host, '/actuator/health')).text).toContain('"status":"UP"');
    },
    768,
  );
});

test.skipIf(!hasGo)(
  'Go: a Gin app with packages and templates [needs the Go module proxy]',
  slow,
  async () => {
    await runs('gin', await filesOf('gin'), async (host, { buildpack }) => {
      expect(buildpack).toBe('go');
      await untilAnswers(world, host, '<p>Hello Gin</p>', 60_000);
      expect(JSON.parse((await ask(world, host, '/api/id')).text)).toEqual({
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      });
    });
  },
);

const hasPypi = await reaches('https://pypi.org/simple/django/');

test.skipIf(!hasPypi)('Python: Django with its static files, and FastAPI [needs PyPI]', slow, async () => {
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
});

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
