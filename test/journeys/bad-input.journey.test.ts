import type { SkyarcClient } from '@skyarc/sdk';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { nodeApp } from '../testkit/fixture-app.ts';
import { type GitServer, startGitServer } from '../testkit/git-server.ts';
import { ask, finish, loginAsOwner } from '../testkit/session.ts';

const world = inject('world');
let git: GitServer;
let locked: GitServer;
let skyarc: SkyarcClient;
let count = 0;

beforeAll(async () => {
  git = await startGitServer();
  locked = await startGitServer({ credentials: { username: 'bob', password: 'hunter-22' } });
  skyarc = await loginAsOwner(world);
});
afterAll(async () => {
  await skyarc.dispose();
  await git.stop();
  await locked.stop();
});

interface Case {
  readonly files?: Readonly<Record<string, string>>;
  readonly url?: string;
  readonly branch?: string;
  readonly username?: string;
  readonly password?: string;
  readonly build?: { timeoutSeconds?: number; memoryMb?: number; diskMb?: number };
  readonly run?: { startTimeoutSeconds?: number; memoryMb?: number };
}

/** Creates and deploys an app that must fail; answers how, after it was removed again without a trace. */
async function failing(wanted: Case): Promise<{ status: string; message: string; name: string }> {
  count += 1;
  const name = `bad-${count}`;
  const url = wanted.url ?? (await git.create(name, wanted.files ?? nodeApp('v1'))).url;
  const { username, password, branch = 'main' } = wanted;
  const { app, operation } = await skyarc.apps.create({
    groupId: world.groupId,
    name,
    source: { git: { url, branch, username, password } },
    build: wanted.build,
    run: { memoryMb: 128, startTimeoutSeconds: 15, ...wanted.run },
  });
  const ended = await skyarc.operations.wait(operation!.id, { signal: AbortSignal.timeout(240_000) });
  const state = (await skyarc.apps.get(app.id)).state;
  expect(state).toBe('FAILED');
  const { lines } = await skyarc.logs.read({ kind: 'OPERATION', id: operation!.id });
  expect(lines.map(({ text }) => text).join('\n')).toContain(ended.message);
  await finish(skyarc, (await skyarc.apps.delete(app.id)).id);
  expect((await ask(world, `8080.${name}.${world.team}.${world.domain}`)).status).toBe(404);
  return { status: ended.status, message: ended.message ?? '', name };
}

const script = (start: string, build?: string) => ({
  'package.json': JSON.stringify({
    name: 'x',
    version: '1.0.0',
    private: true,
    scripts: { start, ...(build && { build }) },
  }),
});

test.each<[string, Case, RegExp]>([
  ['unknown host', { url: 'https://no-such-host.invalid/x.git' }, /no-such-host\.invalid/],
  ['no such repository', { url: 'missing' }, /missing\.git.*(not|no)|repository/i],
  ['wrong branch', { branch: 'nope' }, /no branch or tag "nope".*main/],
  ['no credentials', { url: 'locked' }, /credential|password|token/i],
  [
    'wrong credentials',
    { url: 'locked', username: 'bob', password: 'wrong-secret-1' },
    /credential|password|token/i,
  ],
  ['no recognisable language', { files: { 'notes.txt': 'hello' } }, /notes\.txt/],
  ['a build that fails', { files: script('node x.js', 'echo broken >&2; exit 3') }, /build/i],
  ['a build that hangs', { files: script('node x.js', 'sleep 600'), build: { timeoutSeconds: 30 } }, /30 s/],
  [
    'a build that fills memory',
    {
      files: script('node x.js', 'node -e "const a=[];for(;;)a.push(Buffer.alloc(1e7,1))"'),
      build: { memoryMb: 256 },
    },
    /memory.*256 MB/i,
  ],
  [
    'a build that fills the disk',
    { files: script('node x.js', 'dd if=/dev/zero of=big bs=1M count=2000'), build: { diskMb: 300 } },
    /disk.*300 MB|300 MB.*disk/i,
  ],
  ['an app that exits', { files: script('node -e "console.log(\'I quit\');process.exit(7)"') }, /exit.*7/i],
  [
    'an app that listens on another port',
    { files: script("node -e \"require('http').createServer().listen(3990+9,'0.0.0.0')\"") },
    /3999/,
  ],
  [
    'an app that listens on 127.0.0.1 only',
    { files: script("node -e \"require('http').createServer().listen(process.env.PORT,'127.0.0.1')\"") },
    /127\.0\.0\.1.*0\.0\.0\.0/,
  ],
  [
    'an image without a command',
    { files: { Dockerfile: 'FROM skyarc/base:bookworm\nENTRYPOINT []\nCMD []\nRUN true\n' } },
    /command|CMD/i,
  ],
])('%s ends with a message that says what to do', async (_, given, wanted) => {
  const url = given.url === 'missing' || given.url === 'locked' ? await specialUrl(given.url) : given.url;
  const { status, message } = await failing({ ...given, url });
  expect(['FAILED', 'TIMED_OUT']).toContain(status);
  expect(message).toMatch(wanted);
  expect(message).not.toMatch(/wrong-secret-1|went wrong on our side/);
});

async function specialUrl(which: 'missing' | 'locked'): Promise<string> {
  if (which === 'locked') return (await locked.create(`private-${count}`, nodeApp('v1'))).url;
  const { url } = await git.create(`present-${count}`, nodeApp('v1'));
  return url.replace('present', 'missing');
}

const evil = ['a b', 'a"b', "a'b", 'a\nb', '--upload-pack=touch /tmp/pwned', '$(touch /tmp/pwned)', 'a`b`'];

test.each(evil)(
  'the text %j is refused as branch, address, folder, name, environment name and route',
  async (text) => {
    const git = { url: 'https://example.com/x.git', branch: 'main' };
    const create = (input: object) =>
      skyarc.apps.create({
        groupId: world.groupId,
        name: 'evil',
        source: { git },
        deploy: false,
        ...input,
      });
    const attempts = [
      { name: text },
      { source: { git: { ...git, branch: text } } },
      { source: { git: { ...git, url: text } } },
      { source: { git: { ...git, subdirectory: `../${text}` } } },
      { env: [{ name: text, value: 'x' }] },
    ];
    for (const attempt of attempts) {
      await expect(create(attempt), JSON.stringify(attempt)).rejects.toMatchObject({ code: 'INVALID' });
    }
    expect((await skyarc.apps.list(world.team)).map(({ name }) => name)).not.toContain('evil');
  },
);

test('a duplicate name is refused and says so', async () => {
  const input = { groupId: world.groupId, name: 'twin', source: { template: 'hello-node' }, deploy: false };
  const { app } = await skyarc.apps.create(input);
  await expect(skyarc.apps.create(input)).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringMatching(/"twin".*taken.*"blue"/) as string,
  });
  await finish(skyarc, (await skyarc.apps.delete(app.id)).id);
});

test('of two deploys at once the second is told who is first', async () => {
  const { url } = await git.create('both', nodeApp('v1'));
  const { app } = await skyarc.apps.create({
    groupId: world.groupId,
    name: 'both',
    source: { git: { url, branch: 'main' } },
    deploy: false,
  });
  const outcomes = await Promise.allSettled([skyarc.apps.deploy(app.id), skyarc.apps.deploy(app.id)]);
  expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  const refused = outcomes.find((one) => one.status === 'rejected');
  expect(String(refused?.reason)).toMatch(/still running; wait for it or cancel it/);
  const first = outcomes.find((one) => one.status === 'fulfilled');
  await skyarc.operations.cancel(first!.value.id);
  const ended = await skyarc.operations.wait(first!.value.id);
  expect(['CANCELED', 'SUCCEEDED']).toContain(ended.status);
  await finish(skyarc, (await skyarc.apps.delete(app.id)).id);
});
