import { createServer } from 'node:http';
import { externalAnnotation, externalState } from '@skyarc/lib/contracts';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openWorld } from '../fixtures/server.ts';
import { namespace, type World } from '../fixtures/world.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world?.close());

test('a third-party app offers its healthy endpoints, follows their health, and stops', async () => {
  const answers = new Map([
    [20_700, 200],
    [20_701, 200],
  ]);
  const servers = [...answers.keys()].map((port) =>
    createServer((_request, response) =>
      response.writeHead(answers.get(port) ?? 500).end(`"${port}"`),
    ).listen(port, '10.81.0.1'),
  );
  onTestFinished(async () => {
    for (const server of servers) server.close();
    await world.db.setting.deleteMany({ where: { name: 'allowPrivateSources' } });
    const { id } = (await world.db.app.findFirst({ where: { name: 'legacy' } })) ?? {};
    if (id) await world.act(id, 'DELETE');
  });
  const id = await world.newApp('legacy', '', {
    command: null,
    source: JSON.stringify({
      kind: 'EXTERNAL',
      endpoints: [
        { host: '10.81.0.1', port: 20_700 },
        { host: '10.81.0.1', port: 20_701 },
        { host: 'no-such-host.invalid', port: 20_700 },
      ],
      healthCheck: { kind: 'HTTP', path: '/', periodSeconds: 1, failureThreshold: 2 },
    }),
  });
  await world.db.port.create({ data: { appId: id, port: 80, public: true } });
  const state = async () => {
    const slice = await world.kube.find('endpointslices', 'legacy-external', namespace);
    return externalState.parse(JSON.parse(slice?.metadata?.annotations?.[externalAnnotation] ?? '[]'));
  };
  const ready = async () => {
    const { items } = await world.kube.list('endpointslices', {
      namespace,
      labelSelector: 'kubernetes.io/service-name=legacy,endpointslice.kubernetes.io/managed-by=skyarc.dev',
    });
    return items
      .flatMap(({ ports, endpoints }) =>
        (endpoints ?? []).map(({ conditions }) => ({ port: ports?.[0]?.port, ready: conditions?.ready })),
      )
      .filter((one) => one.ready)
      .map(({ port }) => port)
      .toSorted((a, b) => (a ?? 0) - (b ?? 0));
  };
  // Private addresses are an administrator's choice.
  expect((await world.act(id, 'DEPLOY')).status).toBe('SUCCEEDED');
  await expect
    .poll(async () => (await state())[0])
    .toMatchObject({
      healthy: false,
      message: expect.stringMatching(/private address/) as string,
    });
  await world.db.setting.create({ data: { name: 'allowPrivateSources', value: 'true' } });
  await expect.poll(ready).toEqual([20_700, 20_701]);
  await expect
    .poll(state)
    .toMatchObject([
      { healthy: true, message: null },
      { healthy: true },
      { healthy: false, message: expect.stringMatching(/Unknown host|Cannot look up/) as string },
    ]);
  const ingress = await world.kube.find('ingresses', 'legacy', namespace);
  expect(ingress?.spec?.rules?.[0]?.host).toBe('80.legacy.blue.skyarc.localhost');

  answers.set(20_700, 503);
  await expect.poll(ready).toEqual([20_701]);
  await expect
    .poll(async () => (await state())[0])
    .toMatchObject({
      healthy: false,
      message: '10.81.0.1 on port 20700 answers 503 at /',
    });
  answers.set(20_701, 503);
  await expect.poll(async () => (await state())[1]?.healthy).toBe(false);
  expect(await ready()).toEqual([20_701]);
  answers.set(20_700, 200);
  await expect.poll(ready).toEqual([20_700]);

  await world.kube.delete('endpointslices', 'legacy-external', namespace);
  await expect.poll(ready).toEqual([20_700]);

  expect(await world.act(id, 'STOP')).toMatchObject({
    status: 'SUCCEEDED',
    message: expect.stringMatching(/stopped/) as string,
  });
  await expect.poll(ready).toEqual([]);
  expect((await world.act(id, 'DELETE')).status).toBe('SUCCEEDED');
  expect(await world.kube.find('services', 'legacy', namespace)).toBeNull();
});
