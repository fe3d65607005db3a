import { sleep } from '@skyarc/lib/retry';
import type { SkyarcClient } from '@skyarc/sdk';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { Browser } from '../testkit/browser.ts';
import { Screen } from '../testkit/screen.ts';
import { finish, loginAsOwner } from '../testkit/session.ts';

const world = inject('world');
const password = 'correct horse battery';
let owner: SkyarcClient;
let appId: string;
let browser: Browser;

beforeAll(async () => {
  owner = await loginAsOwner(world);
  const { app, operation } = await owner.apps.create({
    groupId: world.groupId,
    name: 'desk',
    source: { template: 'hello-node' },
    deploy: true,
  });
  appId = app.id;
  await finish(owner, operation?.id ?? '');
  for (const name of ['dora', 'viv']) {
    await owner.account.createUser({ name, email: `${name}@example.test`, password });
  }
  browser = await Browser.open({ name: 'terminal' });
});
afterAll(async () => {
  await browser?.close();
  if (appId) await finish(owner, (await owner.apps.delete(appId)).id);
  await owner?.dispose();
});

async function login(who: Browser, email: string, secret: string): Promise<void> {
  await who.go(world.consoleUrl);
  await who.part('login-email').fill(email);
  await who.part('login-password').fill(secret);
  await who.part('login-submit').click();
  await who.part('login-submit').waitFor({ state: 'detached' });
}

/** The terminal in sight. */
const sight = (who: Browser) => who.page.locator('[data-testid=terminal][data-current=true]');
const screen = (who: Browser) => sight(who).getByTestId('terminal-screen');
const isOpen = (who: Browser) =>
  who.page.locator('[data-testid=terminal][data-current=true][data-state=open]').waitFor();

/** Waits until the screen shows the text. */
async function shows(who: Browser, text: string | RegExp, timeoutMs = 15_000): Promise<void> {
  await screen(who).getByText(text).first().waitFor({ timeout: timeoutMs });
}

async function type(who: Browser, text: string): Promise<void> {
  await who.page.keyboard.type(text);
  await who.page.keyboard.press('Enter');
}

/** Opens a shell by the form. */
async function connect(who: Browser): Promise<void> {
  await who.part('terminal-connect').click();
  await isOpen(who);
  await screen(who).click();
}

test('a pod’s shell is opened from the pod list, typed into and follows the size of the window', async () => {
  await login(browser, world.owner.email, world.owner.password);
  await browser.go(`${world.consoleUrl}/app?id=${appId}`);
  await browser.part('pod-terminal').click();
  await browser.part('terminal-record').click();
  await browser.shoot('form');
  await connect(browser);
  await type(browser, 'echo hello-$((20+22))');
  await shows(browser, 'hello-42');
  await type(browser, 'echo wide-$(stty size | cut -d" " -f2)');
  await shows(browser, /wide-1\d\d/);
  await browser.page.setViewportSize({ width: 900, height: 700 });
  await sleep(400);
  await type(browser, 'echo small-$(stty size | cut -d" " -f2)');
  await shows(browser, /small-\d\d\b/);
  await browser.page.setViewportSize({ width: 1360, height: 860 });
  await browser.shoot('shell');
});

test('Ctrl-C is obeyed at once in a flood', async () => {
  await type(browser, 'yes this is a flood');
  await shows(browser, 'this is a flood');
  await sleep(1_500);
  await browser.page.keyboard.press('Control+c');
  const from = performance.now();
  await shows(browser, /\^C|left out/, 3_000);
  await type(browser, 'echo calm-$((1+1))');
  await shows(browser, 'calm-2', 3_000);
  expect(performance.now() - from).toBeLessThan(2_500);
});

test('a reload finds the screen again, and what went on meanwhile', async () => {
  await type(browser, 'clear; echo before-$((1)); sleep 1; echo after-$((2))');
  await shows(browser, 'before-1');
  await browser.page.reload();
  await isOpen(browser);
  await shows(browser, 'before-1');
  await shows(browser, 'after-2');
  await screen(browser).click();
  await type(browser, 'echo same-shell-$((3))');
  await shows(browser, 'same-shell-3');
});

test('two tabs are two shells; one that has ended can be opened again', async () => {
  await browser.part('terminal-new').click();
  await connect(browser);
  await type(browser, 'echo second-$((2))');
  await shows(browser, 'second-2');
  await type(browser, 'exit');
  await browser.part('terminal-ended').waitFor();
  await browser.shoot('ended');
  await browser.part('terminal-again').click();
  await browser.part('terminal-ended').waitFor({ state: 'detached' });
  await browser.page.getByTestId('terminal-close').last().click();
  await browser.page.locator('.ant-modal-confirm .ant-btn-dangerous').click();
  await browser.page.getByTestId('terminal-tab').nth(1).waitFor({ state: 'detached' });
});

test('the recorded session is listed and replayed', async () => {
  await screen(browser).click();
  await type(browser, 'exit');
  await browser.part('terminal-ended').waitFor();
  await browser.go(`${world.consoleUrl}/app?id=${appId}&tab=terminal&view=sessions`);
  await browser.page.getByTestId('terminal-session').first().waitFor();
  await browser.shoot('sessions');
  await browser.part('terminal-replay').click();
  const picture = browser.part('terminal-picture');
  await picture.getByText('hello-42').first().waitFor({ timeout: 30_000 });
  await browser.shoot('replay');
  await browser.part('terminal-play').click();
  await browser.page.locator('[data-testid=terminal-player][data-playing=false]').waitFor();
  expect(browser.problems).toEqual([]);
});

test('a member whose right is taken away is out within a second', async () => {
  const team = await owner.teams.get(world.team);
  await owner.teams.setMember({ teamId: team.id, email: 'dora@example.test', role: 'DEVELOPER' });
  const dora = await Browser.open({ name: 'terminal-revoked' });
  try {
    await login(dora, 'dora@example.test', password);
    await dora.go(`${world.consoleUrl}/app?id=${appId}&tab=terminal`);
    await connect(dora);
    await type(dora, 'echo in-$((1))');
    await shows(dora, 'in-1');
    const member = team.members.find(({ user }) => user.email === 'dora@example.test');
    const { members } = await owner.teams.get(world.team);
    const id = member?.user.id ?? members.find(({ user }) => user.email === 'dora@example.test')?.user.id;
    const from = performance.now();
    await owner.teams.removeMember(team.id, id ?? '');
    await dora.page.locator('[data-testid=terminal][data-state=ended]').waitFor({ timeout: 5_000 });
    expect(performance.now() - from).toBeLessThan(1_000);
    await dora.shoot('revoked');
  } finally {
    await dora.close();
  }
});

test('viewers and strangers get no terminal, whatever they ask', async () => {
  const team = await owner.teams.get(world.team);
  const viv = await loginAsOwner({
    ...world,
    owner: { email: 'viv@example.test', password },
  });
  const stranger = new Screen(viv, { appId });
  expect((await stranger.ends()).end).toMatch(/FAILED|REVOKED/);
  await owner.teams.setMember({ teamId: team.id, email: 'viv@example.test', role: 'VIEWER' });
  const viewer = new Screen(viv, { appId });
  expect(await viewer.ends()).toMatchObject({ end: 'REVOKED' });
  await expect(viv.terminals.sessions(appId)).rejects.toThrow();
  expect(stranger.bytes + viewer.bytes).toBe(0);
  await viv.dispose();
});
