import { pollUntil } from '@skyarc/lib/retry';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { Browser } from '../testkit/browser.ts';
import { type GitRepository, type GitServer, startGitServer } from '../testkit/git-server.ts';
import { Installation } from '../testkit/installation.ts';
import { places } from '../testkit/places.ts';
import { ask, finish, loginAsOwner } from '../testkit/session.ts';

const world = inject('world');
const host = `8080.kiosk.${world.team}.${world.domain}`;
let git: GitServer;
let repository: GitRepository;
let browser: Browser;
let wasAllowed = false;

/** Answers its version and what it got from the environment, and says on standard output what it was asked. */
function kiosk(version: string, build = 'node build.js'): Record<string, string> {
  return {
    'package.json': JSON.stringify({
      name: 'kiosk',
      version: '1.0.0',
      private: true,
      scripts: { build, start: 'node server.js' },
    }),
    'build.js': `let n = 0;
const timer = setInterval(() => {
  console.log('packing shelf ' + (n += 1) + ' of 12');
  if (n === 12) clearInterval(timer);
}, 150);
`,
    'server.js': `const http = require('node:http');
const os = require('node:os');
const { PORT, GREETING = 'no greeting', TOKEN = '' } = process.env;
const server = http.createServer((request, response) => {
  console.log('served ' + request.url);
  response.end(['${version}', os.hostname(), GREETING, TOKEN.length].join(' | ') + '\\n');
});
server.listen(PORT, '0.0.0.0', () => console.log('${version} is open on ' + PORT));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
`,
  };
}

beforeAll(async () => {
  git = await startGitServer();
  repository = await git.create('kiosk', kiosk('v1'));
  browser = await Browser.open({ name: 'console' });
  const skyarc = await loginAsOwner(world);
  wasAllowed = (await skyarc.platform.dataCenters()).some(({ settings }) => settings?.allowPrivateSources);
  await skyarc.platform.updateDataCenter('local', { allowPrivateSources: false });
  await skyarc.dispose();
});
afterAll(async () => {
  await browser.close();
  await git.stop();
  const skyarc = await loginAsOwner(world);
  await skyarc.platform.updateDataCenter('local', { allowPrivateSources: wasAllowed });
  await skyarc.dispose();
});

/** Of the tabs that are within a group. */
const groups: Readonly<Record<string, string>> = {
  environment: 'configuration',
  scale: 'configuration',
  settings: 'administration',
};
const { part, tab, stateIs } = {
  part: (testId: string) => browser.part(testId),
  tab: async (name: string) => {
    const group = groups[name];
    const isHidden = group && !(await browser.part(`tab-${name}`).isVisible());
    if (isHidden) await browser.part(`tab-${group}`).click();
    await browser.part(`tab-${name}`).click();
  },
  stateIs: async (state: string) =>
    browser.page.locator(`[data-testid=app-state][data-state=${state}]`).first().waitFor({ timeout: 90_000 }),
};

/** Waits until the page shows the text. */
async function sees(text: string | RegExp, timeoutMs = 20_000): Promise<void> {
  await browser.page.getByText(text).first().waitFor({ timeout: timeoutMs });
}

/** Waits until nothing is being done to the app any more. */
async function settled(): Promise<void> {
  await tab('overview');
  await part('app-url').waitFor();
  await part('active-operation').waitFor({ state: 'detached', timeout: 90_000 });
}

async function answers(text: string): Promise<string> {
  return pollUntil(
    async () => {
      const { text: answer } = await ask(world, host);
      return answer.includes(text) ? answer : undefined;
    },
    { timeoutMs: 30_000, everyMs: 200, onTimeout: () => new Error(`${host} never answered "${text}"`) },
  );
}

test('a new installation is claimed by its link, once, greets with an empty team, and says when it is away', async () => {
  const other = new Installation(places.claimed);
  const visitor = await Browser.open({ name: 'claim' });
  try {
    await other.purge();
    await other.start();
    await visitor.go(`${other.consoleUrl}/claim?token=${other.claimToken()}`);
    await visitor.part('claim-name').fill('Ann Meyer');
    await visitor.part('claim-email').fill('ann@example.test');
    await visitor.part('claim-password').fill('correct horse battery');
    await visitor.part('claim-team').fill('blue');
    await visitor.shoot('claim');
    await visitor.part('claim-submit').click();
    await visitor.part('first-app').waitFor();
    await visitor.shoot('empty-team');
    await visitor.go(`${other.consoleUrl}/claim?token=${other.claimToken()}`);
    await visitor.part('first-app').waitFor();
    expect(visitor.problems).toEqual([]);
    await other.kill(await other.nodePids('console'));
    await visitor.part('connection-lost').waitFor();
    await visitor.shoot('connection-lost');
    await visitor.part('connection-lost').waitFor({ state: 'detached', timeout: 30_000 });
  } finally {
    await visitor.close();
    await other.purge();
  }
});

test('the owner logs in', async () => {
  await browser.go(world.consoleUrl);
  await part('login-email').fill(world.owner.email);
  await part('login-password').fill('not the password');
  await part('login-submit').click();
  await part('error-note').waitFor();
  await browser.shoot('login-refused');
  await part('login-password').fill(world.owner.password);
  await part('login-submit').click();
  await part('team-switcher').waitFor();
});

test('the administrator allows a Git server of the own network', async () => {
  await browser.go(`${world.consoleUrl}/data-center`);
  await part('service-gateway').waitFor();
  await part('rules.allowPrivateSources').click();
  await part('rules-save').click();
  await part('rules-save').waitFor({ state: 'detached' });
  await browser.page.locator('[data-testid="rules.allowPrivateSources"][aria-checked=true]').waitFor();
  await browser.shoot('data-centre');
});

test('the wizard makes an app, its build is watched line by line, and it runs', async () => {
  await browser.go(`${world.consoleUrl}/new`);
  await part('git-url').fill(repository.url);
  await part('git-branch').fill('main');
  expect(await part('app-name').inputValue()).toBe('kiosk');
  await browser.shoot('wizard');
  await part('create-submit').click();
  const log = part('build-log');
  await log.waitFor();
  const counts = new Set<string>();
  await pollUntil(
    async () => {
      counts.add((await log.getAttribute('data-lines')) ?? '0');
      return (await log.innerText()).includes('shelf 8 of 12') ? true : undefined;
    },
    { timeoutMs: 120_000, everyMs: 50, onTimeout: () => new Error('the build log stands still') },
  );
  expect(counts.size).toBeGreaterThan(5);
  await browser.shoot('build-live');
  await stateIs('RUNNING');
  await sees('kiosk is running');
  await browser.shoot('build-done');
});

test('its address answers through the gateway, and what it writes appears live', async () => {
  await tab('overview');
  const url = (await part('app-url').getAttribute('href')) ?? '';
  expect(url).toMatch(new RegExp(`^http://${host.replaceAll('.', '\\.')}:\\d+/?$`));
  await browser.shoot('running');
  await tab('logs');
  await sees('v1 is open on');
  expect(await browser.textAt(`${url.replace(/\/$/, '')}/hello`)).toContain('v1 | ');
  await sees('served /hello', 5_000);
  await browser.shoot('logs-live');
});

test('a pushed commit is deployed, and rolled back after a question', async () => {
  await repository.push('Open on Sundays', kiosk('v2'));
  await part('deploy-button').click();
  await tab('overview');
  await part('active-operation').waitFor();
  await browser.shoot('deploying');
  await settled();
  await answers('v2');
  await browser.shoot('deployed');
  await tab('versions');
  await part('rollback-1').click();
  await part('rollback-confirm').waitFor();
  await browser.shoot('rollback-question');
  await part('rollback-confirm').click();
  await settled();
  await expect.poll(() => part('current-version').innerText()).toBe('#1');
  await answers('v1');
});

test('it scales to three pods', async () => {
  await tab('scale');
  await part('scale-input').fill('3');
  await part('scale-submit').click();
  await expect
    .poll(() => browser.page.locator('[data-testid=pod][data-ready=true]').count(), { timeout: 60_000 })
    .toBe(3);
  await browser.shoot('three-pods');
});

test('variables take effect, secrets are not shown again', async () => {
  await tab('environment');
  await part('env-add').click();
  const names = browser.page.getByLabel('Name', { exact: true });
  await names.nth(0).fill('GREETING');
  await browser.page.getByLabel('Value GREETING').fill('Guten Tag');
  await part('env-add').click();
  await names.nth(1).fill('TOKEN');
  await browser.page.getByLabel('Value TOKEN').fill('s3cret-0123456789');
  await browser.page.getByLabel('Secret').nth(1).check();
  await browser.shoot('environment');
  await tab('scale');
  const stay = browser.page.getByRole('button', { name: 'Stay' });
  await stay.waitFor();
  await browser.shoot('unsaved');
  await stay.click();
  await stay.waitFor({ state: 'detached' });
  await part('env-save').click();
  await part('env-save').waitFor({ state: 'detached' });
  await answers('Guten Tag | 17');
  await browser.page.reload();
  await browser.page.getByLabel('Value GREETING').waitFor();
  expect(await browser.page.getByLabel('Value TOKEN').inputValue()).toBe('');
  expect(await browser.page.content()).not.toContain('s3cret-0123456789');
  await settled();
});

test('the operations panel tells what was done', async () => {
  await part('operations-open').click();
  const panel = part('operations-panel');
  await panel.getByText('History').waitFor();
  for (const kind of ['Configure', 'Scale', 'Roll back', 'Deploy']) {
    await panel.getByText(kind, { exact: true }).first().waitFor();
  }
  await browser.shoot('operations');
  await browser.page.keyboard.press('Escape');
  await panel.waitFor({ state: 'hidden' });
});

test('a failing build says why, and the app goes on with what it had', async () => {
  await repository.push('Break it', kiosk('v3', 'node missing-tool.js'));
  await part('deploy-button').click();
  await tab('builds');
  await part('build-3').click();
  await part('build-failure').waitFor({ timeout: 90_000 });
  expect(await part('build-failure').innerText()).toMatch(/build/i);
  await sees(/Cannot find module/);
  await browser.shoot('build-failed');
  await stateIs('RUNNING');
  await answers('v1 |');
});

test('an app whose first deploy fails says so at the first look, and leads to the log of its build', async () => {
  const name = `torn-${Date.now()}`;
  const torn = await git.create(name, kiosk('v1', 'node missing-tool.js'));
  const skyarc = await loginAsOwner(world);
  const { app } = await skyarc.apps.create({
    groupId: world.groupId,
    name,
    source: { git: { url: torn.url, branch: 'main' } },
  });
  await browser.go(`${world.consoleUrl}/app?id=${app.id}`);
  await stateIs('FAILED');
  expect(await part('app-trouble').innerText()).toMatch(/missing-tool|npm run build/);
  await browser.shoot('first-deploy-failed');
  await part('more-actions').click();
  await browser.page.getByRole('menuitem', { name: 'Stop', disabled: true }).waitFor();
  await browser.page.keyboard.press('Escape');
  await part('app-trouble').getByRole('link', { name: 'See the build log' }).click();
  await part('build-1').click();
  await part('build-failure').waitFor();
  await finish(skyarc, (await skyarc.apps.delete(app.id)).id);
  await skyarc.dispose();
});

test('it can be read in the dark, in Chinese and on a phone', async () => {
  await browser.go(world.consoleUrl);
  await part('app-kiosk').waitFor();
  await browser.shoot('overview');
  await part('theme-switch').click();
  await part('theme-switch').click();
  await browser.page.locator('html[data-theme=dark]').waitFor();
  await browser.shoot('overview-dark');
  await part('language-switch').click();
  await sees('总览');
  await browser.shoot('overview-dark-chinese');
  await part('app-kiosk').getByRole('link').first().click();
  await stateIs('RUNNING');
  await browser.shoot('app-dark-chinese');
  await browser.page.setViewportSize({ width: 390, height: 844 });
  await browser.shoot('app-phone');
  const width = await browser.page.evaluate('document.documentElement.scrollWidth');
  expect(width).toBe(390);
  expect((await part('pod').boundingBox())?.width).toBeGreaterThan(330);
  await tab('logs');
  await part('runtime-log').waitFor();
  await browser.shoot('logs-phone');
  await browser.page.setViewportSize({ width: 1360, height: 860 });
  await part('language-switch').click();
  await part('theme-switch').click();
});

test('deleting asks for the name, and leaves nothing', async () => {
  await tab('settings');
  await part('delete-app').click();
  await part('delete-name').fill('kios');
  expect(await part('delete-confirm').isDisabled()).toBe(true);
  await part('delete-name').fill('kiosk');
  await browser.shoot('delete-question');
  await part('delete-confirm').click();
  await sees('This app was deleted', 60_000);
  await browser.shoot('deleted');
  expect((await ask(world, host)).status).toBe(404);
});

test('through all of this no page complained, and nothing was asked of another machine', () => {
  expect(browser.problems).toEqual([]);
});
