import { createOperation, relayOutbox } from '@skyarc/prisma/datacenter';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newServer, openWorld, type Server } from '../fixtures/server.ts';
import type { World } from '../fixtures/world.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world?.close());

test('operations wait for those before them: a chain, a diamond, a failure and a cancel', async () => {
  const apps = await Promise.all(
    ['base', 'left', 'right', 'top'].map((name) => newServer(world, `order-${name}`)),
  );
  const [base, left, right, top] = apps as [Server, Server, Server, Server];
  const begin = async (app: Server, after: string[], kind: 'UPGRADE' | 'START' = 'UPGRADE') => {
    const options = kind === 'UPGRADE' ? { versionId: app.version } : {};
    const { id } = await createOperation(world.db, {
      app: { id: app.id },
      kind,
      actor: 'test',
      afterIds: after,
      batchId: 'one',
      ...options,
    });
    await relayOutbox(world.db, (task) => world.mq.publish(task));
    return id;
  };
  const one = await begin(base, []);
  const [two, three] = [await begin(left, [one]), await begin(right, [one])];
  const four = await begin(top, [two, three]);
  const ends = await Promise.all([one, two, three, four].map((id) => world.ended(id)));
  expect(ends.map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED']);
  const [first, second, third, last] = ends.map(({ startedAt, finishedAt }) => ({
    began: startedAt?.getTime() ?? 0,
    ended: finishedAt?.getTime() ?? 0,
  }));
  expect(second?.began).toBeGreaterThanOrEqual(first?.ended ?? Infinity);
  expect(third?.began).toBeGreaterThanOrEqual(first?.ended ?? Infinity);
  expect(last?.began).toBeGreaterThanOrEqual(Math.max(second?.ended ?? Infinity, third?.ended ?? Infinity));

  for (const app of apps) expect((await world.act(app.id, 'STOP')).status).toBe('SUCCEEDED');
  await world.db.app.update({
    where: { id: base.id },
    data: { command: JSON.stringify(['node', '-e', 'throw 1']) },
  });
  const failing = await begin(base, [], 'START');
  const waiting = await begin(left, [failing], 'START');
  const canceled = await begin(right, [failing], 'START');
  await world.db.operation.update({ where: { id: canceled }, data: { cancelRequested: true } });
  expect((await world.ended(canceled)).status).toBe('CANCELED');
  expect((await world.ended(failing)).status).toBe('FAILED');
  expect(await world.ended(waiting)).toMatchObject({
    status: 'FAILED',
    message:
      'App "order-left" was left as it is: start of app "order-base", which comes before it, did not succeed',
  });
  expect(await world.db.app.findUnique({ where: { id: left.id } })).toMatchObject({
    desired: 'STOPPED',
    activeOperationId: null,
  });
});
