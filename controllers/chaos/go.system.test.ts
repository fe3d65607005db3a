import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readFiles } from './testkit/files.ts';
import { type GitServer, startGitServer } from './testkit/git-server.ts';
import { Rig } from './testkit/rig.ts';
import { askImage, pullImage } from './testkit/run-image.ts';

const fixture = join(import.meta.dirname, 'buildpacks/go/fixture');
const slow = { timeout: 400_000 };

let rig: Rig;
let git: GitServer;
beforeAll(async () => {
  // No module proxy: the toolchain is Debian's, or one that an earlier build got.
  const clientEnv = { GOPROXY: 'off' };
  [rig, git] = await Promise.all([
    Rig.open(20_922, { instance: 'chaostest-go', clientEnv }),
    startGitServer(20_923),
  ]);
}, 600_000);
afterAll(async () => {
  await git?.stop();
  await rig?.close();
});

let count = 0;

async function newApp(files: Readonly<Record<string, string>>) {
  count += 1;
  const repository = `open/go-${process.pid}-${count}.git`;
  await git.commit(repository, files);
  return {
    app: await rig.newApp({ kind: 'GIT', url: `${git.url}/${repository}`, branch: 'main' }),
    change: (changed: Readonly<Record<string, string>>) => git.commit(repository, changed),
  };
}

test('a Go module becomes a small image that answers, the same on every build', slow, async () => {
  const { app, change } = await newApp({
    ...(await readFiles(fixture)),
    Procfile: 'web: bin/web\njob: bin/job\n',
  });
  const first = await rig.deploy(app);
  expect(first.build, first.log).toMatchObject({ status: 'SUCCEEDED', buildpack: 'go', reason: 'go.mod' });
  const image = await pullImage(rig.config.registryUrl as string, first.version?.image ?? '');
  try {
    const { body, lines } = await askImage(image, 8080, '/?name=Ann');
    expect(body.trim()).toBe('<p>Hello Ann from Go</p>');
    expect(lines.join('\n')).toContain('GET /');
    expect(existsSync(join(image.rootfs, 'app/bin/job'))).toBe(true);
    expect(existsSync(join(image.rootfs, 'app/cmd/web/main.go'))).toBe(false);
  } finally {
    await image.remove();
  }
  const fresh = await rig.deploy(app, { noCache: true });
  expect(fresh.log).toContain('go build ./cmd/web');
  expect(fresh.version?.image).toBe(first.version?.image);
  await change({ 'templates/index.html': '<b>{{.}}</b>\n' });
  const second = await rig.deploy(app);
  expect(second.build.status).toBe('SUCCEEDED');
  expect(second.log).toMatch(/sent 0\.0 MB/);
});

test('packages of vendor/ are used, and a mistake is told with its line', slow, async () => {
  const files = await readFiles(fixture);
  const { app, change } = await newApp({
    ...files,
    'go.mod': `${files['go.mod']}\nrequire example.com/words v1.0.0\n`,
    'vendor/modules.txt': '# example.com/words v1.0.0\n## explicit\nexample.com/words\n',
    'vendor/example.com/words/words.go': 'package words\n\nconst Hello = "Hi"\n',
    'internal/greeting/greeting.go':
      'package greeting\n\nimport "example.com/words"\n\nfunc For(name string) string { return words.Hello + name }\n',
    'skyarc.yml': 'build: { module: job }\n',
  });
  const done = await rig.deploy(app);
  expect(done.build, done.log).toMatchObject({ status: 'SUCCEEDED' });
  expect(done.version?.processes).toContain('/app/bin/job');
  await change({ 'cmd/job/main.go': 'package main\n\nfunc main() { undefined() }\n' });
  const failed = await rig.deploy(app);
  expect(failed.build.message).toMatch(
    /the Go compiler found errors, the first: cmd\/job\/main\.go:3:15: undefined/,
  );
});

test(
  'a Go that only a proxy has is asked for in vain, and the message says what there is',
  slow,
  async () => {
    const { app } = await newApp({
      'go.mod': 'module a\ngo 1.99\n',
      'main.go': 'package main\nfunc main() {}\n',
    });
    const done = await rig.deploy(app);
    expect(done.build.message).toMatch(/Go 1\.99/);
  },
);
