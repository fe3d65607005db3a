import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { topics } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { createMqClient, mqTokenOf } from '@skyarc/lib/mq-client';
import { pollUntil, sleep } from '@skyarc/lib/retry';
import type { SkyarcClient } from '@skyarc/sdk';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { MailBox } from '../../controllers/monitor/testkit/outside.ts';
import { changed, deployed, removedByName } from '../testkit/apps.ts';
import { Browser } from '../testkit/browser.ts';
import { type GitRepository, type GitServer, startGitServer } from '../testkit/git-server.ts';
import { greeterApps } from '../testkit/greeter-apps.ts';
import { Installation } from '../testkit/installation.ts';
import { ask, finish, loginAsOwner, untilAnswers } from '../testkit/session.ts';

const world = inject('world');
const mailPort = 21_790;
const mailbox = new MailBox();
const hostOf = (app: string) => `8080.${app}.${world.team}.${world.domain}`;
/** The one that needs others first. */
const names = ['caller', 'greeter', 'flash', 'fragile'] as const;
let git: GitServer;
let repository: GitRepository;
let skyarc: SkyarcClient;
let apps: Readonly<Record<(typeof names)[number], string>>;

/** Answers its version; while CRASH is set it ends some seconds after it has begun. */
const fragileApp = (version: string) => ({
  'package.json': JSON.stringify({ name: 'fragile', version: '1.0.0', scripts: { start: 'node server.js' } }),
  'server.js': `const http = require('node:http');
const server = http.createServer((request, response) => response.end('${version}\\n'));
server.listen(process.env.PORT, '0.0.0.0', () => console.log('${version} is open'));
if (process.env.CRASH) setTimeout(() => { console.error('cannot go on'); process.exit(1); }, 4_000);
process.on('SIGTERM', () => server.close(() => process.exit(0)));
`,
});
const flashApp = {
  'package.json': JSON.stringify({ name: 'flash', version: '1.0.0', scripts: { start: 'node job.js' } }),
  'job.js': "console.log('here and gone'); process.exit(0);",
};

beforeAll(async () => {
  await mailbox.listen(mailPort);
  git = await startGitServer();
  skyarc = await loginAsOwner(world);
  await removedByName(skyarc, world, ...names);
  repository = await git.create('fragile', fragileApp('v1'));
  const greeting = await git.create('greeting', greeterApps);
  const [fragile, flash, [greeter, caller]] = await Promise.all([
    deployed(skyarc, world, { name: 'fragile', source: repository.url }),
    deployed(skyarc, world, {
      name: 'flash',
      source: (await git.create('flash', flashApp)).url,
      run: { workload: 'CRON_JOB', job: { schedule: '0 4 1 1 *', retries: 0 } },
    }),
    deployedGreeters(greeting.url),
  ]);
  apps = { fragile, flash, greeter, caller };
});
afterAll(async () => {
  await removedByName(skyarc, world, ...names);
  await skyarc.dispose();
  await git.stop();
  await mailbox.close();
});

/** A gRPC server, and an app with a mesh that calls it. */
async function deployedGreeters(source: string): Promise<[greeter: string, caller: string]> {
  const greeter = await deployed(skyarc, world, {
    name: 'greeter',
    source,
    env: [{ name: 'ROLE', value: 'greeter' }],
    ports: [{ port: 9000, protocol: 'GRPC', public: false }],
  });
  const caller = await deployed(skyarc, world, {
    name: 'caller',
    source,
    settings: { dependencyIds: [greeter] },
  });
  const { operation } = await skyarc.apps.setMesh(caller, { rules: [{ appId: greeter }] });
  if (operation) await finish(skyarc, operation.id);
  return [greeter, caller];
}

const eventually = <T>(what: string, probe: () => Promise<T | undefined | false> | T | undefined | false) =>
  pollUntil(async () => (await probe()) || undefined, {
    timeoutMs: 90_000,
    everyMs: 300,
    onTimeout: () => new Error(`${what}: not within 90 s`),
  });

test('an app that crashes is one mail and one message, and so is its recovery', async () => {
  const { team } = world;
  const teamId = (await skyarc.teams.get(team)).id;
  const receiver = await skyarc.monitor.saveReceiver({
    teamId,
    name: `mail ${Date.now()}`,
    kind: 'MAIL',
    mail: { host: '127.0.0.1', port: mailPort, from: 'skyarc@example.test', to: ['ann@example.test'] },
  });
  const begun = new Date();
  const mails = (word: string) =>
    mailbox.mails.filter(({ text }) => text.includes(`Subject: [${word}] App fragile`));
  const messages = async () =>
    (await skyarc.monitor.messages({ first: 50 })).messages.items.filter(
      ({ appId, startedAt }) => appId === apps.fragile && Date.parse(startedAt) >= begun.getTime(),
    );
  const before = mailbox.mails.length;
  try {
    await changed(skyarc, apps.fragile, { env: [{ name: 'CRASH', value: String(Date.now()) }] });
    await eventually('the mail', () => mails('CRITICAL').length > 0);
    const [message] = await eventually('the message', async () => {
      const found = await messages();
      return found.length > 0 && found;
    });
    expect(message).toMatchObject({ alertName: 'AppCrashLooping', status: 'FIRING', isRead: false });
    const alerts = await skyarc.monitor.alerts(teamId);
    expect(alerts.map(({ name }) => name)).toContain('AppCrashLooping');
    await repository.push('Mend it', fragileApp('v2'));
    await changed(skyarc, apps.fragile, { env: [] });
    await finish(skyarc, (await skyarc.apps.deploy(apps.fragile)).id);
    await untilAnswers(world, hostOf('fragile'), 'v2');
    await eventually('the mail of the end', () => mails('RESOLVED').length > 0);
    await eventually('the end in the message', async () => (await messages())[0]?.status === 'RESOLVED');
    expect((await messages()).map(({ alertName }) => alertName)).toEqual(['AppCrashLooping']);
    const told = mailbox.mails.slice(before).filter(({ text }) => text.includes('fragile'));
    expect(told).toHaveLength(2);
  } finally {
    await skyarc.monitor.deleteReceiver(receiver.id, { teamId });
  }
});

test('the lines of a container that lived for a moment are there', async () => {
  await finish(skyarc, (await skyarc.apps.run(apps.flash)).id);
  await eventually('the line', async () => {
    const { lines } = await skyarc.logs.read({ kind: 'APP', id: apps.flash }, { contains: 'here and gone' });
    return lines.length > 0;
  });
});

test('a search finds lines of the version before and of the one after, and says of which pod', async () => {
  const found = new Map<string, string | null>();
  for await (const page of skyarc.logs.search(
    { kind: 'APP', id: apps.fragile },
    { pattern: '^v[0-9] is open$' },
  )) {
    for (const { text, source } of page.lines) found.set(text, source);
  }
  expect([...found.keys()].toSorted()).toEqual(['v1 is open', 'v2 is open']);
  expect(new Set(found.values()).size).toBe(2);
});

const callerPods = async () => (await skyarc.apps.get(apps.caller)).pods.map(({ name }) => name);
/** What nine calls said, one after the other. */
async function calls(): Promise<string[]> {
  const said: string[] = [];
  while (said.length < 9) said.push((await ask(world, hostOf('caller'), '/call')).text);
  return said;
}
const rule = (policy: object) =>
  skyarc.apps.setMesh(apps.caller, { rules: [{ appId: apps.greeter, ...policy }] });

test('a rule of the mesh changes calls that run, without a new pod', async () => {
  await untilAnswers(world, hostOf('caller'), 'caller');
  const before = await callerPods();
  await rule({});
  // The server fails two calls of three, as they come.
  await eventually('a call that fails', async () => (await calls()).some((said) => said !== 'hello'));
  await rule({ retries: { attempts: 4, on: ['UNAVAILABLE'] } });
  await eventually('calls that are tried again', async () =>
    (await calls()).every((said) => said === 'hello'),
  );
  await rule({});
  await eventually('a call that fails again', async () => (await calls()).some((said) => said !== 'hello'));
  expect(await callerPods()).toEqual(before);
});

/** A page of the console, with its owner logged in. */
async function consoleAt(path: string): Promise<Browser> {
  const browser = await Browser.open({ name: 'watch', height: 1100 });
  await browser.go(world.consoleUrl);
  await browser.part('login-email').fill(world.owner.email);
  await browser.part('login-password').fill(world.owner.password);
  await browser.part('login-submit').click();
  await browser.part('team-switcher').waitFor();
  await browser.go(`${world.consoleUrl}${path}`);
  return browser;
}

test('a machine gets another role, is cordoned and drained by the console, and takes pods again', async () => {
  const name = hostname();
  const node = async () => {
    const [{ nodes }] = (await skyarc.platform.nodes()) as [
      Awaited<ReturnType<typeof skyarc.platform.nodes>>[number],
    ];
    return nodes?.find((one) => one.name === name);
  };
  const before = (await node())?.roles ?? [];
  const browser = await consoleAt('/data-center');
  try {
    await browser.part(`details-${name}`).click();
    await browser.part(`purpose-${name}.roles`).click();
    await browser.page.locator('.ant-select-item-option').filter({ hasText: 'storage' }).click();
    await browser.page.keyboard.press('Escape');
    await browser.part(`purpose-${name}-save`).click();
    const isStorage = !before.includes('STORAGE');
    await eventually('the other role', async () => (await node())?.roles.includes('STORAGE') === isStorage);
    await browser.shoot('role');
    await browser.part(`details-${name}`).click();
    await browser.part(`cordon-${name}`).click();
    await browser.page.locator('.ant-modal-confirm .ant-btn-primary').click();
    await browser.part(`uncordon-${name}`).waitFor();
    expect(await node()).toMatchObject({ cordoned: true });
    await browser.part(`drain-${name}`).click();
    await browser.page.locator('.ant-modal-confirm .ant-btn-primary').click();
    await eventually('the drained machine', async () => (await node())?.drain?.phase === 'DRAINED');
    const drained = browser.part(`draining-${name}`).filter({ hasText: 'Drained' });
    await drained.waitFor({ timeout: 60_000 });
    await drained.scrollIntoViewIfNeeded();
    await browser.shoot('drained');
    await browser.part(`uncordon-${name}`).click();
    await browser.part(`cordon-${name}`).waitFor();
    expect(await node()).toMatchObject({ cordoned: false, drain: null });
    await untilAnswers(world, hostOf('fragile'), 'v2', 60_000);
    expect(browser.problems).toEqual([]);
  } finally {
    await skyarc.platform.uncordonNode('local', name);
    await skyarc.platform.updateNode('local', name, { roles: [...before] });
    await browser.close();
  }
});

test('a rule is made by the console, its alert fires, and is silenced until the silence is ended', async () => {
  const name = `HasPods${Date.now()}`;
  const teamId = (await skyarc.teams.get(world.team)).id;
  const stateIs = (state: string) =>
    eventually(`the alert is ${state}`, async () =>
      (await skyarc.monitor.alerts(teamId)).some((one) => one.name === name && one.state === state),
    );
  const browser = await consoleAt('/alerts');
  try {
    await browser.part('rule-new').click();
    await browser.part('rule.name').fill(name);
    await browser.part('rule.expression').fill('skyarc_app_replicas_desired{app_name="caller"} >');
    await browser.part('rule.forSec').fill('0');
    await browser.part('rule.summary').fill('App {{ $labels.app_name }} has pods');
    await browser.part('rule-save').click();
    await browser.part('error-note').waitFor();
    await browser.shoot('rule-refused');
    await browser.part('rule.expression').fill('skyarc_app_replicas_desired{app_name="caller"} >= 0');
    await browser.part('rule-save').click();
    await browser.part('rule-save').waitFor({ state: 'detached' });
    await browser.part(`rule-remove-${name}`).waitFor();
    await stateIs('FIRING');
    const silence = browser.part(`silence-${name}`);
    await silence.waitFor({ timeout: 60_000 });
    await browser.page.getByText('App caller has pods').first().waitFor();
    await browser.shoot('firing');
    await silence.click();
    await silence.waitFor({ state: 'detached', timeout: 60_000 });
    await stateIs('SILENCED');
    await browser.shoot('silenced');
    await browser.part('silence-end').click();
    await silence.waitFor({ timeout: 60_000 });
    await browser.part(`rule-remove-${name}`).click();
    await browser.part(`rule-remove-${name}`).waitFor({ state: 'detached' });
    expect(browser.problems).toEqual([]);
  } finally {
    for (const { id } of await skyarc.monitor.silences({ teamId }))
      await skyarc.monitor.endSilence(id, { teamId });
    for (const rule of await skyarc.monitor.rules({ teamId }))
      if (rule.name === name) await skyarc.monitor.deleteRule(rule.id, { teamId });
    await browser.close();
  }
});

test('a dead letter is looked at and given again by the console', async () => {
  const { home, env } = new Installation(inject('installation'));
  const secret = await readFile(join(home, 'keys', 'mq.key'), 'utf8');
  const url = `http://127.0.0.1:${6_300 + Number(env['SKYARC_PORT_OFFSET'])}`;
  const queue = createMqClient(url, { token: mqTokenOf(secret.trim(), 'chaos') });
  const group = `journey-${Date.now()}`;
  const ending = new AbortController();
  const { signal } = ending;
  const { examine } = topics;
  const tried: string[] = [];
  // Who cannot do it the first time, and somebody who has yet to read what was given up.
  const reading = [
    queue.consume({ topic: examine, group, maxAttempts: 1, signal }, async ({ messageId }) => {
      tried.push(messageId);
      if (tried.length === 1) throw new AppError('UNAVAILABLE', 'The shelf is locked');
    }),
    queue.consume({ topic: `${examine}.dead`, group, signal }, () => sleep(600_000, signal)),
  ];
  const browser = await consoleAt('/data-center');
  try {
    await eventually('the groups', async () => {
      const topicsOf = (await skyarc.platform.queueTopics())[0]?.queueTopics ?? [];
      return topicsOf.find(({ name }) => name === examine)?.groups.some(({ name }) => name === group);
    });
    await queue.publish({ topic: examine, messageId: group, key: '', body: { shelf: 7 } });
    const letters = browser.part(`dead-letters-${examine}`);
    await eventually('the letter in the list', () => letters.isEnabled());
    await letters.click();
    // The builder cannot read such a message, and gives up its own after a while.
    const letter = browser.page
      .getByRole('row')
      .filter({ hasText: group })
      .filter({ hasText: 'The shelf is locked' });
    await letter.waitFor();
    await browser.shoot('dead-letter');
    await letter.locator('[data-testid^=replay-]').click();
    await letter.waitFor({ state: 'detached' });
    await browser.shoot('given-again');
    await eventually('the second try', () => tried.length === 2);
    expect(tried).toEqual([group, expect.stringMatching(/^replay\//)]);
    expect(browser.problems).toEqual([]);
  } finally {
    ending.abort();
    await Promise.allSettled(reading);
    queue.close();
    for (const topic of [examine, `${examine}.dead`])
      await skyarc.platform.deleteQueueGroup('local', topic, group).catch(() => undefined);
    await browser.close();
  }
});
