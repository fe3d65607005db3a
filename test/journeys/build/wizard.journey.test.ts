import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '@skyarc/lib/process';
import type { SkyarcClient } from '@skyarc/sdk';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { removedByName } from '../../testkit/apps.ts';
import { Browser } from '../../testkit/browser.ts';
import { nodeApp } from '../../testkit/fixture-app.ts';
import { type GitServer, startGitServer } from '../../testkit/git-server.ts';
import { loginAsOwner, untilAnswers } from '../../testkit/session.ts';

// What a person does with the mouse: an archive and a Compose file are dropped onto the wizard.
const world = inject('world');
const names = ['dropped', 'front', 'back', 'front-copy', 'back-copy'];
let folder: string;
let git: GitServer;
let skyarc: SkyarcClient;
let browser: Browser;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyarc-wizard-'));
  git = await startGitServer();
  skyarc = await loginAsOwner(world);
  browser = await Browser.open({ name: 'wizard' });
  await browser.go(world.consoleUrl);
  await browser.part('login-email').fill(world.owner.email);
  await browser.part('login-password').fill(world.owner.password);
  await browser.part('login-submit').click();
  await browser.part('team-switcher').waitFor();
});
afterAll(async () => {
  await browser?.close();
  await removedByName(skyarc, world, ...names);
  await Promise.all([skyarc.dispose(), git.stop(), rm(folder, { recursive: true })]);
});

/** Drags a file over a part of the page and lets it go there. */
async function drop(testId: string, name: string, content: Buffer, type: string): Promise<void> {
  const { page } = browser;
  const bytes = content.toString('base64');
  const dataTransfer = await page.evaluateHandle(
    `(() => {
      const bytes = Uint8Array.from(atob(${JSON.stringify(bytes)}), (one) => one.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], ${JSON.stringify(name)}, { type: ${JSON.stringify(type)} }));
      return transfer;
    })()`,
  );
  const place = browser.part(testId);
  await place.dispatchEvent('dragover', { dataTransfer });
  await browser.shoot(`over-${testId}`);
  await place.dispatchEvent('drop', { dataTransfer });
}

const hostOf = (name: string) => `8080.${name}.${world.team}.${world.domain}`;

test('an archive that is dropped is looked at, built, and answers', async () => {
  await removedByName(skyarc, world, 'dropped');
  for (const [path, text] of Object.entries(nodeApp('dropped'))) await writeFile(join(folder, path), text);
  const archive = join(folder, 'dropped.tgz');
  await run('tar', ['-czf', archive, '-C', folder, 'package.json', 'server.js']);
  const { page } = browser;
  await browser.go(`${world.consoleUrl}/new`);
  await browser.part('source-upload').click();
  await drop('upload-drop', 'notes.txt', Buffer.from('no archive'), 'text/plain');
  await browser.part('error-note').waitFor();
  await browser.shoot('no-archive');
  await drop('upload-drop', 'dropped.tgz', await readFile(archive), 'application/gzip');
  await page.locator('.ant-progress-status-success').waitFor();
  expect(await browser.part('app-name').inputValue()).toBe('dropped');
  await browser.part('examine').click();
  await browser.part('examination').getByText('Node.js').first().waitFor({ timeout: 60_000 });
  await browser.shoot('examined');
  await browser.part('create-submit').click();
  await browser.part('build-log').waitFor();
  await page.locator('[data-testid=app-state][data-state=RUNNING]').first().waitFor({ timeout: 120_000 });
  await browser.shoot('running');
  await untilAnswers(world, hostOf('dropped'), 'dropped');
});

test('a Compose file that is dropped is previewed, corrected, and becomes apps of a group', async () => {
  await removedByName(skyarc, world, 'front', 'back');
  const repository = await git.create('compose', { ...within('front'), ...within('back') });
  const text = `services:
  front:
    build: ./front
    ports: ["8080:8080"]
    environment: { BACK: "http://back:8080", SESSION_SECRET: s3cret }
    depends_on: [back]
  back:
    build: ./back
    expose: ["8080"]
    privileged: true
`;
  const { page } = browser;
  await browser.go(`${world.consoleUrl}/new?from=compose`);
  await drop('import-text', 'compose.yaml', Buffer.from(text), 'application/yaml');
  await expect.poll(() => browser.part('import-text').inputValue()).toBe(text);
  await browser.part('import-preview').click();
  await browser.part('import-notes').waitFor();
  await browser.shoot('not-ready');
  expect(await browser.part('import-create').isDisabled()).toBe(true);

  await browser.part('import-text').fill(text.replace('    privileged: true\n', ''));
  await browser.part('import.git').click();
  await browser.part('import.git.url').fill(repository.url);
  await browser.part('import-preview').click();
  await expect.poll(() => browser.part('import-create').isDisabled()).toBe(false);
  await browser.part('import-apps').scrollIntoViewIfNeeded();
  await browser.shoot('ready');
  await browser.part('import-create').click();
  await page.waitForURL(/\/group\?id=/);
  await browser.shoot('group');
  await untilAnswers(world, hostOf('front'), 'hello from back', 120_000);
  await page.reload();
  await browser.part('app-front').locator('[data-state=RUNNING]').waitFor({ timeout: 60_000 });
  await browser.shoot('group-running');
});

test('a group is saved as a template, which becomes other apps of a group', async () => {
  // An uploaded archive is no part of a template.
  await removedByName(skyarc, world, 'dropped', 'front-copy', 'back-copy');
  const { page } = browser;
  const saving = page.waitForEvent('download');
  await browser.part('group-more').click();
  await page.getByRole('menuitem', { name: 'Export as template' }).click();
  const template = await readFile(await (await saving).path(), 'utf8');
  expect(template).toContain('skyarc: template/1');
  expect(template).not.toContain('s3cret');

  await browser.go(`${world.consoleUrl}/new?from=templateFile`);
  await drop('import-text', 'group.yaml', Buffer.from(template), 'application/yaml');
  await browser.part('import-preview').click();
  await browser.part('import-notes').getByText('SESSION_SECRET').waitFor();
  expect(await browser.part('import-create').isDisabled()).toBe(true);
  await browser.part('import.variables').fill('SESSION_SECRET=another');
  await browser.part('import-preview').click();
  await expect.poll(() => browser.part('import-create').isDisabled()).toBe(false);
  for (const name of ['front', 'back'])
    await page.getByLabel(`App ${name}`, { exact: true }).fill(`${name}-copy`);
  await browser.shoot('template-ready');
  await browser.part('import-create').click();
  await page.waitForURL(/\/group\?id=/);
  await browser.part('app-front-copy').locator('[data-state=RUNNING]').waitFor({ timeout: 120_000 });
  await browser.shoot('template-made');
});

/** A service in the Perl of the base image; the front one asks the one behind it. */
function within(name: 'front' | 'back'): Record<string, string> {
  const page = name === 'back' ? "'from back'" : "'hello ' . behind()";
  const server = `use strict; use IO::Socket::INET; $SIG{TERM} = sub { exit 0 };
sub behind { my $to = IO::Socket::INET->new(PeerAddr => 'back', PeerPort => 8080, Timeout => 5) or return 'nobody';
  print $to "GET / HTTP/1.0\\r\\n\\r\\n"; local $/; my $all = <$to>; $all =~ s/^.*?\\r\\n\\r\\n//s; $all }
my $server = IO::Socket::INET->new(Listen => 64, LocalAddr => '0.0.0.0', LocalPort => 8080, ReuseAddr => 1) or die;
while (my $client = $server->accept) {
  while (my $line = <$client>) { last if $line =~ /^\\r?\\n$/ }
  my $page = ${page};
  print $client "HTTP/1.0 200 OK\\r\\nContent-Length: " . length($page) . "\\r\\n\\r\\n$page"; close $client }
`;
  const dockerfile = `FROM skyarc/base:bookworm\nCOPY server.pl /\nEXPOSE 8080\nUSER 1000\nCMD ["perl", "/server.pl"]\n`;
  return { [`${name}/Dockerfile`]: dockerfile, [`${name}/server.pl`]: server };
}

test('through all of this no page complained, and nothing was asked of another machine', () => {
  expect(browser.problems).toEqual([]);
});
