import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep } from '@skyarc/lib/retry';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EtcdClient, startEtcd, type RunningEtcd, type WatchBatch } from './index.ts';

let folder: string;
let etcd: RunningEtcd;
let client: EtcdClient;
const start = (): Promise<RunningEtcd> =>
  startEtcd({
    name: 'test',
    dataDir: join(folder, 'data'),
    runDir: folder,
    clientPort: 20190,
    peerPort: 20191,
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyarc-etcd-'));
  etcd = await start();
  client = new EtcdClient({ url: etcd.url });
});
afterAll(async () => {
  client.close();
  await etcd.stop();
  await rm(folder, { recursive: true });
});

test('a second start adopts the running server', async () => {
  const again = await start();
  expect(again).toMatchObject({ pid: etcd.pid, adopted: true });
});

test('a transaction writes only when every comparison holds', async () => {
  const created = await client.put('/txn/a', '1', 0);
  expect(created).toBeGreaterThan(0);
  expect(await client.put('/txn/a', '2', 0)).toBeNull();
  const lost = await client.txn(
    [{ key: '/txn/a', modRevision: 1 }],
    [{ type: 'put', key: '/txn/b', value: 'x' }],
    [{ type: 'get', key: '/txn/a' }],
  );
  expect(lost.succeeded).toBe(false);
  expect(lost.replies[0]?.found).toMatchObject({ key: '/txn/a', modRevision: created });
  const won = await client.txn(
    [{ key: '/txn/a', value: '1' }],
    [
      { type: 'put', key: '/txn/b', value: 'x' },
      { type: 'delete', key: '/txn/a' },
    ],
  );
  expect(won.succeeded).toBe(true);
  expect(won.replies[1]?.deleted).toBe(1);
  expect(await client.get('/txn/a')).toBeNull();
});

test('pages at one revision do not see later writes', async () => {
  for (let i = 0; i < 10; i += 1) await client.put(`/page/${i}`, 'old');
  const first = await client.list('/page/', { limit: 4 });
  expect(first).toMatchObject({ more: true, count: 10 });
  await client.put('/page/5', 'new');
  await client.delete('/page/6');
  const rest = await client.list('/page/', { after: first.items.at(-1)?.key, revision: first.revision });
  expect(rest.items.map((item) => item.value.toString())).toEqual(Array(6).fill('old'));
  expect((await client.listRevisions('/page/')).revisions.size).toBe(9);
});

test('a watch resumes after etcd was killed and misses nothing', async () => {
  const from = (await client.revision()) + 1;
  const stop = new AbortController();
  const seen: string[] = [];
  const watching = (async () => {
    for await (const batch of client.watch('/kill/', { fromRevision: from, signal: stop.signal })) {
      seen.push(...batch.changes.map((change) => change.kv.value.toString()));
    }
  })();
  const write = async (text: string): Promise<void> => {
    while ((await client.put('/kill/key', text).catch(() => null)) === null) await sleep(20);
  };
  for (let i = 0; i < 5; i += 1) await write(`before ${i}`);
  process.kill(etcd.pid, 'SIGKILL');
  await expect(client.put('/kill/other', 'lost')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  etcd = await start();
  const restartedAt = Date.now();
  for (let i = 0; i < 5; i += 1) await write(`after ${i}`);
  while (seen.at(-1) !== 'after 4') await sleep(10);
  expect(Date.now() - restartedAt).toBeLessThan(5_000);
  expect(seen).toEqual(
    [0, 1, 2, 3, 4].map((i) => `before ${i}`).concat([0, 1, 2, 3, 4].map((i) => `after ${i}`)),
  );
  stop.abort();
  await watching;
});

test('a watch from a compacted revision says so', async () => {
  for (let i = 0; i < 5; i += 1) await client.put('/old', `${i}`);
  await client.compact(await client.revision());
  const next = client.watch('/old', { fromRevision: 2, signal: new AbortController().signal }).next();
  await expect(next).rejects.toMatchObject({ code: 'CONFLICT', details: { reason: 'Compacted' } });
  await expect(client.list('/old', { revision: 2 })).rejects.toMatchObject({
    details: { reason: 'Compacted' },
  });
});

test('a value is delivered with the one before it; a delete too', async () => {
  const created = (await client.put('/prev', 'one')) ?? 0;
  await client.put('/prev', 'two');
  await client.delete('/prev');
  const stop = new AbortController();
  const batches: WatchBatch[] = [];
  for await (const batch of client.watch('/prev', {
    fromRevision: created,
    signal: stop.signal,
    withPrevious: true,
  })) {
    batches.push(batch);
    if (batches.flatMap((each) => each.changes).length === 3) stop.abort();
  }
  const changes = batches.flatMap((each) => each.changes);
  expect(changes.map((change) => change.type)).toEqual(['put', 'put', 'delete']);
  expect(changes.map((change) => change.previous?.value.toString())).toEqual([undefined, 'one', 'two']);
});

test('keys of a revoked lease vanish', async () => {
  const lease = await client.lease(5);
  await client.txn([], [{ type: 'put', key: '/lease/a', value: 'x', leaseId: lease.id }]);
  expect(await client.get('/lease/a')).not.toBeNull();
  await lease.revoke();
  expect(lease.lost.aborted).toBe(true);
  expect(await client.get('/lease/a')).toBeNull();
});
