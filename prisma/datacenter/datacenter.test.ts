import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@libsql/client';
import { type ChangeNotice, newId } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { applyMigrations, migrationsOf } from '../migrations.ts';
import {
  createOperation,
  type DataCenterDatabase,
  openDataCenterDatabase,
  OperationJournal,
  relayOutbox,
} from './index.ts';

const folder = await mkdtemp(join(tmpdir(), 'skyarc-db-'));
const file = join(folder, 'datacenter.db');
let db: DataCenterDatabase;
beforeAll(async () => {
  db = await openDataCenterDatabase({ file });
  await db.team.create({
    data: { name: 'blue', namespace: 'skyarc-blue', sshPublicKey: '', sshPrivateKey: '' },
  });
});
afterAll(async () => {
  await db.$disconnect();
  await rm(folder, { recursive: true });
});

function newApp(name: string) {
  const source = JSON.stringify({ kind: 'TEMPLATE', template: 'hello-node' });
  return db.app.create({
    data: { id: newId('local', 'app'), teamName: 'blue', groupId: 'g', name, displayName: name, source },
  });
}

function recorder() {
  const lines: string[] = [];
  const notices: ChangeNotice[] = [];
  return {
    lines,
    notices,
    say: (_: string, text: string) => void lines.push(text),
    notify: (_: string, notice: ChangeNotice) => void notices.push(notice),
  };
}

test('a second open applies nothing, and an edited migration is refused', async () => {
  const client = createClient({ url: `file:${file}` });
  const migrations = await migrationsOf('datacenter');
  expect(await applyMigrations(client, migrations)).toEqual([]);
  const edited = migrations.map((one) => ({ ...one, checksum: 'other' }));
  await expect(applyMigrations(client, edited)).rejects.toThrow(/was edited after it was applied/);
  await expect(applyMigrations(client, [])).rejects.toThrow(/of a newer release/);
  client.close();
});

test('five processes that open a new database at once leave it migrated once', async () => {
  const fresh = join(folder, 'fresh.db');
  const opened = await Promise.all(Array.from({ length: 5 }, () => openDataCenterDatabase({ file: fresh })));
  expect(await opened[4]?.app.count()).toBe(0);
  await Promise.all(opened.map((one) => one.$disconnect()));
});

test('of two operations at once one gets the app, the other a conflict that names it', async () => {
  const app = await newApp('twice');
  const outcomes = await Promise.allSettled(
    ['ann', 'bob'].map((actor) => createOperation(db, { app, kind: 'DEPLOY', actor })),
  );
  const refused = outcomes.filter((one) => one.status === 'rejected').map((one) => one.reason as AppError);
  expect(refused).toHaveLength(1);
  expect(refused[0]?.code).toBe('CONFLICT');
  expect(refused[0]?.message).toMatch(/Cannot deploy app "twice": deploy by (ann|bob) is still running/);
  expect(await db.build.count({ where: { appId: app.id } })).toBe(1);
  expect(await db.outbox.count({ where: { key: app.id } })).toBe(1);
});

test('the outbox keeps what could not be published and publishes it later, once', async () => {
  const app = await newApp('queued');
  await db.outbox.deleteMany();
  const operation = await createOperation(db, { app, kind: 'DEPLOY', actor: 'ann' });
  await expect(relayOutbox(db, () => Promise.reject(new Error('queue is away')))).rejects.toThrow(
    'queue is away',
  );
  const published: string[] = [];
  await relayOutbox(db, async ({ messageId }) => void published.push(messageId));
  await relayOutbox(db, async ({ messageId }) => void published.push(messageId));
  expect(published).toEqual([`${operation.id}.begin`]);
});

test('a journal tells the final state once and frees the app', async () => {
  const app = await newApp('story');
  const { id } = await createOperation(db, { app, kind: 'SCALE', actor: 'ann', arguments: { replicas: 2 } });
  const sink = recorder();
  const journal = (await OperationJournal.open(db, id, sink)) as OperationJournal;
  await journal.start();
  await journal.step('APPLY', async () => 'Applied');
  const failure = new AppError('TIMEOUT', 'Pods did not become ready within 120 s');
  await expect(journal.step('ROLL_OUT', () => Promise.reject(failure))).rejects.toBe(failure);
  expect(await journal.fail(failure)).toBe(true);
  expect(await journal.finish('SUCCEEDED', 'late')).toBe(false);
  const stored = await db.operation.findUniqueOrThrow({ where: { id }, include: { steps: true } });
  expect(stored.status).toBe('TIMED_OUT');
  expect(stored.message).toBe(failure.message);
  expect(stored.steps.map((step) => step.status).toSorted()).toEqual(['SUCCEEDED', 'TIMED_OUT']);
  expect((await db.app.findUniqueOrThrow({ where: { id: app.id } })).activeOperationId).toBeNull();
  expect(sink.lines).toEqual([failure.message]);
  expect(await OperationJournal.open(db, id, sink)).toBeNull();
});

test('an operation outlives its app', async () => {
  const app = await newApp('gone');
  const { id } = await createOperation(db, { app, kind: 'DELETE', actor: 'ann' });
  const journal = (await OperationJournal.open(db, id, recorder())) as OperationJournal;
  await journal.finish(
    'SUCCEEDED',
    null,
    async (tx) => void (await tx.app.delete({ where: { id: app.id } })),
  );
  expect((await db.operation.findUniqueOrThrow({ where: { id } })).status).toBe('SUCCEEDED');
});

test.each([
  ['DEPLOY', { greyVersionId: 'local.version.aaaaaaaaaaaaaaaa' }, /promote or abort it first/],
  ['ROLLBACK', { greyVersionId: 'local.version.aaaaaaaaaaaaaaaa' }, /Cannot roll back app/],
  ['GREY_PROMOTE', {}, /there is none/],
  [
    'SCALE',
    { autoscaling: '{"minReplicas":1,"maxReplicas":2,"metrics":[{"kind":"CPU","target":50}]}' },
    /autoscaling rule decides/,
  ],
] as const)(
  '%s is refused where the app does not allow it, and leaves it free',
  async (kind, data, reason) => {
    const { id } = await newApp(`refused-${kind.toLowerCase().replace('_', '-')}`);
    const app = await db.app.update({ where: { id }, data });
    await expect(createOperation(db, { app, kind, actor: 'ann' })).rejects.toThrow(reason);
    expect((await db.app.findUnique({ where: { id } }))?.activeOperationId).toBeNull();
  },
);

test('a third-party app is deployed without a build', async () => {
  const { id } = await newApp('elsewhere');
  const source = JSON.stringify({ kind: 'EXTERNAL', endpoints: [{ host: 'db.example.com', port: 5432 }] });
  const app = await db.app.update({ where: { id }, data: { source } });
  const operation = await createOperation(db, { app, kind: 'DEPLOY', actor: 'ann', afterIds: ['a'] });
  expect(operation).toMatchObject({ buildId: null, afterIds: '["a"]' });
  expect(await db.operationStep.count({ where: { operationId: operation.id } })).toBe(2);
  expect((await db.outbox.findFirst({ where: { key: id } }))?.topic).toBe('runtime');
});

test('an operation that is ended for a builder that is gone ends its build, too', async () => {
  const app = await newApp('orphaned');
  const { id } = await createOperation(db, { app, kind: 'DEPLOY', actor: 'ann' });
  const sink = recorder();
  const journal = await OperationJournal.open(db, id, sink);
  expect(await journal?.finish('TIMED_OUT', 'The operation did not end within its time')).toBe(true);
  const operation = await db.operation.findUniqueOrThrow({ where: { id } });
  const build = await db.build.findUniqueOrThrow({ where: { id: operation.buildId ?? '' } });
  expect(build).toMatchObject({ status: 'TIMED_OUT', message: 'The operation did not end within its time' });
  expect(build.finishedAt).not.toBeNull();
  expect(sink.notices).toContainEqual({ kind: 'build', id: build.id, appId: app.id });
});
