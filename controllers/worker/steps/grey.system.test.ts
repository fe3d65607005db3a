import { routeAnnotation } from '@skyarc/lib/contracts';
import { createOperation, relayOutbox } from '@skyarc/prisma/datacenter';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, newServer, openWorld } from '../fixtures/server.ts';
import { namespace, type World } from '../fixtures/world.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world?.close());

test('a candidate runs beside the current version until it is promoted or aborted', async () => {
  const { id, version } = await newServer(world, 'grey');
  const [two, three] = [await world.newVersion(id, 2), await world.newVersion(id, 3)];
  await world.act(id, 'UPGRADE', { versionId: version });
  const tell = (greyVersionId: string, percent: number) =>
    world.db.app.update({ where: { id }, data: { greyVersionId, greyRelease: JSON.stringify({ percent }) } });
  const begin = async (versionId: string, percent: number) => {
    const { id: operation } = await createOperation(world.db, {
      app: { id },
      kind: 'GREY_START',
      actor: 'test',
      versionId,
      arguments: { percent },
    });
    await relayOutbox(world.db, (task) => world.mq.publish(task));
    return world.ended(operation);
  };
  const shares = async () => {
    const ingress = await world.kube.find('ingresses', 'grey', namespace);
    const policy = JSON.parse(ingress?.metadata?.annotations?.[routeAnnotation] ?? '{}') as {
      split?: { targets: { service: string; weight: number }[] };
    };
    return policy.split?.targets.map(({ service, weight }) => `${service} ${weight}`) ?? [];
  };
  expect(await begin(two, 10)).toMatchObject({ status: 'SUCCEEDED' });
  expect((await ask(world, 'grey', 'grey:8000')).version).toBe('1');
  expect((await ask(world, 'grey', 'grey-grey:8000')).version).toBe('2');
  expect(await shares()).toEqual(['grey 900', 'grey-grey 100']);
  expect(await world.db.app.findUnique({ where: { id } })).toMatchObject({ currentVersionId: version });
  await expect(world.begin(id, 'ROLLBACK', { versionId: three })).rejects.toThrow(/promote or abort/);

  const candidate = (await world.pods('grey-grey')).map(({ metadata }) => metadata?.uid);
  await tell(two, 60);
  expect((await world.act(id, 'CONFIGURE')).status).toBe('SUCCEEDED');
  expect(await shares()).toEqual(['grey 400', 'grey-grey 600']);
  expect((await world.pods('grey-grey')).map(({ metadata }) => metadata?.uid)).toEqual(candidate);

  // Both get other limits as they run.
  const runs = async () =>
    [...(await world.pods('grey')), ...(await world.pods('grey-grey'))].map(({ spec, status }) => ({
      run: status?.containerStatuses?.[0]?.containerID,
      memory: spec?.containers[0]?.resources?.limits?.['memory'],
    }));
  const before = await runs();
  await world.db.app.update({ where: { id }, data: { memoryMb: 160 } });
  expect(await world.act(id, 'CONFIGURE')).toMatchObject({
    status: 'SUCCEEDED',
    message: expect.stringContaining('resized in place'),
  });
  expect(await runs()).toEqual(before.map(({ run }) => ({ run, memory: '160Mi' })));

  await world.db.app.update({ where: { id }, data: { replicas: 2 } });
  expect((await world.act(id, 'SCALE')).status).toBe('SUCCEEDED');
  expect(await world.pods('grey')).toHaveLength(2);

  expect(await world.act(id, 'GREY_PROMOTE')).toMatchObject({
    status: 'SUCCEEDED',
    message: 'Version 2 runs with 2 pods',
  });
  expect(await world.db.app.findUnique({ where: { id } })).toMatchObject({
    currentVersionId: two,
    greyVersionId: null,
    greyRelease: null,
  });
  expect((await ask(world, 'grey', 'grey:8000')).version).toBe('2');
  expect(await shares()).toEqual([]);
  expect(await world.kube.find('services', 'grey-grey', namespace)).toBeNull();

  expect((await begin(three, 50)).status).toBe('SUCCEEDED');
  expect((await world.act(id, 'GREY_ABORT')).status).toBe('SUCCEEDED');
  expect((await ask(world, 'grey', 'grey:8000')).version).toBe('2');
  expect(await shares()).toEqual([]);

  // A candidate that does not start leaves everything as it was, and none behind.
  await world.db.version.update({ where: { id: three }, data: { image: 'test/no-such:1' } });
  expect((await begin(three, 50)).status).toBe('FAILED');
  expect(await world.db.app.findUnique({ where: { id } })).toMatchObject({
    greyVersionId: null,
    greyRelease: null,
  });
  expect(await world.kube.find('deployments', 'grey-grey', namespace)).toBeNull();
  expect((await ask(world, 'grey', 'grey:8000')).version).toBe('2');
});
