import { afterAll, beforeAll, expect, test } from 'vitest';
import { red, refusalOf, TestClient } from './data-center-client.ts';
import { type DataCenterWorld, startDataCenter, uploadsOf } from './world.ts';

let world: DataCenterWorld;
let api: TestClient;
beforeAll(async () => {
  world = await startDataCenter({ etcd: 20_970, etcdPeer: 20_971, api: 20_972 }, uploadsOf());
  api = new TestClient(world);
});
afterAll(async () => {
  api?.close();
  await world?.stop();
});

const git = (fields: object) => ({
  git: { url: 'https://git.example.test/a.git', branch: 'main', ...fields },
});
const svn = (fields: object) => ({ svn: { url: 'https://svn.example.test/a', ...fields } });
const image = (reference: string) => ({ image: { reference } });
const oneKind = 'Give exactly one of git, svn, upload, image, template and external';

const corpus: [object, RegExp | string][] = [
  [{}, oneKind],
  [{ template: 'hello', ...git({}) }, oneKind],
  [git({ branch: 'tag:' }), /git\.branch: A branch is needed/],
  [git({ branch: 'tag:-x' }), /git\.branch: A branch has no spaces/],
  [git({ branch: 'main', refKind: 'COMMIT' }), /git\.branch: A commit is its whole id/],
  [git({ subdirectory: '../x' }), /git\.subdirectory: /],
  [git({ username: 'a\nb' }), /git\.username: /],
  [svn({ url: 'svn+ssh://host/a' }), /svn\.url: A Subversion address begins/],
  [svn({ url: 'file:///etc' }), /svn\.url: A Subversion address begins/],
  [svn({ url: 'https://ann:secret@svn.example.test/a' }), /svn\.url: .* no password/],
  [svn({ url: 'https://svn.example.test/a@12' }), /svn\.url: /],
  [svn({ branch: '../other' }), /svn\.branch: /],
  [svn({ branch: 'branches/../../x' }), /svn\.branch: A Subversion branch stays inside/],
  [svn({ branch: '-r1' }), /svn\.branch: /],
  [svn({ revision: 0 }), /svn\.revision: A revision is at least 1/],
  [svn({ subdirectory: '/etc' }), /svn\.subdirectory: /],
  [{ upload: { id: 'x' } }, /upload\.id: is not an id/],
  [{ upload: { id: 'local.upload.aaaaaaaaaaaaaaaa' } }, /upload\.id: the team has no such upload/],
  [{ upload: { id: 'local.upload.aaaaaaaaaaaaaaaa', subdirectory: '..' } }, /upload\.subdirectory: /],
  [image('https://hub.example.test/a'), /image\.reference: An image is like/],
  [image('Nginx'), /image\.reference: An image is like/],
  [image('-nginx'), /image\.reference: /],
  [image('a b'), /image\.reference: /],
  [image('nginx:'), /image\.reference: /],
  [image('nginx@sha256:123'), /image\.reference: /],
  [image('host:99999999/a'), /image\.reference: /],
  [image('../nginx'), /image\.reference: /],
  [image('a//b'), /image\.reference: /],
];
const named = corpus.map(
  ([source, message]) => [JSON.stringify(source).slice(0, 110), source, message] as const,
);

test.each(named)('neither an app nor a check has source %s', async (_name, source, message) => {
  const check = 'mutation ($input: ExamineSourceInput!) { examineSource(input: $input) { id } }';
  for (const said of [
    (await refusalOf(api.createApp('bad', { source }))).message,
    (await refusalOf(api.ask(check, { input: { source } }))).message,
  ]) {
    if (typeof message === 'string') expect(said).toContain(message);
    else expect(said).toMatch(message);
  }
});

/** What a shell, a program's options, a path, a header or a log would stumble over. */
const evil = [
  '$(id)',
  '`id`',
  'a;id',
  'a|id',
  'a&&id',
  "a'b",
  'a"b',
  'a\nb',
  'a\r\nX: y',
  'a\0b',
  '--help',
  '-oProxyCommand=id',
  '${IFS}',
  'a<b',
  '\u202Ea',
];
const places: [string, (text: string) => object][] = [
  ['git.url', (text) => git({ url: text })],
  ['git.url host', (text) => git({ url: `ssh://${text}/a.git` })],
  ['git.url user', (text) => git({ url: `${text}@git.example.test:a.git` })],
  ['git.branch', (branch) => git({ branch })],
  ['git.branch tag', (text) => git({ branch: `tag:${text}` })],
  ['git.subdirectory', (subdirectory) => git({ subdirectory })],
  ['svn.url', (text) => svn({ url: text })],
  ['svn.url host', (text) => svn({ url: `svn://${text}/a` })],
  ['svn.branch', (branch) => svn({ branch })],
  ['svn.subdirectory', (subdirectory) => svn({ subdirectory })],
  ['image', image],
  ['image tag', (text) => image(`nginx:${text}`)],
  ['image host', (text) => image(`${text}.example.test/nginx`)],
  ['upload.id', (id) => ({ upload: { id } })],
  ['template', (template) => ({ template })],
];
test.each(places)('%s takes nothing that means something elsewhere', async (_name, make) => {
  for (const text of evil) {
    const error = await refusalOf(api.createApp('bad', { source: make(text) }));
    expect(error.code, JSON.stringify(text)).toBe('INVALID');
  }
});

const word = (name: string, value = 'x') => [{ name, value }];
const buildPlaces: [string, (text: string) => object][] = [
  ['buildpack', (buildpack) => ({ buildpack })],
  ['module', (module) => ({ module })],
  ['dockerfile', (dockerfile) => ({ dockerfile })],
  ['target', (target) => ({ target })],
  ['documentRoot', (documentRoot) => ({ documentRoot })],
  ['name of a build argument', (name) => ({ args: word(name) })],
  ['name of a variable', (name) => ({ env: word(name) })],
  ['NUL in a build argument', (text) => ({ args: word('A', `${text}\0`) })],
  ['NUL in a variable', (text) => ({ env: word('A', `${text}\0`) })],
  ['second line of a command', (text) => ({ command: `make\n${text}` })],
  ['second line of a start command', (text) => ({ start: `serve\n${text}` })],
];
test.each(buildPlaces)(
  'build settings: %s takes nothing that means something elsewhere',
  async (_name, make) => {
    for (const text of [...evil, '../../etc', '/etc/passwd', '-f']) {
      const error = await refusalOf(api.createApp('bad', { build: make(text) }));
      expect(error.code, JSON.stringify(text)).toBe('INVALID');
    }
  },
);

const mutations: [string, string, object, RegExp][] = [
  ['createUpload', 'CreateUploadInput', { fileName: 'a.rar' }, /fileName: An upload is a \.zip/],
  ['createUpload', 'CreateUploadInput', { fileName: '../a.zip' }, /fileName: A file name has only/],
  ['createUpload', 'CreateUploadInput', { fileName: 'a\n.zip' }, /fileName: A file name has only/],
  ['createUpload', 'CreateUploadInput', { fileName: 'a.zip', sizeBytes: 0 }, /sizeBytes: The file is empty/],
  [
    'createUpload',
    'CreateUploadInput',
    { fileName: 'a.zip', sizeBytes: 2 ** 30 },
    /sizeBytes: The file is larger/,
  ],
  [
    'saveRegistryCredential',
    'RegistryCredentialInput',
    { host: 'https://a.test', username: 'a', password: 'b' },
    /host: A registry is a host name/,
  ],
  [
    'saveRegistryCredential',
    'RegistryCredentialInput',
    { host: 'a.test/b', username: 'a', password: 'b' },
    /host: A registry is a host name/,
  ],
  [
    'saveRegistryCredential',
    'RegistryCredentialInput',
    { host: 'a.test', username: '', password: 'b' },
    /username: A user name is needed/,
  ],
  [
    'saveRegistryCredential',
    'RegistryCredentialInput',
    { host: 'a.test', username: 'a' },
    /password: A password is needed/,
  ],
  [
    'saveRegistryCredential',
    'RegistryCredentialInput',
    { host: 'a.test', username: 'a', password: '' },
    /password: A password is needed/,
  ],
  [
    'examineSource',
    'ExamineSourceInput',
    { source: git({}), buildpack: '../x' },
    /buildpack: is not the name/,
  ],
  [
    'examineSource',
    'ExamineSourceInput',
    { source: git({}), appId: 'local.app.aaaaaaaaaaaaaaaa' },
    /appId: the team has no such app/,
  ],
  [
    'examineSource',
    'ExamineSourceInput',
    { source: { external: { endpoints: [{ host: 'a.test', port: 1 }] } } },
    /source: a service outside has no source/,
  ],
];
test.each(mutations)('%s with a bad %s %o', async (field, type, input, message) => {
  const whole = field === 'createUpload' ? { binding: 'x', ...input } : input;
  const text = `mutation ($input: ${type}!) { ${field}(input: $input) { __typename } }`;
  expect((await refusalOf(api.ask(text, { input: whole }))).message).toMatch(message);
});

test('nothing of all that was stored', async () => {
  for (const table of [world.db.app, world.db.upload, world.db.registryCredential, world.db.examination])
    expect(await (table as { count(): Promise<number> }).count()).toBe(0);
});

test('values that may be any text are kept as they are', async () => {
  const texts = evil.filter((text) => !/[\0\r\n]/.test(text));
  const id = await api.createApp('literal', {
    build: {
      command: texts.join(' '),
      start: texts.join(' '),
      args: texts.map((value, index) => ({ name: `A${index}`, value })),
      env: texts.map((value, index) => ({ name: `E${index}`, value })),
    },
  });
  const { buildOptions } = await world.db.app.findUniqueOrThrow({ where: { id } });
  const kept = JSON.parse(buildOptions ?? '{}') as Record<string, unknown>;
  expect(kept).toMatchObject({ command: texts.join(' '), start: texts.join(' ') });
  expect(Object.values(kept['args'] as object)).toEqual(texts);
  expect(Object.values(kept['env'] as object)).toEqual(texts);
  const save =
    'mutation ($input: WebhookInput!) { saveWebhook(input: $input) { webhook { branches paths } } }';
  const input = { appId: id, name: 'push', kind: 'GENERIC', branches: texts, paths: texts };
  const stored = await api.ask(save, { input }).then(
    ({ saveWebhook }) => saveWebhook.webhook,
    (error: { code: string }) => error,
  );
  if ('code' in stored) expect(stored.code).toBe('INVALID');
  else expect(stored).toEqual({ branches: texts, paths: texts });
});

test("checks, uploads and registries of a team are nobody else's, and not too many are under way", async () => {
  await world.db.app.deleteMany();
  await world.db.examination.deleteMany();
  const check = 'mutation ($input: ExamineSourceInput!) { examineSource(input: $input) { id } }';
  const { examineSource } = await api.ask(check, { input: { source: git({ password: 'hidden-away' }) } });
  const see = 'query ($id: ID!) { examination(id: $id) { id status } }';
  expect((await api.ask(see, { id: examineSource.id })).examination.status).toBe('QUEUED');
  expect((await api.ask(see, { id: examineSource.id }, red)).examination).toBeNull();
  const appId = await api.createApp('own', { source: git({ password: 'hidden-away' }) });
  expect((await refusalOf(api.ask(check, { input: { source: git({}), appId } }, red))).message).toMatch(
    /no such app/,
  );
  const kept = await api.ask(check, { input: { source: git({}), appId } });
  const row = await world.db.examination.findUniqueOrThrow({ where: { id: kept.examineSource.id } });
  expect(world.secretBox.open(row.sourceSecret ?? '', `source:${row.id}`)).toContain('hidden-away');
  const elsewhere = git({ url: 'https://other.example.test/a.git' });
  const moved = await api.ask(check, { input: { source: elsewhere, appId } });
  const other = await world.db.examination.findUniqueOrThrow({ where: { id: moved.examineSource.id } });
  expect(other.sourceSecret).toBeNull();
  const make = 'mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id } }';
  const { createUpload } = await api.ask(make, { input: { fileName: 'a.zip', binding: 'x' } });
  expect(
    (await api.ask('query ($id: ID!) { upload(id: $id) { id } }', { id: createUpload.id }, red)).upload,
  ).toBeNull();
  const early = await refusalOf(api.createApp('early', { source: { upload: { id: createUpload.id } } }));
  expect(early.message).toMatch(/the file has not been sent yet/);
  for (let left = 17; left > 0; left -= 1) await api.ask(check, { input: { source: git({}) } });
  expect((await refusalOf(api.ask(check, { input: { source: git({}) } }))).code).toBe('EXHAUSTED');
  await api.ask(check, { input: { source: git({}) } }, red);
});
