import { readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newId } from '@skyarc/lib/contracts';
import { sleep } from '@skyarc/lib/retry';
import type { DataCenterPrisma } from '@skyarc/prisma/datacenter';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { namespace, World } from './fixtures/world.ts';

let world: World;

beforeAll(async () => {
  world = await World.open({
    instance: 'hehv',
    basePort: 20_620,
    podCidr: '10.79.0.0/17',
    serviceCidr: '10.79.128.0/17',
  });
});
afterAll(() => world?.close());

const idle = 'setInterval(()=>{},1000)';

test('data of a shared volume outlives upgrade, rollback, stop, start and a failure, and goes with the app', async () => {
  const app = await world.newApp('keeper', idle);
  const [one, two] = [await world.newVersion(app, 1), await world.newVersion(app, 2)];
  const data = await newVolume(app, { name: 'data', kind: 'SHARED', mountPath: '/data', sizeMb: 64 });
  await newVolume(app, { name: 'cache', kind: 'MEMORY', mountPath: '/cache', sizeMb: 16 });
  expect(await world.act(app, 'UPGRADE', { versionId: one })).toMatchObject({ status: 'SUCCEEDED' });
  await world.exec('keeper', ['sh', '-c', 'echo kept > /data/file; echo lost > /cache/file']);
  expect((await world.act(app, 'UPGRADE', { versionId: two })).status).toBe('SUCCEEDED');
  expect(await world.exec('keeper', ['cat', '/data/file'])).toBe('kept\n');
  expect(await world.exec('keeper', ['ls', '/cache'])).toBe('');
  expect((await world.act(app, 'ROLLBACK', { versionId: one })).status).toBe('SUCCEEDED');
  expect((await world.act(app, 'STOP')).status).toBe('SUCCEEDED');
  expect((await world.act(app, 'START')).status).toBe('SUCCEEDED');
  expect(await world.exec('keeper', ['cat', '/data/file'])).toBe('kept\n');

  const usedBytes = async () => (await world.db.volume.findUnique({ where: { id: data } }))?.usedBytes ?? 0n;
  await expect.poll(usedBytes).toBeGreaterThan(0n);

  // It grows where it stands.
  await world.db.volume.update({ where: { id: data }, data: { sizeMb: 128 } });
  expect((await world.act(app, 'CONFIGURE')).status).toBe('SUCCEEDED');
  await expect.poll(async () => (await claims('keeper'))[0]?.status?.capacity?.['storage']).toBe('128Mi');
  expect(await world.exec('keeper', ['cat', '/data/file'])).toBe('kept\n');

  // A volume that is left out loses its data, once nothing mounts it any more.
  const extra = await newVolume(app, { name: 'extra', kind: 'SHARED', mountPath: '/extra' });
  expect((await world.act(app, 'CONFIGURE')).status).toBe('SUCCEEDED');
  expect(await folders('keeper')).toHaveLength(2);
  await world.db.volume.delete({ where: { id: extra } });
  expect((await world.act(app, 'CONFIGURE')).status).toBe('SUCCEEDED');
  await expect.poll(() => folders('keeper')).toHaveLength(1);

  expect((await world.act(app, 'DELETE')).status).toBe('SUCCEEDED');
  await expect.poll(() => folders('keeper')).toEqual([]);
  await expect.poll(async () => (await world.kube.list('persistentvolumes')).items).toEqual([]);
});

test('each pod of a stateful app has its own folder, also when volumes are added and grow', async () => {
  const app = await world.newApp('ledger', idle, { workload: 'STATEFUL', replicas: 2 });
  const version = await world.newVersion(app, 1);
  const data = await newVolume(app, { name: 'data', kind: 'LOCAL', mountPath: '/data', sizeMb: 10 });
  expect(await world.act(app, 'UPGRADE', { versionId: version })).toMatchObject({ status: 'SUCCEEDED' });
  for (const pod of ['ledger-0', 'ledger-1']) {
    await world.exec('ledger', ['sh', '-c', `echo ${pod} > /data/file`], pod);
  }
  await newVolume(app, { name: 'more', kind: 'LOCAL', mountPath: '/more', sizeMb: 10 });
  await world.db.volume.update({ where: { id: data }, data: { sizeMb: 20 } });
  expect(await world.act(app, 'CONFIGURE')).toMatchObject({ status: 'SUCCEEDED' });
  for (const pod of ['ledger-0', 'ledger-1']) {
    expect(await world.exec('ledger', ['cat', '/data/file'], pod)).toBe(`${pod}\n`);
    expect(await world.exec('ledger', ['ls', '/more'], pod)).toBe('');
  }
  const sizes = (await claims('ledger')).map(({ spec }) => spec?.resources?.requests?.['storage'] ?? '');
  expect(sizes.toSorted((a, b) => a.localeCompare(b))).toEqual(['10Mi', '10Mi', '20Mi', '20Mi']);

  const runs = async () => (await world.pods('ledger')).map(({ status }) => status?.containerStatuses?.[0]);
  const before = (await runs()).map((one) => one?.containerID);
  await world.db.app.update({ where: { id: app }, data: { cpuMillis: 250, memoryMb: 160 } });
  expect(await world.act(app, 'CONFIGURE')).toMatchObject({
    status: 'SUCCEEDED',
    message: expect.stringContaining('resized in place'),
  });
  expect((await runs()).map((one) => one?.containerID)).toEqual(before);
  expect((await runs()).map((one) => one?.resources?.limits)).toEqual(
    before.map(() => ({ cpu: '250m', memory: '160Mi' })),
  );
  // The next change is not held up by that one: it rolls, one pod after the other.
  await setEnv(app, 'LEVEL', 'debug');
  expect((await world.act(app, 'CONFIGURE')).status).toBe('SUCCEEDED');
  expect((await runs()).some((one) => before.includes(one?.containerID))).toBe(false);

  await world.db.app.update({ where: { id: app }, data: { replicas: 1 } });
  expect((await world.act(app, 'SCALE')).status).toBe('SUCCEEDED');
  await world.db.app.update({ where: { id: app }, data: { replicas: 2 } });
  expect((await world.act(app, 'SCALE')).status).toBe('SUCCEEDED');
  expect(await world.exec('ledger', ['cat', '/data/file'], 'ledger-1')).toBe('ledger-1\n');
  expect((await world.act(app, 'DELETE')).status).toBe('SUCCEEDED');
  await expect.poll(() => folders('ledger')).toEqual([]);
});

test('a config file is filled in from the environment, and another app shows it and the volume', async () => {
  const owner = await world.newApp('owner', idle);
  const reader = await world.newApp('reader', idle);
  await setEnv(owner, 'LEVEL', 'debug');
  await setEnv(reader, 'LEVEL', 'warn');
  const fileId = newId('local', 'volume');
  const content = 'app=${SKYARC_APP} level=${LEVEL} port=${NONE:-1}\n';
  await newVolume(owner, {
    id: fileId,
    name: 'conf',
    kind: 'CONFIG_FILE',
    mountPath: '/etc/owner/app.conf',
    content: world.secretBox.seal(content, `volume:${fileId}`),
    fileMode: 0o444,
  });
  const shared = await newVolume(owner, { name: 'data', kind: 'SHARED', mountPath: '/data' });
  await newVolume(reader, { name: 'conf', kind: 'APP', mountPath: '/conf', sourceId: fileId });
  await newVolume(reader, {
    name: 'data',
    kind: 'APP',
    mountPath: '/data',
    sourceId: shared,
    readOnly: true,
  });
  // The reader may come first: its data is there when the owner comes.
  for (const app of [reader, owner]) {
    const versionId = await world.newVersion(app, 1);
    expect(await world.act(app, 'UPGRADE', { versionId })).toMatchObject({ status: 'SUCCEEDED' });
  }
  expect(await world.exec('owner', ['cat', '/etc/owner/app.conf'])).toBe('app=owner level=debug port=1\n');
  expect(await world.exec('reader', ['cat', '/conf'])).toBe('app=reader level=warn port=1\n');
  await world.exec('owner', ['sh', '-c', 'echo told > /data/file']);
  expect(await world.exec('reader', ['cat', '/data/file'])).toBe('told\n');
  await expect(
    world.exec('reader', ['sh', '-c', 'echo no > /data/file && echo done || echo refused']),
  ).resolves.toBe('refused\n');
  const before = (await world.pods('owner'))[0]?.metadata?.name;
  await setEnv(owner, 'LEVEL', 'info');
  expect((await world.act(owner, 'CONFIGURE')).status).toBe('SUCCEEDED');
  expect((await world.pods('owner'))[0]?.metadata?.name).not.toBe(before);
  expect(await world.exec('owner', ['cat', '/etc/owner/app.conf'])).toBe('app=owner level=info port=1\n');
  expect(await world.act(owner, 'DELETE')).toMatchObject({
    status: 'FAILED',
    message: expect.stringMatching(/^App "owner" cannot be deleted: app "reader" mounts its volume/),
  });
  expect(await world.exec('reader', ['cat', '/data/file'])).toBe('told\n');
  for (const app of [reader, owner]) expect((await world.act(app, 'DELETE')).status).toBe('SUCCEEDED');
});

test('a volume that holds more than was asked for is told of; a claim that is gone is not made anew by repair', async () => {
  const app = await world.newApp('greedy', idle);
  onTestFinished(async () => {
    if (await world.db.app.findUnique({ where: { id: app } })) await world.act(app, 'DELETE');
  });
  await newVolume(app, { name: 'data', kind: 'SHARED', mountPath: '/data', sizeMb: 1 });
  const versionId = await world.newVersion(app, 1);
  expect((await world.act(app, 'UPGRADE', { versionId })).status).toBe('SUCCEEDED');
  const [folder = ''] = await folders('greedy');
  // All of it at once: it may be measured at any moment.
  await writeFile(join(world.folder, 'big'), Buffer.alloc(3_000_000, 1));
  await rename(join(world.folder, 'big'), join(world.folder, 'volumes/blue/greedy', folder, 'big'));
  const told = async () =>
    (await world.kube.list('events', { namespace })).items.find(({ reason }) => reason === 'VolumeOverUsed')
      ?.message;
  await expect.poll(told).toBe('The volume holds 3 MB, more than the 1 MB that were asked for');

  expect((await world.act(app, 'STOP')).status).toBe('SUCCEEDED');
  const [claim] = await claims('greedy');
  await world.kube.delete('persistentvolumeclaims', claim?.metadata?.name ?? '', namespace);
  await expect.poll(() => claims('greedy')).toEqual([]);
  await sleep(5_000);
  expect(await claims('greedy')).toEqual([]);
  // Who starts it anew knows what he does.
  expect((await world.act(app, 'START')).status).toBe('SUCCEEDED');
  expect(await world.exec('greedy', ['ls', '/data'])).toBe('');
  expect((await world.act(app, 'DELETE')).status).toBe('SUCCEEDED');
});

async function newVolume(
  appId: string,
  fields: Omit<DataCenterPrisma.VolumeUncheckedCreateInput, 'appId' | 'id'> & { id?: string },
): Promise<string> {
  const { id } = await world.db.volume.create({ data: { id: newId('local', 'volume'), appId, ...fields } });
  return id;
}

async function setEnv(appId: string, name: string, value: string): Promise<void> {
  const sealed = world.secretBox.seal(value, `env:${appId}:${name}`);
  await world.db.envVar.upsert({
    where: { appId_name: { appId, name } },
    create: { appId, name, value: sealed },
    update: { value: sealed },
  });
}

async function claims(app: string) {
  const labelSelector = `app.kubernetes.io/name=${app}`;
  return (await world.kube.list('persistentvolumeclaims', { namespace, labelSelector })).items;
}

function folders(app: string): Promise<string[]> {
  return readdir(join(world.folder, 'volumes/blue', app)).catch(() => []);
}
