import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId, type TerminalGrantClaims } from '@skyarc/lib/contracts';
import type { KindTable } from '@skyarc/lib/kube';
import { TestCluster } from '@skyarc/lib/kube/testing';
import { setLogLevel } from '@skyarc/lib/log';
import { pollUntil, sleep } from '@skyarc/lib/retry';
import { GrantSigner, makeGrantKeys } from '@skyarc/lib/signed-grant';
import { type DataCenterDatabase, openDataCenterDatabase } from '@skyarc/prisma/datacenter';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningWebcli, start, type WebcliConfig } from './main.ts';
import { Tab } from './testkit/tab.ts';

const keys = makeGrantKeys();
const signer = new GrantSigner(keys.privateKey);
const image = 'localhost/test/root:1';
const appId = newId('local', 'app');
let folder: string;
let cluster: TestCluster;
let db: DataCenterDatabase;
let webcli: RunningWebcli;
let nonces = 0;

beforeAll(async () => {
  setLogLevel('error');
  folder = await mkdtemp(join(tmpdir(), 'hef-webcli-'));
  cluster = await TestCluster.start({
    instance: 'hefa',
    basePort: 20_440,
    parts: 'pods',
    podCidr: '10.77.0.0/16',
    serviceCidr: '10.78.0.0/16',
    hostImages: [{ reference: image }],
  });
  db = await openDataCenterDatabase({ file: join(folder, 'datacenter.db') });
  webcli = await begin();
  await Promise.all([
    runPod('shop', ['node', '-e', 'setInterval(() => 0, 1000)']),
    runPod('bare', [
      'node',
      '-e',
      "const fs = require('fs'); for (const f of ['/usr/bin/sh', '/bin/sh', '/usr/bin/dash']) fs.rmSync(f, { force: true }); setInterval(() => 0, 1000)",
    ]),
  ]);
});

afterAll(async () => {
  await webcli?.stop();
  await db?.$disconnect();
  await cluster?.stop();
  await rm(folder, { recursive: true, force: true });
});

function begin(change: Partial<WebcliConfig> = {}): Promise<RunningWebcli> {
  const config: WebcliConfig = {
    port: 20_450,
    statusPort: 20_451,
    grantKey: keys.publicKey,
    dataDir: folder,
    drainMs: 500,
    graceMs: 5_000,
    debugImage: image,
    debugLifeSec: 60,
    ...change,
  };
  return start(config, { db, kube: cluster.kube });
}

async function runPod(name: string, command: string[]): Promise<void> {
  const pod: KindTable['pods'] = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { containers: [{ name: 'main', image, command }], terminationGracePeriodSeconds: 1 },
  };
  await cluster.kube.create('pods', pod);
  await pollUntil(
    async () => {
      const found = await cluster.kube.find('pods', name, 'default');
      return found?.status?.containerStatuses?.[0]?.state?.running ? true : undefined;
    },
    { timeoutMs: 60_000, onTimeout: () => new Error(`pod ${name} does not run`) },
  );
}

function claims(change: Partial<TerminalGrantClaims> = {}): TerminalGrantClaims {
  nonces += 1;
  return {
    use: 'terminal',
    nonce: String(nonces),
    expiresAt: Date.now() + 30_000,
    instance: 'webcli-0',
    session: newId('local', 'terminal'),
    isNew: true,
    team: 'blue',
    appId,
    namespace: 'default',
    pod: 'shop',
    container: 'main',
    command: null,
    debug: false,
    record: false,
    actor: 'ann@example.test',
    remoteAddress: '192.0.2.7',
    binding: 'x',
    ...change,
  };
}

function open(change: Partial<TerminalGrantClaims> = {}, url = webcli.url): Tab & { id: string } {
  const whole = claims(change);
  return Object.assign(new Tab(url, signer.sign(whole)), { id: whole.session });
}

const recordOf = (id: string) => db.terminalSession.findUniqueOrThrow({ where: { id } });

async function endOf(id: string) {
  return pollUntil(
    async () => {
      const record = await recordOf(id);
      return record.endedAt ? record : undefined;
    },
    { timeoutMs: 10_000, onTimeout: () => new Error('the session has no end') },
  );
}

test('a shell is found, typed into, resized and left; its record says so', async () => {
  const tab = open();
  await tab.notice('ready');
  tab.type('echo answer-$((40+2))\n');
  await tab.shows('answer-42');
  tab.say({ type: 'resize', cols: 101, rows: 33 });
  tab.type('node -p \'process.stdout.columns + "x" + process.stdout.rows\'\n');
  await tab.shows('101x33');
  tab.type('exit 3\n');
  expect(await tab.notice('end')).toMatchObject({ end: 'EXITED', exitCode: 3 });
  expect((await tab.closed).code).toBe(1000);
  expect(await endOf(tab.id)).toMatchObject({
    actor: 'ann@example.test',
    remoteAddress: '192.0.2.7',
    teamName: 'blue',
    pod: 'shop',
    container: 'main',
    end: 'EXITED',
    exitCode: 3,
    recordingBytes: null,
  });
});

test('a command runs instead of a shell; one that is not there is said', async () => {
  const tab = open({ command: ['echo', 'hello', 'there; $HOME'] });
  await tab.shows('hello there; $HOME');
  expect(await tab.notice('end')).toMatchObject({ end: 'EXITED', exitCode: 0 });
  const missing = open({ command: ['nothing-like-it'] });
  expect((await missing.notice('end')).message).toContain('has no such program');
  expect((await missing.closed).code).toBe(4404);
  expect((await endOf(missing.id)).end).toBe('FAILED');
});

test('a command that ended before its tab was there is shown with its end', async () => {
  const grant = signer.sign(claims({ command: ['sh', '-c', 'echo gone already; exit 7'] }));
  const late = new Tab(webcli.url, grant, { attachAfterMs: 2_000 });
  await late.shows('gone already');
  expect(await late.notice('end')).toMatchObject({ end: 'EXITED', exitCode: 7 });
  expect((await late.closed).code).toBe(1000);
});

test('an image without a shell is told from one with', async () => {
  const tab = open({ pod: 'bare' });
  expect((await tab.notice('end')).message).toContain('debug container');
  expect((await tab.closed).code).toBe(4404);
});

test('a debug container is made beside an image without a shell, sees its processes, and is used again', async () => {
  const tab = open({ pod: 'bare', debug: true });
  expect((await tab.notice('opening')).message).toContain('skyarc-debug-1');
  expect((await tab.notice('ready', 60_000)).container).toBe('skyarc-debug-1');
  tab.type('cat /proc/1/cmdline; echo; ls /proc/1/root/bin/sh\n');
  await tab.shows('rmSync');
  await tab.shows('No such file');
  tab.type('exit\n');
  await tab.notice('end');
  const again = open({ pod: 'bare', debug: true });
  expect((await again.notice('ready')).container).toBe('skyarc-debug-1');
  again.say({ type: 'close' });
  expect(await endOf(again.id)).toMatchObject({ debug: true, container: 'skyarc-debug-1', end: 'CLOSED' });
});

test('a hung-up session leaves no process behind', async () => {
  const tab = open();
  await tab.notice('ready');
  tab.type("sleep 4711 & node -e 'setInterval(()=>0,1000)' marker4712\n");
  await sleep(500);
  tab.say({ type: 'close' });
  await tab.closed;
  await sleep(1_500);
  const other = open();
  await other.notice('ready');
  const script =
    'for(const p of fs.readdirSync("/proc"))if(/^[0-9]+$/.test(p))try{console.log(fs.readFileSync("/proc/"+p+"/cmdline","utf8").replaceAll("\\0"," "))}catch{};console.log("li"+"sted")';
  other.type(`node -e '${script}'\n`);
  await other.shows('listed');
  expect(other.text).toContain('setInterval(() => 0, 1000)');
  expect(other.text).not.toMatch(/marker4712 *\r\n/);
  expect(other.text).not.toMatch(/sleep 4711 *\r\n/);
});

const shownAfter = async (tab: Tab, text: string): Promise<number> => {
  const from = performance.now();
  await tab.shows(text);
  return performance.now() - from;
};

test('Ctrl-C ends a flood at once, whatever is on its way', async () => {
  const tab = open();
  await tab.notice('ready');
  tab.type('node -e \'for(;;)fs.writeSync(1, "flood ".repeat(1000))\'\n');
  await tab.shows('flood flood');
  await sleep(1_500);
  tab.text = '';
  tab.type('\u0003');
  const took = await shownAfter(tab, '# ');
  // A tenth of it on an idle machine: see test/bench/terminal.ts.
  expect(took).toBeLessThan(2_500);
  expect((await tab.notice('gap')).bytes).toBeGreaterThan(0);
  tab.type('echo still-$((1+1))\n');
  await tab.shows('still-2');
  tab.say({ type: 'close' });
});

test('a reader that falls behind stops the writer: memory does not grow', async () => {
  const tab = open({ command: ['node', '-e', 'for(;;) fs.writeSync(1, "y".repeat(4096))'] });
  await tab.shows('yyy');
  tab.isAcknowledging = false;
  await sleep(500);
  const held = tab.received;
  const before = process.memoryUsage().arrayBuffers;
  await sleep(1_000);
  expect(tab.received).toBe(held);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
  tab.isAcknowledging = true;
  tab.acknowledge();
  await pollUntil(async () => (tab.received > held + (4 << 20) ? true : undefined), {
    timeoutMs: 10_000,
    onTimeout: () => new Error('it does not go on'),
  });
  tab.say({ type: 'close' });
});

test('a tab that comes back sees what it missed, and a new one the whole screen', async () => {
  const tab = open();
  await tab.notice('ready');
  tab.type('echo one-$((1))\n');
  await tab.shows('one-1');
  tab.type('sleep 0.3; echo two-$((2))\n');
  await sleep(50);
  tab.socket.terminate();
  await sleep(600);
  const back = new Tab(webcli.url, signer.sign(claims({ session: tab.id, isNew: false })), {
    offset: tab.offset,
  });
  await back.shows('two-2');
  expect(back.text).not.toContain('one-1');
  expect(await back.notice('ready')).toMatchObject({ restart: false });
  const reloaded = new Tab(webcli.url, signer.sign(claims({ session: tab.id, isNew: false })));
  await reloaded.shows('one-1');
  await reloaded.shows('two-2');
  expect((await back.closed).code).toBe(4409);
  reloaded.type('exit\n');
  await reloaded.notice('end');
  const late = new Tab(webcli.url, signer.sign(claims({ session: tab.id, isNew: false })));
  expect((await late.closed).code).toBe(4404);
});

test('a grant works once, for its instance, for a while, and only as it was signed', async () => {
  const grant = signer.sign(claims({ command: ['echo', 'once'] }));
  const first = new Tab(webcli.url, grant);
  await first.shows('once');
  const [body = '', signature = ''] = grant.split('.');
  const forged = Buffer.from(body, 'base64url').toString().replace('echo', 'true');
  const bad = [
    grant,
    signer.sign(claims({ expiresAt: Date.now() - 1 })),
    signer.sign(claims({ instance: 'webcli-9' })),
    `${Buffer.from(forged).toString('base64url')}.${signature}`,
    new GrantSigner(makeGrantKeys().privateKey).sign(claims()),
    '',
    'a.b',
  ];
  for (const one of bad) expect((await new Tab(webcli.url, one).closed).code).toBe(4403);
});

test('what is shown is recorded as asciicast, what is typed is not', async () => {
  const tab = open({ record: true });
  expect((await tab.notice('ready')).recording).toBe(true);
  tab.type('echo recorded-$((6*7))\n');
  await tab.shows('recorded-42');
  tab.say({ type: 'resize', cols: 90, rows: 30 });
  tab.type('exit\n');
  await tab.notice('end');
  const { recordingBytes } = await endOf(tab.id);
  expect(Number(recordingBytes)).toBeGreaterThan(100);
  const control = signer.sign({
    use: 'terminal-control',
    expiresAt: Date.now() + 10_000,
    instance: 'webcli-0',
  } as { expiresAt: number });
  const url = `${webcli.url}/recordings/${tab.id}?from=0`;
  expect((await fetch(url)).status).toBe(403);
  const answer = await fetch(url, { headers: { authorization: `Bearer ${control}` } });
  const { text, next } = (await answer.json()) as { text: string; next: number | null };
  expect(next).toBeNull();
  const [header = '', ...events] = text.trim().split('\n');
  expect(JSON.parse(header)).toMatchObject({ version: 2, width: 80, height: 24 });
  const shown = events.map((line) => JSON.parse(line) as [number, string, string]);
  expect(shown.map(([, , data]) => data).join('')).toContain('recorded-42');
  expect(shown.some(([, kind, data]) => kind === 'r' && data === '90x30')).toBe(true);
  expect(shown.every(([at], index) => index === 0 || at >= (shown[index - 1]?.[0] ?? 0))).toBe(true);
});

test('idle and abandoned sessions end; a stop tells the tabs', async () => {
  const quick = await begin({
    port: 20_452,
    statusPort: 20_453,
    instance: 'webcli-1',
    idleMs: 600,
    idleNoticeMs: 300,
    graceMs: 300,
    dataDir: join(folder, 'two'),
  });
  const idle = open({ instance: 'webcli-1' }, quick.url);
  await idle.notice('idle');
  expect(await idle.notice('end')).toMatchObject({ end: 'IDLE' });
  expect((await idle.closed).code).toBe(4499);
  const lost = open({ instance: 'webcli-1' }, quick.url);
  await lost.notice('ready');
  lost.socket.terminate();
  expect((await endOf(lost.id)).end).toBe('ABANDONED');
  const busy = open({ instance: 'webcli-1' }, quick.url);
  await busy.notice('ready');
  const stopped = quick.stop();
  await busy.notice('draining');
  expect((await busy.closed).code).toBe(1012);
  await stopped;
  expect((await endOf(busy.id)).end).toBe('SHUT_DOWN');
  await expect(fetch(quick.url)).rejects.toThrow();
});

test('measures and health are served', async () => {
  expect(await (await fetch(`${webcli.statusUrl}/healthz`)).text()).toBe('ok\n');
  const metrics = await (await fetch(`${webcli.statusUrl}/metrics`)).text();
  expect(metrics).toMatch(/skyarc_webcli_sessions_ended_total\{end="EXITED",service="webcli"\} [1-9]/);
});
