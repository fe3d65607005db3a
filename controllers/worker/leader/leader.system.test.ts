import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newId } from '@skyarc/lib/contracts';
import { sleep } from '@skyarc/lib/retry';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { namespace, World } from '../fixtures/world.ts';
import { renderVolume, termAnnotation } from '../provisioner/classes.ts';
import { VolumeFolders } from '../provisioner/folders.ts';
import { lastTerm, takeOffice } from './fence.ts';

let world: World;

beforeAll(async () => {
  world = await World.open({
    instance: 'hehl',
    basePort: 20_660,
    podCidr: '10.80.0.0/17',
    serviceCidr: '10.80.128.0/17',
  });
});
afterAll(() => world?.close());

const idle = 'setInterval(()=>{},1000)';

test('a leader that was stopped before each act and goes on under its successor changes nothing', async () => {
  const { db, kube, folder } = world;
  await world.stopWorker();
  const root = join(folder, 'fenced');
  const appId = await world.newApp('fenced', idle);
  const volumeId = newId('local', 'volume');
  await db.volume.create({ data: { id: volumeId, appId, name: 'data', kind: 'SHARED', mountPath: '/d' } });
  const token = (await lastTerm(db)) + 1;
  const early = await VolumeFolders.open(root, token - 1);
  const path = early.pathOf({ team: 'blue', app: 'fenced', volume: 'data-1' });
  await early.make(path);
  await writeFile(join(path, 'file'), 'precious');
  const claim = { metadata: { name: 'c', namespace, uid: 'one' }, spec: { accessModes: ['ReadWriteMany'] } };
  await kube.create(
    'persistentvolumes',
    renderVolume(claim, { path, nodeName: undefined, token: token - 1 }),
  );
  await kube.create('namespaces', { metadata: { name: 'left' } });

  const child = fork(
    join(import.meta.dirname, '../fixtures/deposed.ts'),
    [
      JSON.stringify({
        token,
        root,
        databaseFile: join(folder, 'datacenter.db'),
        kubeconfig: world.cluster.kubeconfig,
        volumeName: 'pvc-one',
        volumeId,
        namespaceName: 'left',
      }),
    ],
    { stdio: 'inherit' },
  );
  await once(child, 'message');
  await takeOffice(db, token + 1);
  const successor = await VolumeFolders.open(root, token + 1);
  for (const [resource, name] of [
    ['persistentvolumes', 'pvc-one'],
    ['namespaces', 'left'],
  ] as const) {
    const annotations = { [termAnnotation]: String(token + 1) };
    await kube.patch(resource, { name }, { metadata: { annotations } });
  }
  child.kill('SIGCONT');
  const [said] = await once(child, 'message');
  expect(said).toEqual({
    discard: 'Another worker has taken over the volumes',
    statistics: 'Another worker leads by now',
    claimVolume: expect.stringContaining('has been modified'),
    deleteNamespace: expect.stringContaining('Kubernetes refused DELETE'),
    takeOffice: 'Another worker leads by now',
    open: expect.stringMatching(/^Term \d+ has taken over the volumes$/),
  });
  expect(await readFile(join(path, 'file'), 'utf8')).toBe('precious');
  expect((await db.volume.findUnique({ where: { id: volumeId } }))?.usedBytes).toBeNull();
  expect((await kube.find('namespaces', 'left'))?.metadata?.deletionTimestamp).toBeUndefined();

  // The one in office can.
  await successor.discard(path);
  expect(await readdir(root)).toEqual(['.trash']);
  expect(await successor.erase(0)).toBeGreaterThan(0);
  child.kill('SIGKILL');
  await kube.delete('persistentvolumes', 'pvc-one');
  await world.startWorker();
});

test(
  'two workers: the leader is stopped, then killed, while work flows; nothing is lost or done twice',
  {
    timeout: 240_000,
  },
  async () => {
    await world.stopWorker();
    const workers = [await world.forkWorker(), await world.forkWorker()];
    const leader = await leaderAmong(workers);
    const other = workers.find((each) => each !== leader) as ChildProcess;
    const first = await newStore('first');
    expect((await world.act(first.id, 'UPGRADE', { versionId: first.version })).status).toBe('SUCCEEDED');
    await world.exec('first', ['sh', '-c', 'echo kept > /data/file']);

    leader.kill('SIGSTOP');
    const second = await newStore('second');
    const began = await world.begin(second.id, 'UPGRADE', { versionId: second.version });
    expect(await world.ended(began.id)).toMatchObject({ status: 'SUCCEEDED' });
    expect(await leaderAmong([other])).toBe(other);
    await world.exec('second', ['sh', '-c', 'echo new > /data/file']);
    leader.kill('SIGCONT');
    await sleep(3_000);
    expect(await leaderAmong([other])).toBe(other);
    expect(await world.exec('first', ['cat', '/data/file'])).toBe('kept\n');
    expect(await world.exec('second', ['cat', '/data/file'])).toBe('new\n');

    // Now the one that leads dies in the middle of several operations.
    const third = await newStore('third');
    const operations = [
      await world.begin(third.id, 'UPGRADE', { versionId: third.version }),
      await world.begin(first.id, 'RESTART'),
      await world.begin(second.id, 'DELETE'),
    ];
    await sleep(400);
    other.kill('SIGKILL');
    for (const { id } of operations) expect(await world.ended(id)).toMatchObject({ status: 'SUCCEEDED' });
    expect(await leaderAmong([leader])).toBe(leader);
    expect(await world.exec('first', ['cat', '/data/file'])).toBe('kept\n');
    const left = async () => readdir(join(world.folder, 'volumes/blue'));
    await expect.poll(left).toEqual(['first', 'third']);
    leader.kill('SIGTERM');
  },
);

async function newStore(name: string): Promise<{ id: string; version: string }> {
  const id = await world.newApp(name, idle);
  await world.db.volume.create({
    data: { id: newId('local', 'volume'), appId: id, name: 'data', kind: 'SHARED', mountPath: '/data' },
  });
  return { id, version: await world.newVersion(id, 1) };
}

/** Waits until one of these holds the Lease. */
async function leaderAmong(workers: readonly ChildProcess[]): Promise<ChildProcess> {
  const find = async () => {
    const lease = await world.kube.find('leases', 'skyarc-worker', 'skyarc-system');
    return workers.find(({ pid }) => lease?.spec?.holderIdentity?.includes(`_${pid}_`));
  };
  await expect.poll(find).toBeDefined();
  return (await find()) as ChildProcess;
}
