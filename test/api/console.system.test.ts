import { join } from 'node:path';
import { mkdir, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { newId, streamOf } from '@skyarc/lib/contracts';
import { type RunningServer, start as startServer } from '@skyarc/server';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type DataCenterWorld, startDataCenter, uploadsOf } from './world.ts';

interface Answer {
  readonly status: number;
  // What a test reads of an answer is its own affair.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly data: any;
  readonly errors: { message: string; path?: unknown[]; extensions: { code: string } }[];
  readonly cookie: string;
}

const password = 'correct horse battery';
let world: DataCenterWorld;
let server: RunningServer;
let claimToken: string;
/** Cookies of the owner of team blue (the administrator), of team red's owner, and of blue's viewer. */
let ann: string;
let bob: string;
let vic: string;
let blueId: string;
let redId: string;
let groupId: string;
let appId: string;
let operationId: string;
let buildId: string;
/** Of team blue. */
let owned: {
  plugin: string;
  certificate: string;
  configSet: string;
  webhook: string;
  registry: string;
  examination: string;
  upload: string;
  version: string;
};

async function ask(
  query: string,
  variables: object = {},
  as: { readonly cookie?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Answer> {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(as.cookie ? { cookie: as.cookie } : {}),
      ...as.headers,
    },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors = [] } = (await response.json()) as Partial<Answer>;
  const cookie = response.headers.getSetCookie()[0]?.split(';', 1)[0] ?? '';
  return { status: response.status, data: data ?? null, errors, cookie };
}

async function login(email: string, withPassword = password): Promise<Answer> {
  return ask('mutation ($input: LoginInput!) { login(input: $input) { viewer { user { name } } } }', {
    input: { email, password: withPassword },
  });
}

function connect(options: { cookie?: string; authorization?: string; origin?: string }) {
  return createClient({
    url: `${server.url.replace('http', 'ws')}/graphql`,
    retryAttempts: 0,
    connectionParams: options.authorization ? { authorization: options.authorization } : {},
    webSocketImpl: class extends WebSocket {
      constructor(address: string, protocols: string[]) {
        super(address, protocols, {
          headers: options.cookie ? { cookie: options.cookie } : {},
          ...(options.origin ? { origin: options.origin } : {}),
        });
      }
    },
  });
}

beforeAll(async () => {
  world = await startDataCenter({ etcd: 20_530, etcdPeer: 20_531, api: 20_532 }, uploadsOf());
  const samples = join(world.folder, 'samples');
  await mkdir(join(samples, 'hello'), { recursive: true });
  await writeFile(
    join(samples, 'hello', 'template.json'),
    JSON.stringify({
      name: 'hello',
      title: 'Hello',
      description: 'Says hello',
      language: 'Node.js',
      memoryMb: 128,
    }),
  );
  const webRoot = join(world.folder, 'web');
  await mkdir(join(webRoot, '_next/static'), { recursive: true });
  await writeFile(join(webRoot, 'index.html'), '<html><script>run()</script></html>');
  await writeFile(join(webRoot, 'apps.html'), 'apps');
  await writeFile(join(webRoot, '404.html'), 'nothing here');
  await writeFile(join(webRoot, '_next/static/a.js'), 'a()');
  server = await startServer({
    port: 20_533,
    statusPort: 20_534,
    databaseFile: join(world.folder, 'console.db'),
    tls: { ca: world.authority.cert, ...world.console },
    dataCenters: [{ name: 'local', displayName: 'Here', apiUrl: world.api.url }],
    samplesFolder: samples,
    webRoot,
    recheckMs: 300,
    attemptsPerMinute: 30,
  });
  claimToken = server.claimToken ?? '';
});
afterAll(async () => {
  await server?.stop();
  await world?.stop();
});

const claimDocument = `mutation ($input: ClaimInput!) {
  claim(input: $input) { viewer { user { name admin } teams { id name role groups { id name } apps { id } } } }
}`;

test('a new installation is claimed once, by the one who has the token', async () => {
  const input = { token: claimToken, name: 'Ann', email: 'Ann@Example.test', password, teamName: 'blue' };
  expect((await ask('{ installation { claimed } }')).data.installation.claimed).toBe(false);
  expect(
    (await ask(claimDocument, { input: { ...input, token: 'guessed' } })).errors[0]?.extensions.code,
  ).toBe('FORBIDDEN');
  expect((await ask(claimDocument, { input: { ...input, password: 'short' } })).errors[0]?.message).toBe(
    'Cannot claim this installation: password: A password has at least 10 characters',
  );
  const claims = await Promise.all([ask(claimDocument, { input }), ask(claimDocument, { input })]);
  const won = claims.filter((one) => one.errors.length === 0);
  expect(won).toHaveLength(1);
  const [team] = won[0]?.data.claim.viewer.teams ?? [];
  expect(team).toMatchObject({ name: 'blue', role: 'OWNER', groups: [{ name: 'default' }], apps: [] });
  ann = won[0]?.cookie ?? '';
  blueId = team.id;
  groupId = team.groups[0].id;
  expect((await ask('{ installation { claimed } }')).data.installation.claimed).toBe(true);
});

test('an administrator makes users, a user makes a team, an owner lets others in', async () => {
  for (const name of ['bob', 'vic']) {
    const input = { name, email: `${name}@example.test`, password };
    const document = 'mutation ($input: CreateUserInput!) { createUser(input: $input) { id } }';
    expect((await ask(document, { input }, { cookie: ann })).errors).toEqual([]);
  }
  bob = (await login('BOB@example.test')).cookie;
  vic = (await login('vic@example.test')).cookie;
  const made = await ask(
    'mutation { createTeam(input: { name: "red" }) { id role members { role user { name } } } }',
    {},
    { cookie: bob },
  );
  expect(made.data.createTeam).toMatchObject({
    role: 'OWNER',
    members: [{ role: 'OWNER', user: { name: 'bob' } }],
  });
  redId = made.data.createTeam.id;
  const setMember = `mutation ($input: SetMemberInput!) { setMember(input: $input) { members { role user { email } } } }`;
  const input = { teamId: blueId, email: 'vic@example.test', role: 'VIEWER' };
  expect((await ask(setMember, { input }, { cookie: ann })).data.setMember.members).toHaveLength(2);
  const alone = await ask(
    setMember,
    { input: { teamId: redId, email: 'bob@example.test', role: 'VIEWER' } },
    { cookie: bob },
  );
  expect(alone.errors[0]).toMatchObject({
    message: 'Cannot set the member: team "red" would have no owner',
    extensions: { code: 'CONFLICT' },
  });
});

test('an app is made, deployed and read through the graph', async () => {
  const made = await ask(
    `mutation ($input: CreateAppInput!) {
      createApp(input: $input) {
        app { id name state team { name } group { name } dataCenter { name displayName } log { lines { text } } }
        operation { id kind status build { id number app { name } } team { name } }
      }
    }`,
    { input: { groupId, name: 'shop', source: { template: 'hello' } } },
    { cookie: ann },
  );
  expect(made.errors).toEqual([]);
  expect(made.data.createApp).toMatchObject({
    app: {
      name: 'shop',
      state: 'STARTING',
      team: { name: 'blue' },
      group: { name: 'default' },
      dataCenter: { name: 'local', displayName: 'Here' },
      log: { lines: [] },
    },
    operation: {
      kind: 'DEPLOY',
      status: 'QUEUED',
      build: { number: 1, app: { name: 'shop' } },
      team: { name: 'blue' },
    },
  });
  appId = made.data.createApp.app.id;
  operationId = made.data.createApp.operation.id;
  buildId = made.data.createApp.operation.build.id;
  const second = await ask(
    'mutation ($id: ID!) { deployApp(id: $id) { id } }',
    { id: appId },
    { cookie: ann },
  );
  expect(second.errors[0]).toMatchObject({ extensions: { code: 'CONFLICT', details: { operationId } } });
});

test('a team has plug-ins, certificates, shared configuration and limits', async () => {
  const save = async (field: string, type: string, input: object, answer: string) => {
    const made = await ask(
      `mutation ($input: ${type}!) { ${field}(input: $input) ${answer} }`,
      { input },
      { cookie: ann },
    );
    expect(made.errors).toEqual([]);
    return made.data[field];
  };
  const { id: plugin } = await save(
    'savePlugin',
    'PluginInput',
    { teamId: blueId, name: 'proxy', kind: 'SIDE_CAR', image: 'envoy:1', fields: [{ name: 'LEVEL' }] },
    '{ id dataCenter { name } versions { number } apps { id } }',
  );
  const pair = await world.authority.issue({
    commonName: 'shop',
    usage: 'server',
    names: ['shop.example.test'],
  });
  const { id: certificate } = await save(
    'uploadCertificate',
    'CertificateInput',
    { teamId: blueId, name: 'shop', chain: pair.cert, privateKey: pair.key },
    '{ id hosts status dataCenter { name } }',
  );
  const { configSet } = await save(
    'saveConfigSet',
    'ConfigSetInput',
    { groupId, name: 'common', entries: [{ name: 'ZONE', value: 'eu' }], appIds: [appId] },
    '{ configSet { id apps { name } } operations { id } }',
  );
  expect(configSet.apps).toEqual([{ name: 'shop' }]);
  const { webhook } = await save(
    'saveWebhook',
    'WebhookInput',
    { appId, name: 'push', kind: 'GITHUB' },
    '{ webhook { id } }',
  );
  const { id: registry } = await save(
    'saveRegistryCredential',
    'RegistryCredentialInput',
    { teamId: blueId, host: 'registry.example.test', username: 'ann', password: 'hidden-away' },
    '{ id host username dataCenter { name } }',
  );
  const { id: examination } = await save(
    'examineSource',
    'ExamineSourceInput',
    { teamId: blueId, source: { template: 'hello' } },
    '{ id status log }',
  );
  const { id: upload } = await save(
    'createUpload',
    'CreateUploadInput',
    { teamId: blueId, fileName: 'shop.zip' },
    '{ id url }',
  );
  const [build, version] = [newId('local', 'build'), newId('local', 'version')];
  await world.db.build.create({ data: { id: build, appId, number: 0, status: 'SUCCEEDED' } });
  const image = 'blue/shop@sha256:0';
  const row = { id: version, appId, buildId: build, number: 0, image, sizeBytes: 1n };
  await world.db.version.create({ data: row });
  owned = {
    plugin,
    certificate,
    configSet: configSet.id,
    webhook: webhook.id,
    registry,
    examination,
    upload,
    version,
  };
  const quota = await save('setQuota', 'QuotaInput', { teamId: blueId, apps: 9 }, '{ apps { limit used } }');
  expect(quota.apps).toEqual({ limit: 9, used: 1 });
  const read = await ask(
    `query ($id: ID!) {
      team(name: "blue") {
        registryCredentials { host username }
        plugins { name } certificates { name hosts routeIds } l4Ports { first routes { id } }
        quotas { teamName dataCenter { name } team { name } apps { limit } }
        groups { configSets { name entries { name value } apps { id } } }
      }
      quotas { teamName }
      dataCenters { settings { cpuRequestPercent acmeDirectoryUrl } storageClasses { name } }
      app(id: $id) { configSetIds effectiveEnv { name value origin originName } scalings { at } jobRuns { id } traffic { host } dependents { id } }
    }`,
    { id: appId },
    { cookie: ann },
  );
  expect(read.errors).toEqual([]);
  expect(read.data.team).toMatchObject({
    registryCredentials: [{ host: 'registry.example.test', username: 'ann' }],
    plugins: [{ name: 'proxy' }],
    certificates: [{ name: 'shop', hosts: ['shop.example.test'], routeIds: [] }],
    quotas: [{ teamName: 'blue', dataCenter: { name: 'local' }, team: { name: 'blue' }, apps: { limit: 9 } }],
    groups: [{ configSets: [{ name: 'common', entries: [{ value: 'eu' }], apps: [{ id: appId }] }] }],
  });
  expect(read.data.app.effectiveEnv).toContainEqual({
    name: 'ZONE',
    value: 'eu',
    origin: 'CONFIG_SET',
    originName: 'common',
  });
});

/** Every root field as somebody who may not: what is asked, with what. */
const everything = (): Record<string, string> => ({
  'Query.installation': '',
  'Query.viewer': '',
  'Query.team': '{ team(name: "blue") { id } }',
  'Query.group': `{ group(id: "${groupId}") { id } }`,
  'Query.app': `{ app(id: "${appId}") { id env { value } log { lines { text } } } }`,
  'Query.operation': `{ operation(id: "${operationId}") { id log { lines { text } } } }`,
  'Query.build': `{ build(id: "${buildId}") { id log { lines { text } } } }`,
  'Query.explainRequest': `{ explainRequest(teamId: "${blueId}", input: { url: "http://shop.test/" }) { reasons } }`,
  'Query.previewImport': `{ previewImport(input: { groupId: "${groupId}", dockerRun: "docker run x" }) { ready } }`,
  'Query.exportTemplate': `{ exportTemplate(groupId: "${groupId}") }`,
  'Query.examination': `{ examination(id: "${owned.examination}") { id log } }`,
  'Query.upload': `{ upload(id: "${owned.upload}") { id fileName } }`,
  'Query.quotas': '{ quotas { teamName apps { used } } }',
  'Query.dataCenters': '{ dataCenters { settings { allowPrivateSources } } }',
  'Query.templates': '',
  'Mutation.claim': `mutation { claim(input: { token: "x", name: "x", email: "x@x.x", password: "0123456789", teamName: "x" }) { viewer { user { id } } } }`,
  'Mutation.login':
    'mutation { login(input: { email: "ann@example.test", password: "wrong" }) { viewer { user { id } } } }',
  'Mutation.logout': '',
  'Mutation.changePassword':
    'mutation { changePassword(input: { currentPassword: "wrong", newPassword: "0123456789" }) }',
  'Mutation.createApiToken': '',
  'Mutation.revokeApiToken': 'mutation { revokeApiToken(id: "x") }',
  'Mutation.createUser':
    'mutation { createUser(input: { name: "x", email: "x@x.x", password: "0123456789" }) { id } }',
  'Mutation.createTeam': '',
  'Mutation.setMember': `mutation { setMember(input: { teamId: "${blueId}", email: "bob@example.test", role: OWNER }) { id } }`,
  'Mutation.removeMember': `mutation { removeMember(teamId: "${blueId}", userId: "x") { id } }`,
  'Mutation.createGroup': `mutation { createGroup(input: { teamId: "${blueId}", name: "x" }) { id } }`,
  'Mutation.updateGroup': `mutation { updateGroup(id: "${groupId}", input: { name: "x" }) { id } }`,
  'Mutation.deleteGroup': `mutation { deleteGroup(id: "${groupId}") }`,
  'Mutation.createApp': `mutation { createApp(input: { groupId: "${groupId}", name: "x", source: { template: "hello" } }) { app { id } } }`,
  'Mutation.updateApp': `mutation { updateApp(id: "${appId}", input: { displayName: "x" }) { app { id } } }`,
  'Mutation.deployApp': `mutation { deployApp(id: "${appId}") { id } }`,
  'Mutation.rebaseApp': `mutation { rebaseApp(id: "${appId}") { id } }`,
  'Mutation.createSlugDownload': `mutation { createSlugDownload(versionId: "${owned.version}") { url } }`,
  'Mutation.startApp': `mutation { startApp(id: "${appId}") { id } }`,
  'Mutation.stopApp': `mutation { stopApp(id: "${appId}") { id } }`,
  'Mutation.restartApp': `mutation { restartApp(id: "${appId}") { id } }`,
  'Mutation.rollbackApp': `mutation { rollbackApp(id: "${appId}", versionId: "x") { id } }`,
  'Mutation.scaleApp': `mutation { scaleApp(id: "${appId}", replicas: 2) { id } }`,
  'Mutation.deleteApp': `mutation { deleteApp(id: "${appId}") { id } }`,
  'Mutation.runApp': `mutation { runApp(id: "${appId}") { id } }`,
  'Mutation.startGreyRelease': `mutation { startGreyRelease(id: "${appId}", versionId: "x", input: { percent: 10 }) { id } }`,
  'Mutation.updateGreyRelease': `mutation { updateGreyRelease(id: "${appId}", input: { percent: 10 }) { app { id } } }`,
  'Mutation.promoteGreyRelease': `mutation { promoteGreyRelease(id: "${appId}") { id } }`,
  'Mutation.abortGreyRelease': `mutation { abortGreyRelease(id: "${appId}") { id } }`,
  'Mutation.startGroup': `mutation { startGroup(groupId: "${groupId}") { id } }`,
  'Mutation.stopGroup': `mutation { stopGroup(groupId: "${groupId}") { id } }`,
  'Mutation.restartGroup': `mutation { restartGroup(groupId: "${groupId}") { id } }`,
  'Mutation.deployGroup': `mutation { deployGroup(groupId: "${groupId}") { id } }`,
  'Mutation.saveConfigSet': `mutation { saveConfigSet(input: { groupId: "${groupId}", name: "x", entries: [], appIds: [] }) { configSet { id } } }`,
  'Mutation.deleteConfigSet': `mutation { deleteConfigSet(id: "${owned.configSet}") { id } }`,
  'Mutation.savePlugin': `mutation { savePlugin(input: { teamId: "${blueId}", name: "x", kind: INIT, image: "x" }) { id } }`,
  'Mutation.deletePlugin': `mutation { deletePlugin(id: "${owned.plugin}") }`,
  'Mutation.uploadCertificate': `mutation { uploadCertificate(input: { teamId: "${blueId}", name: "x", chain: "x", privateKey: "x" }) { id } }`,
  'Mutation.orderCertificate': `mutation { orderCertificate(input: { teamId: "${blueId}", name: "x", hosts: ["x.test"] }) { id } }`,
  'Mutation.renewCertificate': `mutation { renewCertificate(id: "${owned.certificate}") { id } }`,
  'Mutation.deleteCertificate': `mutation { deleteCertificate(id: "${owned.certificate}") }`,
  'Mutation.importApps': `mutation { importApps(input: { groupId: "${groupId}", dockerRun: "docker run x" }) { apps { id } } }`,
  'Mutation.saveWebhook': `mutation { saveWebhook(input: { appId: "${appId}", name: "x", kind: GENERIC }) { secret } }`,
  'Mutation.rotateWebhookSecret': `mutation { rotateWebhookSecret(id: "${owned.webhook}") { secret } }`,
  'Mutation.deleteWebhook': `mutation { deleteWebhook(id: "${owned.webhook}") }`,
  'Mutation.examineSource': `mutation { examineSource(input: { teamId: "${blueId}", source: { template: "hello" } }) { id } }`,
  'Mutation.createUpload': `mutation { createUpload(input: { teamId: "${blueId}", fileName: "x.zip" }) { url } }`,
  'Mutation.saveRegistryCredential': `mutation { saveRegistryCredential(input: { teamId: "${blueId}", host: "x.test", username: "x", password: "x" }) { id } }`,
  'Mutation.deleteRegistryCredential': `mutation { deleteRegistryCredential(id: "${owned.registry}") }`,
  'Mutation.setQuota': `mutation { setQuota(input: { teamId: "${blueId}", apps: 1 }) { teamName } }`,
  'Query.terminalRecording': '{ terminalRecording(id: "local.terminal.aaaaaaaaaaaaaaaa") { text } }',
  'Mutation.openTerminal': `mutation { openTerminal(input: { appId: "${appId}" }) { token } }`,
  'Mutation.resumeTerminal': 'mutation { resumeTerminal(id: "local.terminal.aaaaaaaaaaaaaaaa") { token } }',
  'Mutation.closeTerminal': 'mutation { closeTerminal(id: "local.terminal.aaaaaaaaaaaaaaaa") }',
  'Mutation.deleteTerminalRecording':
    'mutation { deleteTerminalRecording(id: "local.terminal.aaaaaaaaaaaaaaaa") { id } }',
  'Mutation.cancelOperation': `mutation { cancelOperation(id: "${operationId}") { id } }`,
  'Mutation.updateDataCenter':
    'mutation { updateDataCenter(name: "local", input: { allowPrivateSources: true }) { name } }',
  'Mutation.replayDeadLetters': 'mutation { replayDeadLetters(dataCenter: "local", topic: "build") }',
  'Mutation.discardDeadLetters': 'mutation { discardDeadLetters(dataCenter: "local", topic: "build") }',
  'Mutation.updateQueueTopic':
    'mutation { updateQueueTopic(dataCenter: "local", name: "build", limits: {}) { name } }',
  'Mutation.deleteQueueGroup':
    'mutation { deleteQueueGroup(dataCenter: "local", topic: "build", name: "x") }',
  'Mutation.createLogDownload': `mutation { createLogDownload(source: { kind: APP, id: "${appId}" }) { url } }`,
  'Query.logOutputs': `{ logOutputs(teamId: "${blueId}") { id } }`,
  'Mutation.saveLogOutput': `mutation { saveLogOutput(input: { teamId: "${blueId}", name: "x", kind: LOKI, url: "https://logs.example.test" }) { id } }`,
  'Mutation.deleteLogOutput': `mutation { deleteLogOutput(id: "local.logoutput.aaaaaaaaaaaaaaaa", teamId: "${blueId}") }`,
  'Query.metrics': `{ metrics(input: { subject: APP, id: "${appId}", charts: [CPU], from: "2026-01-01T00:00:00Z", to: "2026-01-01T01:00:00Z" }) { warnings } }`,
  'Query.queryMetrics': `{ queryMetrics(input: { teamId: "${blueId}", expression: "up", from: "2026-01-01T00:00:00Z", to: "2026-01-01T01:00:00Z" }) { warnings } }`,
  'Query.alerts': `{ alerts(teamId: "${blueId}") { id } }`,
  'Query.alertRules': `{ alertRules(teamId: "${blueId}") { id } }`,
  'Query.alertReceivers': `{ alertReceivers(teamId: "${blueId}") { id } }`,
  'Query.silences': `{ silences(teamId: "${blueId}") { id } }`,
  'Query.messages': '{ messages { items { id } } }',
  'Query.unreadMessages': '{ unreadMessages }',
  'Mutation.setMetricsEndpoint': `mutation { setMetricsEndpoint(appId: "${appId}", port: 80, path: "/metrics") { port } }`,
  'Mutation.saveAlertRule': `mutation { saveAlertRule(input: { teamId: "${blueId}", name: "X", expression: "up == 0" }) { id } }`,
  'Mutation.deleteAlertRule': `mutation { deleteAlertRule(id: "local.alertrule.aaaaaaaaaaaaaaaa", teamId: "${blueId}") }`,
  'Mutation.saveAlertReceiver': `mutation { saveAlertReceiver(input: { teamId: "${blueId}", name: "x", kind: WEBHOOK, url: "https://x.test/" }) { id } }`,
  'Mutation.deleteAlertReceiver': `mutation { deleteAlertReceiver(id: "local.receiver.aaaaaaaaaaaaaaaa", teamId: "${blueId}") }`,
  'Mutation.testAlertReceiver': `mutation { testAlertReceiver(id: "local.receiver.aaaaaaaaaaaaaaaa", teamId: "${blueId}") }`,
  'Mutation.createSilence': `mutation { createSilence(input: { teamId: "${blueId}", matchers: [], minutes: 5, comment: "x" }) { id } }`,
  'Mutation.endSilence': `mutation { endSilence(id: "x", teamId: "${blueId}") }`,
  'Mutation.markMessagesRead': 'mutation { markMessagesRead }',
  'Mutation.setMesh': `mutation { setMesh(id: "${appId}", input: { rules: [] }) { app { id } } }`,
  'Mutation.cordonNode': 'mutation { cordonNode(dataCenter: "local", name: "x") { name } }',
  'Mutation.uncordonNode': 'mutation { uncordonNode(dataCenter: "local", name: "x") { name } }',
  'Mutation.drainNode': 'mutation { drainNode(dataCenter: "local", name: "x") { name } }',
  'Mutation.updateNode': 'mutation { updateNode(dataCenter: "local", name: "x", input: {}) { name } }',
  'Subscription.appChanged': `subscription { appChanged(id: "${appId}") { id } }`,
  'Subscription.operationChanged': `subscription { operationChanged(id: "${operationId}") { id } }`,
  'Subscription.teamOperationsChanged': `subscription { teamOperationsChanged(teamId: "${blueId}") { id } }`,
  'Subscription.logLines': `subscription { logLines(source: { kind: BUILD, id: "${buildId}" }) { lines { text } } }`,
});

/** Open to everybody, or to everybody who is logged in: nothing of a team is behind them. */
const open = new Set([
  'Query.installation',
  'Query.viewer',
  'Query.templates',
  'Mutation.logout',
  'Mutation.createApiToken',
  'Mutation.createTeam',
]);

/** Of the viewer's own teams: who is in another one sees that there is nothing. */
const ownAlone = new Set(['Query.messages', 'Query.unreadMessages', 'Mutation.markMessagesRead']);
const isNothing = (value: unknown): boolean =>
  value === null || value === 0 || JSON.stringify(value) === '{"items":[]}';

async function saveReceiver(given: object) {
  const input = { teamId: blueId, name: 'somebody', kind: 'MAIL', ...given };
  const document = `mutation ($input: AlertReceiverInput!) {
    saveAlertReceiver(input: $input) { id hasSecret language mail { host } }
  }`;
  const { errors, data } = await ask(document, { input }, { cookie: ann });
  expect(errors).toEqual([]);
  return data.saveAlertReceiver;
}

test('a receiver of alerts says whether it has a secret, and keeps it for the same place alone', async () => {
  const mail = { host: 'mail.example.test', from: 'a@example.test', to: ['b@example.test'] };
  const { id, ...open } = await saveReceiver({ mail });
  expect(open).toEqual({ hasSecret: false, language: 'EN', mail: { host: 'mail.example.test' } });
  expect(await saveReceiver({ id, mail, password: 'secret', language: 'ZH' })).toMatchObject({
    hasSecret: true,
    language: 'ZH',
  });
  expect(await saveReceiver({ id, mail })).toMatchObject({ hasSecret: true });
  expect(await saveReceiver({ id, mail: { ...mail, host: 'other.example.test' } })).toMatchObject({
    hasSecret: false,
  });
  const hook = await saveReceiver({ kind: 'WEBHOOK', url: 'https://hook.example.test/' });
  expect(hook.hasSecret).toBe(true);
  for (const one of [id, hook.id]) {
    const gone = `mutation ($id: ID!, $teamId: ID) { deleteAlertReceiver(id: $id, teamId: $teamId) }`;
    expect((await ask(gone, { id: one, teamId: blueId }, { cookie: ann })).errors).toEqual([]);
  }
});

test('whatever a stranger or another team asks, they get nothing', async () => {
  const schema = await ask('{ __schema { types { name fields { name } } } }', {}, { cookie: ann });
  const roots = schema.data.__schema.types
    .filter((type: { name: string }) => ['Query', 'Mutation', 'Subscription'].includes(type.name))
    .flatMap((type: { name: string; fields: { name: string }[] }) =>
      type.fields.map((field) => `${type.name}.${field.name}`),
    );
  const table = everything();
  expect(Object.keys(table).toSorted()).toEqual(roots.toSorted());
  for (const [name, cookie] of [
    ['a stranger', undefined],
    ['another team', bob],
  ] as const) {
    for (const [field, query] of Object.entries(table)) {
      if (open.has(field)) continue;
      const answer = field.startsWith('Subscription')
        ? await firstEvent(query, cookie)
        : await ask(query, {}, { cookie });
      const codes = answer.errors.map((error) => error.extensions.code);
      const values = Object.values((answer.data ?? {}) as object);
      const isOwn = cookie !== undefined && ownAlone.has(field);
      const isEmpty = values.every((value) => (isOwn ? isNothing(value) : value === null));
      const isHiddenSetting =
        field === 'Query.dataCenters' && cookie && answer.data.dataCenters[0].settings === null;
      expect(isEmpty || isHiddenSetting, `${name} got ${field}: ${JSON.stringify(answer)}`).toBe(true);
      for (const code of codes)
        expect(['UNAUTHENTICATED', 'FORBIDDEN', 'NOT_FOUND', 'CONFLICT']).toContain(code);
      if (!field.startsWith('Query') && !isOwn) expect(codes, `${name}, ${field}`).toHaveLength(1);
    }
  }
  const operations = await world.db.operation.count({ where: { appId } });
  expect(operations).toBe(1);
});

async function firstEvent(query: string, cookie: string | undefined): Promise<Answer> {
  const client = connect({ cookie });
  try {
    for await (const result of client.iterate({ query })) {
      return { status: 0, data: result.data ?? null, errors: (result.errors ?? []) as never, cookie: '' };
    }
    throw new Error('the subscription ended without an answer');
  } catch (errors) {
    return { status: 0, data: null, errors: errors as never, cookie: '' };
  } finally {
    void client.dispose();
  }
}

test('a viewer of the team looks, and changes nothing', async () => {
  const seen = await ask(`{ app(id: "${appId}") { name state } }`, {}, { cookie: vic });
  expect(seen.data.app.name).toBe('shop');
  for (const change of [
    'Mutation.deployApp',
    'Mutation.rebaseApp',
    'Mutation.createSlugDownload',
    'Mutation.createApp',
    'Mutation.setMember',
    'Mutation.createGroup',
    'Mutation.updateApp',
    'Mutation.runApp',
    'Mutation.startGreyRelease',
    'Mutation.updateGreyRelease',
    'Mutation.promoteGreyRelease',
    'Mutation.abortGreyRelease',
    'Mutation.startGroup',
    'Mutation.stopGroup',
    'Mutation.restartGroup',
    'Mutation.deployGroup',
    'Mutation.saveConfigSet',
    'Mutation.deleteConfigSet',
    'Mutation.savePlugin',
    'Mutation.deletePlugin',
    'Mutation.uploadCertificate',
    'Mutation.orderCertificate',
    'Mutation.renewCertificate',
    'Mutation.deleteCertificate',
    'Query.previewImport',
    'Query.exportTemplate',
    'Mutation.importApps',
    'Mutation.saveWebhook',
    'Mutation.rotateWebhookSecret',
    'Mutation.deleteWebhook',
    'Mutation.examineSource',
    'Mutation.createUpload',
    'Mutation.saveRegistryCredential',
    'Mutation.deleteRegistryCredential',
    'Mutation.setQuota',
  ]) {
    const refused = await ask(everything()[change] ?? '', {}, { cookie: vic });
    expect(refused.errors[0]?.extensions.code, change).toBe('FORBIDDEN');
  }
});

test('pages of other origins cannot use the cookie, nor can forms', async () => {
  const query = '{ viewer { user { name } } }';
  const foreign = { origin: 'http://3000.evil.blue.skyarc.localhost:8080' };
  expect((await ask(query, {}, { cookie: ann, headers: foreign })).status).toBe(403);
  expect((await ask(query, {}, { cookie: ann, headers: { origin: server.url } })).data.viewer.user.name).toBe(
    'Ann',
  );
  expect((await ask(query, {}, { cookie: ann, headers: { 'content-type': 'text/plain' } })).status).toBe(400);
  const client = connect({ cookie: ann, origin: foreign.origin });
  await expect(client.iterate({ query }).next()).rejects.toBeDefined();
  const get = await fetch(`${server.url}/graphql?query=${encodeURIComponent('mutation { logout }')}`, {
    headers: { cookie: ann },
  });
  expect(get.status).toBe(400);
  expect((await ask(query, {}, { cookie: ann })).data.viewer.user.name).toBe('Ann');
});

test('an API token works by HTTP and WebSocket until it is revoked, and then at once no more', async () => {
  const made = await ask(
    'mutation { createApiToken(input: { name: "ci" }) { secret apiToken { id } } }',
    {},
    { cookie: ann },
  );
  const { secret, apiToken } = made.data.createApiToken;
  const headers = { authorization: `Bearer ${secret}` };
  expect((await ask('{ viewer { user { name } } }', {}, { headers })).data.viewer.user.name).toBe('Ann');
  const client = connect({ authorization: `Bearer ${secret}` });
  const viewer = await client
    .iterate<{ viewer: { user: { name: string } } }>({ query: '{ viewer { user { name } } }' })
    .next();
  expect(viewer.value.data.viewer.user.name).toBe('Ann');
  const events = client.iterate({
    query: `subscription { appChanged(id: "${appId}") { state group { name } } }`,
  });
  expect((await events.next()).value.data.appChanged).toEqual({
    state: 'STARTING',
    group: { name: 'default' },
  });
  await ask('mutation ($id: ID!) { revokeApiToken(id: $id) }', { id: apiToken.id }, { cookie: ann });
  const startedAt = Date.now();
  await expect(drain(events)).rejects.toMatchObject({ code: 4401 });
  expect(Date.now() - startedAt).toBeLessThan(3_000);
  expect((await ask('{ viewer { user { name } } }', {}, { headers })).errors[0]?.extensions.code).toBe(
    'UNAUTHENTICATED',
  );
  await client.dispose();
});

test('who leaves a team hears no more of it within seconds', async () => {
  const client = connect({ cookie: vic });
  const events = client.iterate({
    query: `subscription { teamOperationsChanged(teamId: "${blueId}") { id } }`,
  });
  const ended = drain(events);
  const viewer = await ask('{ viewer { user { id } } }', {}, { cookie: vic });
  await new Promise((resolve) => setTimeout(resolve, 500));
  const removal =
    'mutation ($teamId: ID!, $userId: ID!) { removeMember(teamId: $teamId, userId: $userId) { id } }';
  const variables = { teamId: blueId, userId: viewer.data.viewer.user.id };
  expect((await ask(removal, variables, { cookie: ann })).errors).toEqual([]);
  await expect(ended).rejects.toMatchObject({ code: 4403 });
  await client.dispose();
});

async function drain(events: AsyncIterable<unknown>): Promise<void> {
  for await (const event of events) void event;
}

test('a new password ends every other session', async () => {
  const other = (await login('bob@example.test')).cookie;
  const document = 'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) }';
  const input = { currentPassword: password, newPassword: 'another long password' };
  expect((await ask(document, { input }, { cookie: bob })).data.changePassword).toBe(true);
  expect((await ask('{ viewer { user { id } } }', {}, { cookie: other })).data.viewer).toBeNull();
  expect((await ask('{ viewer { user { name } } }', {}, { cookie: bob })).data.viewer.user.name).toBe('bob');
  expect((await login('bob@example.test')).errors[0]?.extensions.code).toBe('UNAUTHENTICATED');
});

test('guessing a password is stopped', async () => {
  const guesses = Array.from({ length: 40 }, () => login('nobody@example.test', 'guess'));
  const codes = (await Promise.all(guesses)).map((answer) => answer.errors[0]?.extensions.code);
  expect(codes.filter((code) => code === 'UNAUTHENTICATED').length).toBeGreaterThanOrEqual(30);
  expect(codes).toContain('EXHAUSTED');
});

test('an operation that asks for too much is refused before it runs', async () => {
  const deep = `{ viewer { teams ${'{ groups { team '.repeat(8)} { id } ${'} }'.repeat(8)} } }`;
  const wide = `{ ${Array.from({ length: 30 }, (_, index) => `a${index}: installation { claimed }`).join(' ')} }`;
  const dear = '{ viewer { teams { apps { builds(first: 100) { app { builds(first: 100) { id } } } } } } }';
  for (const query of [deep, wide, dear]) {
    const { status, errors } = await ask(query, {}, { cookie: ann });
    expect(status).toBe(400);
    expect(errors[0]?.message).toMatch(/^Cannot run the operation: it (nests|has|may answer)/);
  }
  const introspection = await ask('{ __schema { types { name } } }');
  expect(introspection.status).toBe(400);
  const batch = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '[{"query":"{__typename}"},{"query":"{__typename}"}]',
  });
  expect(batch.status).toBe(400);
});

test('a log is followed to its end and downloaded with a grant that cannot be changed', async () => {
  const lines = ['Fetching', 'Detected Node.js', 'Done'];
  await world.eventLog.append(
    lines.map((line) => ({
      stream: streamOf.build(buildId),
      line,
      source: 'chaos/BUILD',
      level: 'info',
      channel: '',
      timeMs: Date.now(),
      producer: '',
      producerSeq: 0,
    })),
  );
  const client = connect({ cookie: ann });
  const query = `subscription { logLines(source: { kind: BUILD, id: "${buildId}" }) { lines { text } } }`;
  const events = client.iterate<{ logLines: { lines: { text: string }[] } }>({ query });
  expect((await events.next()).value.data.logLines.lines.map((line: { text: string }) => line.text)).toEqual(
    lines,
  );
  await client.dispose();
  const grant = await ask(
    `mutation { createLogDownload(source: { kind: BUILD, id: "${buildId}" }) { url } }`,
    {},
    { cookie: ann },
  );
  const { url } = grant.data.createLogDownload;
  const text = await (await fetch(`${server.url}${url}`)).text();
  expect(
    text
      .trim()
      .split('\n')
      .map((line) => line.split(' ').slice(2).join(' ')),
  ).toEqual(lines);
  expect((await fetch(`${server.url}${url.slice(0, -3)}AAA`)).status).toBe(403);
});

test('pages are served with their headers, and nothing outside of their folder', async () => {
  const index = await fetch(server.url);
  expect(index.headers.get('content-security-policy')).toMatch(
    /default-src 'self'; script-src 'self' 'sha256-/,
  );
  expect(index.headers.get('cache-control')).toBe('no-cache');
  expect(await (await fetch(`${server.url}/apps`)).text()).toBe('apps');
  expect((await fetch(`${server.url}/_next/static/a.js`)).headers.get('cache-control')).toContain(
    'immutable',
  );
  const missing = await fetch(`${server.url}/nowhere`);
  expect([missing.status, await missing.text()]).toEqual([404, 'nothing here']);
  for (const path of ['/../console.db', '/%2e%2e/console.db', '/..%2fconsole.db', '/a%00b']) {
    expect(await statusOf(path), path).toBe(404);
  }
  expect(await (await fetch(`${server.statusUrl}/healthz`)).text()).toBe('ok\n');
});

/** Sends the path as it is, which fetch would clean up. */
function statusOf(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request(server.url, { path }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .once('error', reject)
      .end();
  });
}

test('a deleted app is told as null, and then nothing more', async () => {
  const client = connect({ cookie: ann });
  const query = `subscription { appChanged(id: "${appId}") { name team { name } } }`;
  const events = client.iterate({ query });
  expect((await events.next()).value.data).toEqual({ appChanged: { name: 'shop', team: { name: 'blue' } } });
  await world.db.app.delete({ where: { id: appId } });
  expect((await events.next()).value).toEqual({ data: { appChanged: null } });
  expect((await events.next()).done).toBe(true);
  const gone = await ask(
    `{ app(id: "${appId}") { id } operation(id: "${operationId}") { appName app { id } } }`,
    {},
    { cookie: ann },
  );
  expect(gone.data).toEqual({ app: null, operation: { appName: 'shop', app: null } });
  await client.dispose();
});

test('a data centre that is away is left out, with an error on its path', async () => {
  await world.stopApi();
  const answer = await ask(
    '{ viewer { user { name } teams { name apps { name } groups { name } } } dataCenters { name info { version } } }',
    {},
    { cookie: ann },
  );
  expect(answer.data.viewer.user.name).toBe('Ann');
  expect(answer.data.viewer.teams[0].groups).toEqual([{ name: 'default' }]);
  expect(answer.data.viewer.teams[0].apps).toEqual([]);
  expect(answer.data.dataCenters).toEqual([{ name: 'local', info: null }]);
  expect(answer.errors.map((error) => [error.path?.join('.'), error.extensions.code])).toEqual(
    expect.arrayContaining([
      ['viewer.teams.0.apps', 'UNAVAILABLE'],
      ['dataCenters.0.info', 'UNAVAILABLE'],
    ]),
  );
});
