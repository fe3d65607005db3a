import { createHmac, randomUUID } from 'node:crypto';
import { type RunningServer, start as startServer } from '@skyarc/server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DataCenterWorld, startDataCenter } from './world.ts';

/** Compose files become apps, and pushes become deploys, by HTTP as senders and browsers do it. */

let world: DataCenterWorld;
let server: RunningServer;
let cookie: string;
let groupId: string;

interface Asked {
  // What a test reads of an answer is its own affair.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly data: any;
  readonly message: string | undefined;
}

async function ask(query: string, variables: object = {}): Promise<Asked> {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', cookie },
    body: JSON.stringify({ query, variables }),
  });
  const set = response.headers.getSetCookie()[0]?.split(';', 1)[0];
  if (set) cookie = set;
  const { data, errors = [] } = (await response.json()) as { data: unknown; errors?: { message: string }[] };
  return { data, message: errors[0]?.message };
}

beforeAll(async () => {
  world = await startDataCenter({ etcd: 20_800, etcdPeer: 20_801, api: 20_802 });
  server = await startServer({
    port: 20_803,
    statusPort: 0,
    databaseFile: `${world.folder}/console.db`,
    tls: { ca: world.authority.cert, ...world.console },
    dataCenters: [{ name: 'local', displayName: 'Here', apiUrl: world.api.url }],
    samplesFolder: world.folder,
    recheckMs: 1_000,
    attemptsPerMinute: 60,
  });
  cookie = '';
  const input = {
    token: server.claimToken,
    name: 'Ann',
    email: 'ann@example.test',
    password: 'correct horse battery',
    teamName: 'blue',
  };
  const claimed = await ask(
    'mutation ($input: ClaimInput!) { claim(input: $input) { viewer { teams { groups { id } } } } }',
    { input },
  );
  groupId = claimed.data.claim.viewer.teams[0].groups[0].id;
});
afterAll(async () => {
  await server?.stop();
  await world?.stop();
});

const unique = () => `a${randomUUID().replaceAll('-', '').slice(0, 10)}`;

async function newApp(
  source: object = { git: { url: 'https://git.example.test/shop.git', branch: 'main' } },
) {
  const { data, message } = await ask(
    'mutation ($input: CreateAppInput!) { createApp(input: $input) { app { id } } }',
    {
      input: { groupId, name: unique(), source, deploy: false },
    },
  );
  expect(message).toBeUndefined();
  return data.createApp.app.id as string;
}

interface Hook {
  readonly id: string;
  readonly path: string;
  readonly secret: string;
}
async function newHook(appId: string, kind: string, rest: object = {}): Promise<Hook> {
  const { data, message } = await ask(
    'mutation ($input: WebhookInput!) { saveWebhook(input: $input) { webhook { id path } secret } }',
    { input: { appId, name: unique(), kind, ...rest } },
  );
  expect(message).toBeUndefined();
  const { webhook, secret } = data.saveWebhook;
  return { ...webhook, secret };
}

const pushBody = (over: object = {}) =>
  JSON.stringify({
    ref: 'refs/heads/main',
    after: randomUUID().replaceAll('-', ''),
    commits: [{ id: '1', message: 'Sell more', added: ['src/shop.ts'], modified: [], removed: [] }],
    ...over,
  });
const hmac = (secret: string, body: string) => createHmac('sha256', secret).update(body).digest('hex');

async function send(path: string, body: string, headers: Readonly<Record<string, string>> = {}) {
  const response = await fetch(`${server.url}${path}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
  const answer = (await response.json()) as {
    outcome?: string;
    message?: string;
    error?: string;
    operationId?: string;
  };
  return { status: response.status, ...answer };
}
const github = (hook: Hook, body: string, delivery: string = randomUUID()) =>
  send(hook.path, body, {
    'x-github-event': 'push',
    'x-github-delivery': delivery,
    'x-hub-signature-256': `sha256=${hmac(hook.secret, body)}`,
  });

async function deliveriesOf(appId: string) {
  const { data } = await ask(
    'query ($id: ID!) { app(id: $id) { webhooks { deliveries(first: 50) { outcome branch subject message operationId } } } }',
    { id: appId },
  );
  return data.app.webhooks.flatMap((hook: { deliveries: unknown[] }) => hook.deliveries) as {
    outcome: string;
    subject: string | null;
    message: string;
    operationId: string | null;
  }[];
}

/** Ends what the app does, as a builder would. */
async function endOperation(id: string, status: 'CANCELED' | 'SUCCEEDED') {
  await world.db.operation.update({ where: { id }, data: { status, finishedAt: new Date() } });
  await world.db.app.updateMany({ where: { activeOperationId: id }, data: { activeOperationId: null } });
}

function named<App extends { name: string }>(apps: readonly App[], name: string): App | undefined {
  return apps.find((one) => one.name === name);
}

test('each kind of sender deploys with its own signature, and is refused without it', async () => {
  const senders: [string, (hook: Hook, body: string) => [path: string, headers: Record<string, string>]][] = [
    [
      'GITHUB',
      (hook, body) => [
        hook.path,
        { 'x-github-event': 'push', 'x-hub-signature-256': `sha256=${hmac(hook.secret, body)}` },
      ],
    ],
    ['GITLAB', (hook) => [hook.path, { 'x-gitlab-event': 'Push Hook', 'x-gitlab-token': hook.secret }]],
    ['GITEE', (hook) => [hook.path, { 'x-gitee-event': 'Push Hook', 'x-gitee-token': hook.secret }]],
    [
      'GITEA',
      (hook, body) => [hook.path, { 'x-gitea-event': 'push', 'x-gitea-signature': hmac(hook.secret, body) }],
    ],
    [
      'GITEA',
      (hook, body) => [hook.path, { 'x-gogs-event': 'push', 'x-gogs-signature': hmac(hook.secret, body) }],
    ],
    ['GENERIC', (hook) => [hook.path, { authorization: `Bearer ${hook.secret}` }]],
    ['GENERIC', (hook, body) => [hook.path, { 'x-signature-256': hmac(hook.secret, body) }]],
  ];
  for (const [kind, sign] of senders) {
    const appId = await newApp();
    const hook = await newHook(appId, kind);
    const body = pushBody();
    expect(await send(hook.path, body), kind).toMatchObject({ status: 401 });
    const [path, headers] = sign({ ...hook, secret: 'f'.repeat(64) }, body);
    expect(await send(path, body, headers), kind).toMatchObject({ status: 401 });
    const answer = await send(...withBody(sign(hook, body), body));
    expect(answer, kind).toMatchObject({ status: 202, outcome: 'DEPLOYED' });
    const operation = await world.db.operation.findUnique({ where: { id: answer.operationId ?? '' } });
    expect(operation).toMatchObject({ kind: 'DEPLOY', appId });
    expect(operation?.actor).toMatch(/^webhook "/);
    expect((await deliveriesOf(appId)).map(({ outcome }) => outcome)).toEqual([
      'DEPLOYED',
      'REFUSED',
      'REFUSED',
    ]);
  }
});

test('a registry tells of a pushed image with the token in the address', async () => {
  const appId = await newApp({ image: { reference: 'registry.example.test/shop/web:2' } });
  const hook = await newHook(appId, 'IMAGE');
  expect(await send(hook.path, pushOf('2'))).toMatchObject({ status: 401 });
  expect(await send(`${hook.path}?token=guessed`, pushOf('2'))).toMatchObject({ status: 401 });
  expect(await send(`${hook.path}?token=${hook.secret}`, pushOf('3'))).toMatchObject({
    status: 200,
    outcome: 'IGNORED',
  });
  expect(await send(`${hook.path}?token=${hook.secret}`, pushOf('2'))).toMatchObject({
    status: 202,
    outcome: 'DEPLOYED',
  });
});

test('filters: branches, paths, markers, pings, broken bodies', async () => {
  const appId = await newApp();
  const hook = await newHook(appId, 'GITHUB', {
    branches: ['main', 'release/*'],
    paths: ['src/', '!**/*.md'],
  });
  const outcomeOf = async (over: object) => (await github(hook, pushBody(over))).outcome;
  expect(await outcomeOf({ ref: 'refs/heads/dev' })).toBe('IGNORED');
  expect(await outcomeOf(pushed('docs/a.ts'))).toBe('IGNORED');
  expect(await outcomeOf(pushed('src/a.md'))).toBe('IGNORED');
  expect(await outcomeOf({ head_commit: { message: 'Typo [skip ci]' } })).toBe('IGNORED');
  const ping = '{"zen":"x"}';
  const headers = { 'x-github-event': 'ping', 'x-hub-signature-256': `sha256=${hmac(hook.secret, ping)}` };
  expect(await send(hook.path, ping, headers)).toMatchObject({ status: 200, outcome: 'PING' });
  const broken = await github(hook, '{');
  expect(broken).toMatchObject({ status: 400, error: 'The body is no JSON object' });
  expect(await outcomeOf({ ref: 'refs/heads/release/1', ...pushed('README.md', 'src/a.ts') })).toBe(
    'DEPLOYED',
  );
});

test('a delivery is taken once, whatever its headers call it the second time', async () => {
  const appId = await newApp();
  const hook = await newHook(appId, 'GITHUB');
  const [body, delivery] = [pushBody(), randomUUID()];
  const both = await Promise.all([github(hook, body, delivery), github(hook, body, delivery)]);
  expect(new Set(both.map(({ outcome }) => outcome))).toEqual(new Set(['DEPLOYED', 'DUPLICATE']));
  expect(await github(hook, body, randomUUID())).toMatchObject({ status: 200, outcome: 'DUPLICATE' });
  expect(await world.db.operation.count({ where: { appId } })).toBe(1);
});

test('a delivery that failed may be sent again', async () => {
  const appId = await newApp();
  const hook = await newHook(appId, 'GITHUB');
  const [body, delivery] = [pushBody(), randomUUID()];
  await world.db.app.update({
    where: { id: appId },
    data: { greyVersionId: 'local.version.aaaaaaaaaaaaaaaa' },
  });
  const failed = await github(hook, body, delivery);
  expect(failed).toMatchObject({ status: 200, outcome: 'FAILED' });
  expect(failed.message).toMatch(/a grey release is under way; promote or abort it first$/);
  await world.db.app.update({ where: { id: appId }, data: { greyVersionId: null } });
  expect(await github(hook, body, delivery)).toMatchObject({ status: 202, outcome: 'DEPLOYED' });
});

test('a push while the app builds supersedes the older build, which says so', async () => {
  const appId = await newApp();
  const hook = await newHook(appId, 'GITHUB');
  const first = await github(hook, pushBody());
  // A builder has it; one that only waits would give way at once.
  await world.db.operation.update({ where: { id: first.operationId ?? '' }, data: { status: 'RUNNING' } });
  const second = await github(hook, pushBody({ head_commit: { message: 'second' } }));
  expect(second).toMatchObject({
    status: 202,
    outcome: 'WAITING',
    message: 'The older build is asked to stop',
  });
  const newest = pushBody({ after: 'abcdef0123456789', head_commit: { message: 'third' } });
  expect(await github(hook, newest)).toMatchObject({ status: 202, outcome: 'WAITING' });
  const old = await world.db.operation.findUniqueOrThrow({ where: { id: first.operationId ?? '' } });
  expect(old.cancelRequested).toBe(true);
  expect(old.cancelReason).toMatch(/^Superseded by a newer push of [0-9a-f]{8} to main$/);
  await endOperation(old.id, 'CANCELED');
  await expect
    .poll(() => world.db.operation.count({ where: { appId } }), { timeout: 60_000, interval: 200 })
    .toBe(2);
  const deliveries = await deliveriesOf(appId);
  expect(deliveries.map(({ outcome }) => outcome)).toEqual(['DEPLOYED', 'SUPERSEDED', 'DEPLOYED']);
  expect(deliveries[0]?.subject).toBe('third');
  expect(deliveries[1]?.message).toBe('a newer push of abcdef01 to main came before it could begin');
});

test('a push while the app rolls out waits, also over a restart of the API', async () => {
  const appId = await newApp();
  const hook = await newHook(appId, 'GITHUB');
  const { operationId = '' } = await github(hook, pushBody());
  await world.db.operationStep.updateMany({ where: { operationId }, data: { status: 'RUNNING' } });
  const second = await github(hook, pushBody());
  expect(second).toMatchObject({ outcome: 'WAITING', message: "It begins when the app's deploy has ended" });
  expect((await world.db.operation.findUnique({ where: { id: operationId } }))?.cancelRequested).toBe(false);
  await world.restartApi();
  await endOperation(operationId, 'SUCCEEDED');
  await expect
    .poll(async () => (await deliveriesOf(appId).catch(() => []))[0]?.outcome, {
      timeout: 60_000,
      interval: 200,
    })
    .toBe('DEPLOYED');
});

test('secrets are shown once, are stored sealed, and end when they are rotated', async () => {
  const appId = await newApp();
  const hook = await newHook(appId, 'GITHUB');
  const row = await world.db.webhook.findUniqueOrThrow({ where: { id: hook.id } });
  expect(JSON.stringify(row)).not.toContain(hook.secret);
  const rotated = await ask('mutation ($id: ID!) { rotateWebhookSecret(id: $id) { secret } }', {
    id: hook.id,
  });
  const { secret } = rotated.data.rotateWebhookSecret as { secret: string };
  expect(secret).not.toBe(hook.secret);
  expect(await github(hook, pushBody())).toMatchObject({ status: 401 });
  expect(await github({ ...hook, secret }, pushBody())).toMatchObject({ status: 202 });
  const again = await ask(
    'mutation ($input: WebhookInput!) { saveWebhook(input: $input) { secret webhook { enabled } } }',
    { input: { id: hook.id, appId, name: 'off', kind: 'GITHUB', enabled: false } },
  );
  expect(again.data.saveWebhook).toEqual({ secret: null, webhook: { enabled: false } });
  expect(await github({ ...hook, secret }, pushBody())).toMatchObject({ status: 409 });
  expect(
    (await ask('mutation ($id: ID!) { deleteWebhook(id: $id) }', { id: hook.id })).data.deleteWebhook,
  ).toBe(true);
  expect(await github({ ...hook, secret }, pushBody())).toMatchObject({ status: 404 });
});

test('other methods, unknown webhooks, floods and floods of bytes are turned away', async () => {
  const appId = await newApp();
  const hook = await newHook(appId, 'GITHUB');
  expect((await fetch(`${server.url}${hook.path}`)).status).toBe(400);
  for (const path of [
    'local.webhook.aaaaaaaaaaaaaaaa',
    'local.app.aaaaaaaaaaaaaaaa',
    'nowhere.webhook.aaaaaaaaaaaaaaaa',
    '..%2f',
    '',
  ])
    expect((await send(`/hooks/${path}`, '{}')).status, path).toBe(404);
  const large = await send(hook.path, 'x'.repeat((8 << 20) + 1)).catch(() => ({ status: 413 }));
  expect(large.status).toBe(413);
  const many = await Promise.all(Array.from({ length: 40 }, () => send(hook.path, '{}')));
  const statuses = new Set(many.map(({ status }) => status));
  expect(statuses).toEqual(new Set([401, 429]));
  // Strangers leave only some traces.
  expect((await deliveriesOf(appId)).length).toBeLessThanOrEqual(20);
});

const shop = (db: string) => `
services:
  web:
    build: { context: ./web, dockerfile: Dockerfile.prod, target: run, args: { V: "1" } }
    ports: ["8080:3000"]
    depends_on: { ${db}: { condition: service_healthy } }
    environment: { DB_PASSWORD: "\${PASSWORD:-dev}", DB_HOST: ${db} }
    volumes: ["files:/files"]
  ${db}:
    image: postgres:16
    environment: [POSTGRES_PASSWORD=x]
    entrypoint: [docker-entrypoint.sh]
    user: "999:999"
    working_dir: /var
    healthcheck: { test: [CMD, pg_isready], interval: 5s }
    volumes: ["data:/var/lib/postgresql/data", "./init.sql:/init.sql:ro", "files:/in:ro"]
volumes: { data: , files: }
`;
const document = `mutation ($input: ImportInput!, $choices: [ImportChoiceInput!], $deploy: Boolean) {
  importApps(input: $input, choices: $choices, deploy: $deploy) {
    notes { level }
    operations { id appName kind afterIds }
    apps {
      id name env { name value secret } ports { port protocol public } dependencies { app { name } }
      volumes { id name kind mountPath sourceId content }
      source { kind image url branch subdirectory }
      build { buildpack dockerfile target args { name value } }
      run { workload memoryMb entrypoint workingDir user probes { readiness { kind command periodSeconds } } }
    }
  }
}`;

test('a Compose file is previewed, then made whole, with volumes and dependencies between its apps', async () => {
  const [db, web] = [unique(), unique()];
  const files = [{ path: 'init.sql', content: 'SELECT ${1};' }];
  const source = { git: { url: 'https://git.example.test/shop.git', branch: 'main', subdirectory: 'code' } };
  const input = { groupId, compose: shop(db), files };
  const preview = async (more: object = {}) =>
    (
      await ask(
        'query ($input: ImportInput!) { previewImport(input: $input) { ready apps { name workload buildFrom env { name value } } notes { level line service message } } }',
        { input: { ...input, ...more } },
      )
    ).data.previewImport;
  const first = await preview();
  expect(first.ready).toBe(false);
  expect(first.notes).toContainEqual({
    level: 'ERROR',
    line: 3,
    service: 'web',
    message: 'It is built: give the Git address or the archive that the file lies in',
  });
  expect((await ask(document, { input })).message).toMatch(
    /^Cannot create the apps: line 3, web: It is built/,
  );
  const second = await preview({ source });
  expect(second.ready).toBe(true);
  expect(second.apps.map((app: { name: string; workload: string }) => [app.name, app.workload])).toEqual([
    [db, 'STATEFUL'],
    ['web', 'STATELESS'],
  ]);
  expect(second.apps[1].env).toContainEqual({ name: 'DB_PASSWORD', value: null });

  const choices = [{ service: 'web', name: web, memoryMb: 300 }];
  const made = await ask(document, { input: { ...input, source }, choices, deploy: true });
  expect(made.message).toBeUndefined();
  const [postgres, front] = made.data.importApps.apps;
  expect(postgres).toMatchObject({
    name: db,
    source: { kind: 'IMAGE', image: 'postgres:16' },
    run: {
      workload: 'STATEFUL',
      entrypoint: ['docker-entrypoint.sh'],
      workingDir: '/var',
      user: '999:999',
      probes: { readiness: { kind: 'COMMAND', command: ['pg_isready'], periodSeconds: 5 } },
    },
  });
  const kinds = postgres.volumes.map(
    ({ kind, mountPath }: { kind: string; mountPath: string }) => `${kind} ${mountPath}`,
  );
  expect(kinds.sort()).toEqual(['CONFIG_FILE /init.sql', 'LOCAL /var/lib/postgresql/data', 'SHARED /in']);
  expect(postgres.volumes.find(({ kind }: { kind: string }) => kind === 'CONFIG_FILE').content).toBe(
    'SELECT $${1};',
  );
  expect(front).toMatchObject({
    name: web,
    source: { kind: 'GIT', branch: 'main', subdirectory: 'code/web' },
    build: {
      buildpack: 'dockerfile',
      dockerfile: 'Dockerfile.prod',
      target: 'run',
      args: [{ name: 'V', value: '1' }],
    },
    ports: [{ port: 3000, protocol: 'HTTP', public: true }],
    dependencies: [{ app: { name: db } }],
    run: { memoryMb: 300 },
  });
  const shared = postgres.volumes.find(({ kind }: { kind: string }) => kind === 'SHARED');
  expect(front.volumes).toMatchObject([{ kind: 'APP', mountPath: '/files', sourceId: shared.id }]);
  const operations = made.data.importApps.operations;
  expect(operations.map(({ appName }: { appName: string }) => appName)).toEqual([db, web]);
  expect(operations[1].afterIds).toEqual([operations[0].id]);
});

test('a group is exported as a template and made again from it, under other names', async () => {
  const [db, web, again] = [unique(), unique(), unique()];
  const team = await ask('query ($id: ID!) { group(id: $id) { team { id } } }', { id: groupId });
  const newGroup = async () => {
    const { data } = await ask('mutation ($input: CreateGroupInput!) { createGroup(input: $input) { id } }', {
      input: { teamId: team.data.group.team.id, name: unique() },
    });
    return data.createGroup.id as string;
  };
  const [from, to] = [await newGroup(), await newGroup()];
  const exported = (id: string) => ask('query ($id: ID!) { exportTemplate(groupId: $id) }', { id });
  expect((await exported(from)).message).toBe('Cannot export the group: it has no apps');
  const source = { git: { url: 'https://git.example.test/shop.git', branch: 'main' } };
  const files = [{ path: 'init.sql', content: 'SELECT ${1};' }];
  const compose = { groupId: from, compose: shop(db), files, source };
  const made = await ask(document, {
    input: compose,
    choices: [{ service: 'web', name: web }],
    deploy: false,
  });
  expect(made.message).toBeUndefined();
  const { data, message } = await exported(from);
  expect(message).toBeUndefined();
  const template = data.exportTemplate as string;
  expect(template).toMatch(/^skyarc: template\/1\n/);
  expect(template).not.toMatch(/\bid:|PASSWORD\n\s+value/);

  const input = { groupId: to, template, variables: [{ name: 'DB_PASSWORD', value: 's' }] };
  const secrets = template.match(/name: POSTGRES_PASSWORD/)
    ? [{ name: 'POSTGRES_PASSWORD', value: 'p' }]
    : [];
  const whole = { ...input, variables: [...input.variables, ...secrets] };
  const look = async (asked: object) =>
    (
      await ask(
        'query ($input: ImportInput!) { previewImport(input: $input) { ready apps { name workload buildFrom } notes { level service message } } }',
        { input: asked },
      )
    ).data.previewImport;
  expect((await look({ ...whole, variables: [] })).notes).toContainEqual({
    level: 'ERROR',
    service: web,
    message: 'The variable DB_PASSWORD has no value: give it one beside the template',
  });
  const preview = await look(whole);
  expect(preview.ready).toBe(true);
  expect(preview.notes).toContainEqual(expect.objectContaining({ level: 'WARNING', service: web }));
  const choices = [
    { service: web, name: `${web}2` },
    { service: db, name: again },
  ];
  const copy = await ask(document, { input: whole, choices, deploy: false });
  expect(copy.message).toBeUndefined();
  const bare = (app: unknown) => {
    const text = JSON.stringify(app).replaceAll(/"(?:id|sourceId)":"[^"]+"/g, '"id":""');
    return JSON.parse(text.replaceAll(again, db).replaceAll(`${web}2`, web)) as object;
  };
  const [first, second] = [made.data.importApps.apps, copy.data.importApps.apps];
  for (const [old, name] of [
    [web, `${web}2`],
    [db, again],
  ] as const)
    expect(bare(named(second, name))).toEqual(bare(named(first, old)));
});

test('all apps or none: a name that is taken and a value that is refused leave nothing behind', async () => {
  const [one, two] = [unique(), unique()];
  expect((await makeAll([one])).message).toBeUndefined();
  expect((await makeAll([two, one])).message).toBe(
    `Cannot create the apps: "${one}" is taken in team "blue"`,
  );
  expect((await makeAll([two], [{ service: two, memoryMb: 1 }])).message).toMatch(/memoryMb/);
  expect((await makeAll([two], [{ service: 'lost' }])).message).toMatch(/there is no service "lost"/);
  expect(await world.db.app.count({ where: { name: two } })).toBe(0);
  const both = await Promise.all([makeAll([two]), makeAll([two])]);
  expect(both.filter(({ message }) => message === undefined)).toHaveLength(1);
  expect(await world.db.app.count({ where: { name: two } })).toBe(1);
});

test('a docker run line becomes an app', async () => {
  const name = unique();
  const dockerRun = `docker run -d --name ${name} -p 8080:80 -e A=1 -m 64m nginx:1.27 nginx -g 'daemon off;'`;
  const { data, message } = await ask(document, { input: { groupId, dockerRun }, deploy: false });
  expect(message).toBeUndefined();
  expect(data.importApps.apps[0]).toMatchObject({
    name,
    source: { image: 'nginx:1.27' },
    ports: [{ port: 80, public: true }],
    run: { memoryMb: 64 },
  });
});

function withBody([path, headers]: [string, Record<string, string>], body: string) {
  return [path, body, headers] as const;
}

/** What a registry tells of a pushed tag. */
function pushOf(tag: string): string {
  return JSON.stringify({
    events: [{ id: randomUUID(), action: 'push', target: { repository: 'shop/web', tag } }],
  });
}

function pushed(...added: string[]) {
  return { commits: [{ message: 'x', added, modified: [], removed: [] }] };
}

function composeOf(names: readonly string[]): string {
  return `services:\n${names.map((name) => `  ${name}: {image: shop/x:1}`).join('\n')}`;
}

function makeAll(names: readonly string[], choices: object[] = []) {
  return ask(document, { input: { groupId, compose: composeOf(names) }, choices, deploy: false });
}
