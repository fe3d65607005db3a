import { createHmac } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { newId } from '@skyarc/lib/contracts';
import { sleep } from '@skyarc/lib/retry';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningMonitor } from './main.ts';
import { MailBox, Outside, type Posted } from './testkit/outside.ts';
import { eventually, MonitorRig, token } from './testkit/rig.ts';

const mailPort = 21_780;
const outsidePort = 21_781;
const signingKey = 'key of the webhook';
const mailbox = new MailBox();
const outside = new Outside();
let rig: MonitorRig;
let monitor: RunningMonitor;

const changes = {
  services: [{ name: 'probe', url: `http://127.0.0.1:${outsidePort}` }],
  watchdogSec: 15,
  // Default rules wait for a fiftieth of their time.
  patience: 0.02,
  alertmanager: { repeatIntervalSec: 3_600 },
};

beforeAll(async () => {
  await mailbox.listen(mailPort);
  await outside.listen(outsidePort);
  rig = await MonitorRig.open('hema', 21_750);
  await addReceiver(
    'MAIL',
    { host: '127.0.0.1', port: mailPort, from: 'a@test.dev', to: ['b@test.dev'] },
    {},
  );
  await addReceiver('WEBHOOK', {}, { url: `http://127.0.0.1:${outsidePort}/hook`, signingKey });
  await rig.db.alertRule.create({
    data: {
      id: newId('local', 'alertrule'),
      name: 'ThingUp',
      expression: 'thing_up > 0',
      forSec: 0,
      summary: '{{ $labels.node }} is up',
    },
  });
  monitor = await rig.start(0, changes);
});

afterAll(async () => {
  await rig?.close();
  await outside.close();
  await mailbox.close();
});

async function addReceiver(kind: string, settings: object, secret: object, teamName: string | null = null) {
  const id = newId('local', 'receiver');
  const sealed = rig.secretBox.seal(JSON.stringify(secret), `receiver:${id}`);
  const row = { id, teamName, name: kind, kind, settings: JSON.stringify(settings), secret: sealed };
  await rig.db.alertReceiver.create({ data: row });
  return id;
}

/** A rule over the probe's gauge of the same name. */
async function addRule(name: string): Promise<void> {
  outside.metrics.set(name, 0);
  await rig.db.alertRule.create({
    data: {
      id: newId('local', 'alertrule'),
      name,
      expression: `${name} > 0`,
      forSec: 0,
      summary: `${name} is up`,
    },
  });
  await rig.post(monitor, '/sync');
}

const mailsSaying = (subject: string) =>
  mailbox.mails.filter(({ text }) => text.includes(`Subject: ${subject}`));
const mailsOf = (name: string, state: string) => mailsSaying(`[${state}] ${name} is up`);
const postsOf = (name: string, status: string) =>
  outside.posts.filter(
    ({ path, body }) =>
      path === '/hook' && body.includes(`"${name}"`) && body.includes(`"status":"${status}"`),
  );
const beats = () => outside.posts.filter(({ path }) => path === '/beat').length;
/** Titles of what a receiver was told that wants Chinese. */
const saidInChinese = () =>
  outside.posts
    .filter(({ path }) => path === '/zh')
    .map(({ body }) => (JSON.parse(body) as { title: string }).title);
const messagesOf = (alertName: string) => rig.db.message.findMany({ where: { alertName } });

const enginePid = (name: string): Promise<number> => rig.enginePid(0, name);

const messagesAbout = (thing: string): Promise<number> =>
  rig.db.message.count({ where: { summary: `${thing} is up` } });

test('an alert is one mail, one signed post and one message, and so is its end', async () => {
  const name = `probe_${Date.now()}`;
  await addRule(name);
  outside.metrics.set(name, 1);
  await eventually(async () => mailsOf(name, 'WARNING').length > 0 && postsOf(name, 'FIRING').length > 0);
  const [{ headers, body } = { headers: {} as Posted['headers'], body: '' }] = postsOf(name, 'FIRING');
  const [, at = '', signature] = /^t=(\d+),v1=(\w+)$/.exec(String(headers['x-skyarc-signature'])) ?? [];
  expect(createHmac('sha256', signingKey).update(`${at}.${body}`).digest('hex')).toBe(signature);
  expect(await eventually(async () => (await messagesOf(name))[0])).toMatchObject({
    status: 'FIRING',
    severity: 'WARNING',
    summary: `${name} is up`,
    teamName: null,
  });
  outside.metrics.set(name, 0);
  await eventually(async () => mailsOf(name, 'RESOLVED').length > 0 && postsOf(name, 'RESOLVED').length > 0);
  await eventually(async () => (await messagesOf(name))[0]?.status === 'RESOLVED');
  expect(
    [mailsOf(name, 'WARNING'), mailsOf(name, 'RESOLVED'), await messagesOf(name)].map(({ length }) => length),
  ).toEqual([1, 1, 1]);
});

test('killed engines and a killed monitor neither lose an alert nor tell it twice', async () => {
  const [before, during] = [`before_${Date.now()}`, `during_${Date.now()}`];
  await addRule(before);
  await addRule(during);
  outside.metrics.set(before, 1);
  await eventually(async () => mailsOf(before, 'WARNING').length > 0);
  process.kill(await enginePid('alertmanager'), 'SIGKILL');
  outside.metrics.set(during, 1);
  await eventually(async () => mailsOf(during, 'WARNING').length > 0);
  process.kill(await enginePid('shard-0'), 'SIGKILL');
  await monitor.stop();
  monitor = await rig.start(0, changes);
  await eventually(async () => (await fetch(`${monitor.url}/healthz`)).ok);
  // Until everything that was begun again has said what it believes to be news: Prometheus drops what it says
  // before it has found Alertmanager, and says it again after 15 s.
  await sleep(20_000);
  for (const name of [before, during]) {
    expect(mailsOf(name, 'WARNING'), name).toHaveLength(1);
    expect(mailsOf(name, 'RESOLVED'), name).toHaveLength(0);
    expect(await messagesOf(name), name).toHaveLength(1);
  }
  outside.metrics.set(before, 0);
  outside.metrics.set(during, 0);
  await eventually(
    async () => mailsOf(before, 'RESOLVED').length > 0 && mailsOf(during, 'RESOLVED').length > 0,
  );
});

test('an alert that ended while both engines were away is told to have ended', async () => {
  const name = `unseen_${Date.now()}`;
  await addRule(name);
  outside.metrics.set(name, 1);
  await eventually(async () => mailsOf(name, 'WARNING').length > 0);
  const pids = [await enginePid('alertmanager'), await enginePid('shard-0')];
  await monitor.stop();
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  // All that they knew is lost, too: neither ever says a word of this alert again.
  const { dataDir } = rig.configOf(0);
  for (const engine of ['alertmanager', 'shard-0'])
    await rm(join(dataDir, engine, 'data'), { recursive: true });
  outside.metrics.set(name, 0);
  monitor = await rig.start(0, changes);
  await eventually(async () => mailsOf(name, 'RESOLVED').length > 0);
  await eventually(async () => (await messagesOf(name))[0]?.status === 'RESOLVED');
  expect([mailsOf(name, 'WARNING').length, mailsOf(name, 'RESOLVED').length]).toEqual([1, 1]);
});

interface PostedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly status: {
    readonly state: string;
    readonly silencedBy: readonly string[];
    readonly inhibitedBy: readonly string[];
  };
}

/** As the API and the console read it; of the alert of a thing, or of one by name. */
async function statusOf(
  label: 'node' | 'alertname',
  value: string,
): Promise<PostedAlert['status'] | undefined> {
  const alerts = await rig.get<PostedAlert[]>(monitor, '/alerts');
  return alerts.find(({ labels }) => labels[label] === value)?.status;
}

/** Lets an alert of a thing fire by the rule that all of them share. */
function raise(thing: string): void {
  outside.metrics.set(`thing_up{node="${thing}"}`, 1);
}

async function silence(thing: string, forMs: number): Promise<{ id: string; endsAt: Date }> {
  const endsAt = new Date(Date.now() + forMs);
  const { silenceID: id } = (await rig.post(monitor, '/silences', {
    matchers: [{ name: 'node', value: thing, isRegex: false, isEqual: true }],
    startsAt: new Date().toISOString(),
    endsAt: endsAt.toISOString(),
    createdBy: 'test',
    comment: 'known',
  })) as { silenceID: string };
  return { id, endsAt };
}

/** Another alert goes all the way from here on, so what was due before it and did not come was held back. */
async function untilAnotherIsTold(): Promise<void> {
  const control = `control-${Date.now()}`;
  raise(control);
  await eventually(async () => mailsOf(control, 'WARNING').length > 0);
}

test('a silenced alert is told to nobody, is seen as silenced, and is told once the silence is lifted or over', async () => {
  const [quiet, brief] = [`quiet-${Date.now()}`, `brief-${Date.now()}`];
  const { id } = await silence(quiet, 600_000);
  const { endsAt } = await silence(brief, 8_000);
  raise(quiet);
  raise(brief);
  await eventually(async () => (await statusOf('node', quiet))?.state === 'suppressed');
  await untilAnotherIsTold();
  expect(await statusOf('node', quiet)).toMatchObject({
    state: 'suppressed',
    silencedBy: [id],
    inhibitedBy: [],
  });
  expect([mailsOf(quiet, 'WARNING'), postsOf(quiet, 'FIRING'), await messagesAbout(quiet)]).toEqual([
    [],
    [],
    0,
  ]);
  await eventually(async () => mailsOf(brief, 'WARNING').length > 0);
  expect(Date.now()).toBeGreaterThanOrEqual(endsAt.getTime());
  expect(mailsOf(quiet, 'WARNING')).toEqual([]);
  const headers = { authorization: `Bearer ${token}` };
  expect((await fetch(`${monitor.url}/silences/${id}`, { method: 'DELETE', headers })).ok).toBe(true);
  await eventually(async () => mailsOf(quiet, 'WARNING').length > 0 && (await messagesAbout(quiet)) === 1);
  expect(await statusOf('node', quiet)).toMatchObject({ state: 'active', silencedBy: [] });
  expect([mailsOf(quiet, 'WARNING').length, mailsOf(brief, 'WARNING').length]).toEqual([1, 1]);
});

test('of a node that is not ready its other troubles are not told as well, by the rules that are there', async () => {
  const { kube } = rig.cluster;
  const node = `node-${Date.now()}`;
  await addReceiver('WEBHOOK', { language: 'ZH' }, { url: `http://127.0.0.1:${outsidePort}/zh` });
  await rig.post(monitor, '/sync');
  await kube.create('nodes', { metadata: { name: node } });
  const report = (ready: boolean, pressed: boolean) =>
    kube.patch(
      'nodes',
      { name: node, subresource: 'status' },
      {
        status: {
          conditions: [
            { type: 'Ready', status: ready ? 'True' : 'False' },
            { type: 'MemoryPressure', status: pressed ? 'True' : 'False' },
          ],
        },
      },
    );
  try {
    await report(false, false);
    await eventually(async () => mailsSaying(`[CRITICAL] Node ${node} is not ready`).length > 0);
    await eventually(async () => saidInChinese().includes(`[严重] 节点 ${node} 未就绪`));
    await report(false, true);
    await eventually(async () => (await statusOf('alertname', 'NodePressure'))?.state === 'suppressed');
    await untilAnotherIsTold();
    expect((await statusOf('alertname', 'NodePressure'))?.inhibitedBy).toHaveLength(1);
    expect(mailsSaying(`[WARNING] Node ${node} has MemoryPressure`)).toEqual([]);
    expect(await rig.db.message.count({ where: { summary: { contains: `${node} has` } } })).toBe(0);
    // It comes back, and is still short of memory.
    await report(true, true);
    await eventually(async () => mailsSaying(`[WARNING] Node ${node} has MemoryPressure`).length > 0);
  } finally {
    await kube.delete('nodes', node);
  }
});

test('alerts that are delivered no more are themselves told, around what is broken', async () => {
  const open = () => rig.db.message.count({ where: { alertName: 'AlertsSilent', status: 'FIRING' } });
  await addReceiver('HEARTBEAT', {}, { url: `http://127.0.0.1:${outsidePort}/beat` });
  await rig.post(monitor, '/sync');
  // Who waits for these outside raises alarm when they stay away.
  await eventually(async () => beats() > 0 && (await open()) === 0);
  const before = mailsSaying('[CRITICAL] Alerts are not evaluated').length;
  const endsBefore = mailsSaying('[RESOLVED] Alerts are evaluated').length;
  const pid = await enginePid('alertmanager');
  process.kill(pid, 'SIGSTOP');
  try {
    await eventually(async () => (await open()) === 1);
    await eventually(async () => mailsSaying('[CRITICAL] Alerts are not evaluated').length > before);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await eventually(async () => mailsSaying('[RESOLVED] Alerts are evaluated').length > endsBefore);
  await eventually(async () => (await open()) === 0);
});

test('a receiver that fails is tried again, and what it said is written down', async () => {
  const name = `again_${Date.now()}`;
  await addRule(name);
  outside.answer = { status: 503, body: 'not now' };
  outside.metrics.set(name, 1);
  await eventually(async () => postsOf(name, 'FIRING').length > 0);
  const failed = await eventually(
    async () => (await rig.db.alertReceiver.findFirst({ where: { lastError: { not: null } } })) ?? undefined,
  );
  expect(failed.lastError).toMatch(/status 503: not now/);
  outside.answer = { status: 200, body: '{"errcode":0}' };
  await eventually(
    async () => (await rig.db.alertReceiver.count({ where: { lastError: { not: null } } })) === 0,
  );
  outside.metrics.set(name, 0);
});

test('robots get what they take, and their refusals are told', async () => {
  const url = `http://127.0.0.1:${outsidePort}`;
  const ding = await addReceiver('DINGTALK', {}, { url: `${url}/ding?access_token=x`, signingKey: 'SEC1' });
  const wechat = await addReceiver('WECHAT_WORK', {}, { url: `${url}/wechat?key=x` });
  const slack = await addReceiver('SLACK', { channel: '#ops' }, { url: `${url}/slack` });
  for (const id of [ding, wechat, slack]) await rig.post(monitor, `/receivers/${id}/test`);
  const bodyOf = (path: string) => {
    const found = outside.posts.findLast((one) => one.path.startsWith(path));
    return { path: found?.path ?? '', body: JSON.parse(found?.body ?? '{}') as Record<string, unknown> };
  };
  expect(bodyOf('/ding').path).toMatch(/access_token=x&timestamp=\d+&sign=/);
  expect(bodyOf('/ding').body).toMatchObject({ msgtype: 'markdown', markdown: { title: /Test message/ } });
  expect(bodyOf('/wechat').body).toMatchObject({ msgtype: 'markdown' });
  expect(bodyOf('/slack').body).toMatchObject({ channel: '#ops' });
  outside.answer = { status: 200, body: '{"errcode":310000,"errmsg":"sign not match"}' };
  await expect(rig.post(monitor, `/receivers/${ding}/test`)).rejects.toThrow('sign not match');
  outside.answer = { status: 200, body: '{"errcode":0}' };
});

test('a team reaches public addresses alone, and its rules its own series alone', async () => {
  const id = await addReceiver('WEBHOOK', {}, { url: `http://127.0.0.1:${outsidePort}/mine` }, 'blue');
  await expect(rig.post(monitor, `/receivers/${id}/test`)).rejects.toThrow('loopback');
  const scope = (expression: string) =>
    rig.post(monitor, '/scope', { expression, namespace: 'skyarc-blue' }) as Promise<{ expression: string }>;
  expect((await scope('sum(rate(x{namespace="skyarc-red"}[5m])) / y # or z')).expression).toBe(
    'sum(rate(x{namespace="skyarc-blue",namespace="skyarc-red"}[5m])) / y{namespace="skyarc-blue"}',
  );
  await expect(scope('sum(x')).rejects.toThrow('bad_data');
  const rule = { id: 'r', teamName: 'blue', name: 'r', forSec: 0, severity: 'INFO', summary: '' };
  const check = (expression: string, summary = '') =>
    rig.post(monitor, '/rules/check', { ...rule, expression, summary });
  await expect(check('up >')).rejects.toThrow('bad_data');
  await expect(check('up == 0', '{{ $labels.')).rejects.toThrow('Cannot use the rule');
  await check('up == 0', '{{ $labels.pod }} is down');
});

test('strangers are refused', async () => {
  expect((await fetch(`${monitor.url}/api/v1/query?query=up`)).status).toBe(401);
  const headers = { authorization: 'Bearer wrong' };
  expect((await fetch(`${monitor.url}/notify/messages`, { method: 'POST', headers })).status).toBe(401);
});
