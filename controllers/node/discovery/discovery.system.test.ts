import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { register } from '@grpc/grpc-js-xds';
import { meshRefusal, meshRefusalAnnotation, parseStored } from '@skyarc/lib/contracts';
import { TestCluster } from '@skyarc/lib/kube/testing';
import { type RunningService, Stack } from '@skyarc/lib/lifecycle';
import { pollUntil, sleep } from '@skyarc/lib/retry';
import { makeGrantKeys } from '@skyarc/lib/signed-grant';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createGreeterClient, type Greeter, type GreeterClient, startGreeter } from '../fixtures/greeter.ts';
import { MeshWorld } from '../fixtures/mesh.ts';
import { nodeOf, openDelta, openSotw } from '../fixtures/raw-client.ts';
import { start } from '../main.ts';
import { typeUrlOf } from './types.ts';

const basePort = 21_800;
const xdsPort = 21_810;
const xdsUrl = `http://127.0.0.1:${xdsPort}`;
const stack = new Stack();
let cluster: TestCluster;
let folder: string;
let world: MeshWorld;
let node: RunningService;
let one: Greeter;
let two: Greeter;

const startNode = (): Promise<RunningService> =>
  start({
    port: 0,
    dataDir: folder,
    kubeconfig: cluster.kubeconfig,
    discovery: { port: xdsPort, grantKey: world.keys.publicKey },
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyarc-xds-'));
  stack.add(() => rm(folder, { recursive: true }));
  cluster = stack.use(await TestCluster.start({ instance: 'xds', basePort, parts: 'api' }), (it) =>
    it.stop(),
  );
  world = await MeshWorld.open(cluster.kube, 'team-blue');
  [one, two] = [await startGreeter('one'), await startGreeter('two')];
  stack.add(() => (one.stop(), two.stop()));
  node = await startNode();
  stack.add(() => node.stop());
  await world.putService('one');
  await world.putService('two');
  await world.putEndpoints('one', [{ address: '127.0.0.1' }], one.port);
  await world.putEndpoints('two', [{ address: '127.0.0.1' }], two.port);
  await world.putRules('caller', [{ service: 'one' }, { service: 'two' }]);
  process.env['GRPC_XDS_BOOTSTRAP_CONFIG'] = world.bootstrapOf('caller', xdsUrl);
  register();
});
afterAll(() => stack.stop());

/** A client takes a limit on when it begins to call; calls count once they are under way. */
async function isThirdCallRefused(): Promise<true | undefined> {
  const client = createGreeterClient('xds:///two:8000');
  try {
    await client.greet();
    const running = [client.greet('sleep 600'), client.greet('sleep 600')];
    await sleep(200);
    const third = await client.greet().catch((error: Error) => error.message);
    await Promise.all(running);
    return /dropped/.test(third) ? true : undefined;
  } finally {
    client.close();
  }
}

/** Of two hundred calls which "bad" fails, after a second of such calls; a client takes on when it begins what it is told of it. */
async function failuresOf(address: string): Promise<number> {
  const client = createGreeterClient(address);
  const fails = () =>
    client.greet('refuse bad').then(
      () => 0,
      () => 1,
    );
  try {
    for (const end = Date.now() + 1_000; Date.now() < end;) await fails();
    let failures = 0;
    for (let count = 0; count < 200; count += 1) failures += await fails();
    return failures;
  } finally {
    client.close();
  }
}

/** One of a thousand addresses of this host. */
function addressOf(index: number): string {
  return `127.0.${1 + Math.floor(index / 250)}.${1 + (index % 250)}`;
}

/** Calls by four at once until the end of the test, or until it is asked how many failed. */
function keepCalling(client: GreeterClient): () => Promise<{ failed: number; done: number }> {
  const over = new AbortController();
  onTestFinished(() => over.abort());
  const count = { failed: 0, done: 0 };
  const calling = Array.from({ length: 4 }, async () => {
    while (!over.signal.aborted) {
      await client.greet().then(
        () => (count.done += 1),
        () => (count.failed += 1),
      );
    }
  });
  return async () => {
    over.abort();
    await Promise.all(calling);
    return count;
  };
}

function until(what: string, probe: () => Promise<boolean>): Promise<true> {
  return pollUntil(async () => (await probe()) || undefined, {
    timeoutMs: 30_000,
    onTimeout: () => new Error(`never: ${what}`),
  });
}

function answers(client: GreeterClient, wanted: string, headers = {}): Promise<string> {
  return pollUntil(
    async () => {
      const answer = await client.greet('hello', headers);
      return answer === wanted ? answer : undefined;
    },
    { timeoutMs: 30_000, onTimeout: () => new Error(`"${wanted}" never answered`) },
  );
}

test('a real gRPC client goes where the rules say, while calls run, and no call fails', async () => {
  const client = createGreeterClient('xds:///one:8000');
  try {
    expect(await client.greet()).toBe('one');
    const endOfCalls = keepCalling(client);
    // To the other service, by a header, shared by weight, to one instance, and back.
    await world.putRules('caller', [
      { service: 'one', routes: [{ headers: [], targets: [{ service: 'two', weight: 1 }] }] },
    ]);
    await answers(client, 'two');
    await world.putRules('caller', [
      {
        service: 'one',
        routes: [
          { headers: [{ name: 'x-version', exact: 'two' }], targets: [{ service: 'two', weight: 1 }] },
        ],
      },
    ]);
    await answers(client, 'one');
    await answers(client, 'two', { 'x-version': 'two' });
    const others = [{ service: 'two', weight: 1 }];
    await world.putRules('caller', [
      {
        service: 'one',
        routes: [
          { headers: [{ name: 'x-version', prefix: 'beta-' }], targets: others },
          { headers: [{ name: 'x-debug' }], targets: others },
        ],
      },
    ]);
    await answers(client, 'two', { 'x-version': 'beta-7' });
    expect(await client.greet('hello', { 'x-debug': 'anything' })).toBe('two');
    expect(await client.greet('hello', { 'x-version': 'my-beta-7' })).toBe('one');
    expect(await client.greet()).toBe('one');
    await world.putRules('caller', [
      {
        service: 'one',
        routes: [
          {
            headers: [],
            targets: [
              { service: 'one', weight: 30 },
              { service: 'two', instance: 'two-0', weight: 70 },
            ],
          },
        ],
      },
    ]);
    await answers(client, 'two');
    const answered = await Promise.all(Array.from({ length: 400 }, () => client.greet()));
    const share = answered.filter((name) => name === 'two').length / answered.length;
    expect(share).toBeGreaterThan(0.55);
    expect(share).toBeLessThan(0.85);
    await world.putRules('caller', [{ service: 'one' }, { service: 'two' }]);
    await answers(client, 'one');
    const { failed, done } = await endOfCalls();
    expect({ failed, some: done > 100 }).toEqual({ failed: 0, some: true });
  } finally {
    client.close();
  }
});

test('timeouts, retries and limits hold', async () => {
  const client = createGreeterClient('xds:///two:8000');
  try {
    await world.putRules('caller', [
      { service: 'two', policy: { timeoutMs: 200, retries: { attempts: 3, on: ['UNAVAILABLE'] } } },
    ]);
    await pollUntil(
      async () =>
        client.greet('sleep 2000').then(
          () => undefined,
          (error: Error) => (/deadline/i.test(error.message) ? error : undefined),
        ),
      { timeoutMs: 30_000, onTimeout: () => new Error('no call was ended by its timeout') },
    );
    // Fails twice of three times: only retries can make it.
    expect(await client.greet('fail 3')).toBe('two');
    await world.putRules('caller', [{ service: 'two', policy: { limits: { maxRequests: 2 } } }]);
    await pollUntil(isThirdCallRefused, {
      timeoutMs: 30_000,
      onTimeout: () => new Error('the limit does not hold'),
    });
  } finally {
    client.close();
    await world.putRules('caller', [{ service: 'one' }, { service: 'two' }]);
  }
});

test('an endpoint that fails is left out for as long as the rules ask for it', async () => {
  const good = await startGreeter('good', '127.0.0.21:0');
  const bad = await startGreeter('bad', `127.0.0.22:${good.port}`);
  stack.add(() => (good.stop(), bad.stop()));
  await world.putService('pair');
  await world.putEndpoints('pair', [{ address: '127.0.0.21' }, { address: '127.0.0.22' }], good.port);
  const outlierDetection = {
    failurePercent: 50,
    minimumRequests: 5,
    intervalMs: 300,
    ejectionMs: 60_000,
    maxEjectionPercent: 50,
  };
  try {
    await world.putRules('caller', [{ service: 'pair' }]);
    await until('both are called', async () => (await failuresOf('xds:///pair:8000')) > 50);
    await world.putRules('caller', [{ service: 'pair', policy: { outlierDetection } }]);
    await until('the bad one is left out', async () => (await failuresOf('xds:///pair:8000')) === 0);
    await world.putRules('caller', [{ service: 'pair' }]);
    await until('both are called again', async () => (await failuresOf('xds:///pair:8000')) > 50);
  } finally {
    await world.putRules('caller', [{ service: 'one' }, { service: 'two' }]);
  }
});

test('calls go on while a thousand endpoints change, and while discovery is away', async () => {
  const client = createGreeterClient('xds:///one:8000');
  try {
    await client.greet();
    const endOfCalls = keepCalling(client);
    // A window of ten that moves: every change lets one come and one go.
    for (let index = 0; index < 1_000; index += 20) {
      const places = Array.from({ length: 20 }, (_, offset) => ({
        address: addressOf((index + offset) % 1_000),
      }));
      await world.putEndpoints('one', places, one.port);
    }
    await node.stop();
    await client.greet();
    node = await startNode();
    // A place where somebody else answers: who does not follow is found out.
    await world.putEndpoints('one', [{ address: '127.0.0.9' }], two.port);
    await answers(client, 'two');
    const before = one.calls.get('one:8000');
    expect(await Promise.all(Array.from({ length: 50 }, () => client.greet()))).toEqual(
      Array(50).fill('two'),
    );
    expect(one.calls.get('one:8000')).toBe(before);
    expect((await endOfCalls()).failed).toBe(0);
  } finally {
    client.close();
    await world.putEndpoints('one', [{ address: '127.0.0.1' }], one.port);
  }
});

test('a refusal is kept, shown, and not repeated; what comes after is sent', async () => {
  await world.putRules('refuser', [{ service: 'one' }]);
  const stream = openSotw(xdsUrl);
  try {
    const typeUrl = typeUrlOf('routes');
    const resourceNames = ['one:8000'];
    stream.send({ node: nodeOf('refuser', world.grantOf('refuser')), typeUrl, resourceNames });
    const first = await stream.next(() => true);
    stream.send({
      typeUrl,
      resourceNames,
      responseNonce: first.nonce,
      versionInfo: '',
      errorDetail: { code: 3, message: 'I do not like it' },
    });
    const refusal = await pollUntil(
      async () => {
        const object = await cluster.kube.find('configmaps', 'refuser-mesh', world.namespace);
        const text = object?.metadata?.annotations?.[meshRefusalAnnotation];
        return parseStored(meshRefusal, text) ?? undefined;
      },
      { timeoutMs: 30_000, onTimeout: () => new Error('the refusal is not noted') },
    );
    expect(refusal).toMatchObject({ kind: 'routes', message: 'I do not like it' });
    const shown = await (await fetch(`${node.url}/discovery`)).json();
    expect(JSON.stringify(shown)).toContain('I do not like it');
    expect(stream.received).toHaveLength(1);
    await world.putRules('refuser', [{ service: 'one', policy: { timeoutMs: 5_000 } }]);
    const second = await stream.next(() => true, 1);
    expect(second.versionInfo).not.toBe(first.versionInfo);
  } finally {
    stream.close();
  }
});

test('delta tells what changed alone, and nothing to whom has it', async () => {
  await world.putRules('reader', [{ service: 'one' }, { service: 'two' }]);
  const typeUrl = typeUrlOf('endpoints');
  const stream = openDelta(xdsUrl);
  const names = ['one:8000', 'two:8000', 'none:1'];
  stream.send({
    node: nodeOf('reader', world.grantOf('reader')),
    typeUrl,
    resourceNamesSubscribe: names,
  });
  const first = await stream.next(() => true);
  expect(first.resources.map(({ name }) => name).toSorted()).toEqual(['one:8000', 'two:8000']);
  expect(first.removedResources).toEqual(['none:1']);
  stream.send({ typeUrl, responseNonce: first.nonce });
  await world.putEndpoints('two', [{ address: '127.0.0.1' }, { address: '127.0.0.2' }], two.port);
  const second = await stream.next(() => true, 1);
  expect(second.resources.map(({ name }) => name)).toEqual(['two:8000']);
  stream.close();

  const again = openDelta(xdsUrl);
  const versions = Object.fromEntries(
    [...first.resources, ...second.resources].map((r) => [r.name, r.version]),
  );
  again.send({
    node: nodeOf('reader', world.grantOf('reader')),
    typeUrl,
    resourceNamesSubscribe: names.slice(0, 2),
    initialResourceVersions: versions,
  });
  await world.putEndpoints('one', [{ address: '127.0.0.1' }, { address: '127.0.0.3' }], one.port);
  const third = await again.next(() => true);
  expect(third.resources.map(({ name }) => name)).toEqual(['one:8000']);
  again.close();
  await world.putEndpoints('one', [{ address: '127.0.0.1' }], one.port);
  await world.putEndpoints('two', [{ address: '127.0.0.1' }], two.port);
});

test('Envoy gets listeners on loopback for all that its app needs', async () => {
  await world.putRules('proxied', [{ service: 'one' }, { service: 'two' }]);
  const stream = openSotw(xdsUrl);
  try {
    const typeUrl = typeUrlOf('listeners');
    stream.send({ node: nodeOf('proxied', world.grantOf('proxied'), 'envoy'), typeUrl });
    const reply = await stream.next(() => true);
    // Both have port 8000, and loopback has it once: the first.
    expect(reply.resources).toHaveLength(1);
    expect(Buffer.from(reply.resources[0]?.value ?? []).toString('latin1')).toContain('127.0.0.1');
  } finally {
    stream.close();
  }
});

test('nobody is told of an app that is not theirs', async () => {
  const other = await MeshWorld.open(cluster.kube, 'team-red');
  await other.putService('secret');
  await other.putEndpoints('secret', [{ address: '127.0.0.7' }], one.port);
  await other.putRules('caller', [{ service: 'secret' }]);
  await world.putRules('reader', [{ service: 'one' }, { service: 'secret' }]);
  const first = { typeUrl: typeUrlOf('endpoints'), resourceNames: ['secret:8000', 'one:8000'] };
  const refused = [
    nodeOf('nobody'),
    nodeOf('forger', world.grantOf('reader', makeGrantKeys())),
    nodeOf('stranger', 'no.grant'),
    // Signed, but its app has no rules.
    nodeOf('gone', world.grantOf('gone')),
  ];
  for (const node of refused) {
    const stream = openSotw(xdsUrl);
    stream.send({ node, ...first });
    await expect(stream.next(() => true)).rejects.toMatchObject({
      code: expect.stringMatching(/UNAUTHENTICATED|FORBIDDEN|NOT_FOUND/),
    });
    stream.close();
  }
  const stream = openSotw(xdsUrl);
  stream.send({ node: nodeOf('reader', world.grantOf('reader')), ...first });
  const reply = await stream.next(() => true);
  expect(reply.resources).toHaveLength(1);
  expect(Buffer.from(reply.resources[0]?.value ?? []).toString('latin1')).not.toContain('127.0.0.7');
  stream.close();
});
