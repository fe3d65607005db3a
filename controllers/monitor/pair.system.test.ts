import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { newId } from '@skyarc/lib/contracts';
import { sleep } from '@skyarc/lib/retry';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MailBox, Outside } from './testkit/outside.ts';
import { eventually, MonitorRig } from './testkit/rig.ts';

// Two monitors, each with a Prometheus and an Alertmanager of its own: either may be lost with everything it has.
const mailPort = 21_797;
const outsidePort = 21_796;
const firstMesh = 21_940;
const mailbox = new MailBox();
const outside = new Outside();
let rig: MonitorRig;
let first: ChildProcess;

const services = [{ name: 'probe', url: `http://127.0.0.1:${outsidePort}` }];
const repeatIntervalSec = 3_600;
/** Many rounds of it, which are 200 ms apart. */
const gossipMs = 5_000;

beforeAll(async () => {
  await mailbox.listen(mailPort);
  await outside.listen(outsidePort);
  rig = await MonitorRig.open('pair', 21_900);
  await rig.db.alertReceiver.create({
    data: {
      id: newId('local', 'receiver'),
      name: 'mail',
      kind: 'MAIL',
      settings: JSON.stringify({ host: '127.0.0.1', port: mailPort, from: 'a@test.dev', to: ['b@test.dev'] }),
    },
  });
  first = await startFirst();
  await rig.start(1, {
    services,
    alertmanager: {
      repeatIntervalSec,
      mesh: { port: firstMesh + 1, peers: [`127.0.0.1:${firstMesh}`] },
      others: [`http://127.0.0.1:${rig.configOf(0).alertmanager.port}`],
    },
  });
});

afterAll(async () => {
  first?.kill('SIGKILL');
  await rig?.close();
  await outside.close();
  await mailbox.close();
});

const startFirst = (): Promise<ChildProcess> =>
  rig.fork(0, {
    services,
    alertmanager: { repeatIntervalSec, mesh: { port: firstMesh, peers: [`127.0.0.1:${firstMesh + 1}`] } },
  });

/** kill -9 of the first monitor and of both of its engines, with nobody to start them again. */
async function killFirst(): Promise<void> {
  first.kill('SIGKILL');
  await once(first, 'exit');
  for (const engine of ['alertmanager', 'shard-0']) {
    process.kill(await rig.enginePid(0, engine), 'SIGKILL');
  }
}

async function addRule(name: string): Promise<void> {
  outside.metrics.set(name, 0);
  const id = newId('local', 'alertrule');
  const data = { id, name, expression: `${name} > 0`, forSec: 0, summary: `${name} is up` };
  await rig.db.alertRule.create({ data });
}

const mailsOf = (name: string, state: string) =>
  mailbox.mails.filter(({ text }) => text.includes(`Subject: [${state}] ${name} is up`)).length;
const messagesOf = (alertName: string) => rig.db.message.findMany({ where: { alertName } });
const told = (name: string, state = 'WARNING') => eventually(async () => mailsOf(name, state) > 0);

test('one of two monitors is killed with its engines: no alert is missed, none is told twice', async () => {
  const at = Date.now();
  const names = ['before', 'during', 'after'].map((when) => `${when}_${at}`);
  const [before = '', during = '', after = ''] = names;
  for (const name of names) await addRule(name);
  outside.metrics.set(before, 1);
  await told(before);
  // What one has told the other hears by gossip: whoever is killed before that is not believed to have told it.
  await sleep(gossipMs);
  outside.metrics.set(during, 1);
  await killFirst();
  await told(during);
  // Both begin and end while the second one is alone.
  outside.metrics.set(before, 0);
  await told(before, 'RESOLVED');
  first = await startFirst();
  outside.metrics.set(after, 1);
  await told(after);
  for (const name of [during, after]) outside.metrics.set(name, 0);
  for (const name of [during, after]) await told(name, 'RESOLVED');
  for (const name of names) {
    expect([mailsOf(name, 'WARNING'), mailsOf(name, 'RESOLVED')], name).toEqual([1, 1]);
    expect(
      (await messagesOf(name)).map(({ status }) => status),
      name,
    ).toEqual(['RESOLVED']);
  }
}, 240_000);
