import { createSocket } from 'node:dgram';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@skyarc/lib/log';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { KindTable } from '../client/index.ts';
import { ensureLink, gatewayAddress, removeLink } from './link.ts';
import { removeTable } from './nft.ts';
import { ServiceProxy } from './proxy.ts';
import { resolveServicePorts } from './services.ts';
import { NetworkPod } from './testing/pods.ts';

const instance = 'hecsvc';
const podCidr = '10.75.2.0/24';
const serviceCidr = '10.76.2.0/24';
const clusterIp = '10.76.2.20';
const log = createLogger('test');
const names = ['one', 'two', 'client', 'other'] as const;

let folder: string;
let pods: Record<(typeof names)[number], NetworkPod>;
let service: KindTable['services'];
let backends: NetworkPod[] = [];
let proxy: ServiceProxy;

const newProxy = () =>
  new ServiceProxy(
    {
      instance,
      podCidr,
      serviceCidr,
      gateway: gatewayAddress(podCidr),
      openToPods: [],
      nodePortAddresses: ['127.0.0.0/8'],
    },
    () => resolveServicePorts(service, [sliceOf(...backends)]),
    log,
  );

function sliceOf(...some: NetworkPod[]): KindTable['endpointslices'] {
  return {
    addressType: 'IPv4',
    ports: [
      { name: 'tcp', port: 8080, protocol: 'TCP' },
      { name: 'udp', port: 8080, protocol: 'UDP' },
    ],
    endpoints: some.map(({ address }) => ({ addresses: [address], nodeName: 'node' })),
  };
}

async function serve(spec: object, ...some: NetworkPod[]): Promise<void> {
  service = {
    metadata: { name: 'web', namespace: 'shop' },
    spec: {
      clusterIP: clusterIp,
      ports: [
        { name: 'tcp', port: 80, protocol: 'TCP', nodePort: 30_271 },
        { name: 'udp', port: 53, protocol: 'UDP', nodePort: 30_272 },
      ],
      ...spec,
    },
  };
  backends = some;
  await proxy.updated();
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hecsvc-'));
  await ensureLink({ instance, podCidr, serviceCidr }, log);
  const made = await Promise.all(
    names.map((name) => NetworkPod.create(`${instance}-${name}`, { instance, podCidr, stateFolder: folder })),
  );
  pods = Object.fromEntries(names.map((name, i) => [name, made[i]])) as typeof pods;
  await Promise.all(made.flatMap((pod) => [pod.listen(8080), pod.listen(8080, 'udp')]));
});

beforeEach(() => {
  proxy ??= newProxy();
});

afterAll(async () => {
  await proxy?.stop();
  await Promise.all(Object.values(pods).map((pod) => pod.remove()));
  await removeTable(instance);
  await removeLink(instance, podCidr);
  await rm(folder, { recursive: true });
});

const who = (answer: string) => answer.split(' ')[0]?.slice(instance.length + 1);

async function ask(times: number, from: NetworkPod = pods.client): Promise<Set<string | undefined>> {
  const answers = new Set<string | undefined>();
  for (let i = 0; i < times; i += 1) answers.add(who(await from.connect(clusterIp, 80)));
  return answers;
}

test('TCP and UDP reach every endpoint, and the pod sees who asks', async () => {
  await serve({}, pods.one, pods.two);
  expect(await ask(30)).toEqual(new Set(['one', 'two']));
  expect(await pods.client.connect(clusterIp, 53, 'udp')).toContain(pods.client.address);
  expect(await pods.one.connect(clusterIp, 53, 'udp')).toMatch(/hecsvc-(one|two)/);
});

test('a UDP client on one port leaves an endpoint that has gone, at once', async () => {
  await serve({}, pods.one);
  const send = () => pods.client.connect(clusterIp, 53, 'udp', 40_001);
  expect(who(await send())).toBe('one');
  await serve({}, pods.two);
  expect(who(await send())).toBe('two');
  await serve({});
  expect(await send()).toBe('timeout');
  await serve({}, pods.one);
  expect(who(await send())).toBe('one');
  // What happened while nobody looked counts too.
  await proxy.stop();
  proxy = newProxy();
  await serve({}, pods.two);
  expect(who(await send())).toBe('two');
});

test('a client stays with its endpoint for the time that is said, over other changes and restarts', async () => {
  const sticky = {
    sessionAffinity: 'ClientIP',
    sessionAffinityConfig: { clientIP: { timeoutSeconds: 3 } },
  };
  await serve(sticky, pods.one, pods.two);
  const [first] = [...(await ask(12))];
  expect(await ask(12)).toEqual(new Set([first]));
  await serve(sticky, pods.one, pods.two, pods.other);
  expect(await ask(6)).toEqual(new Set([first]));
  await proxy.stop();
  proxy = newProxy();
  await serve(sticky, pods.one, pods.two, pods.other);
  expect(await ask(12)).toEqual(new Set([first]));
  await serve(sticky, pods[first === 'one' ? 'two' : 'one']);
  expect(await ask(2)).toEqual(new Set([first === 'one' ? 'two' : 'one']));
  await serve(sticky, pods.one, pods.two);
  const seen = new Set<string | undefined>();
  for (let i = 0; i < 6 && seen.size < 2; i += 1) {
    for (const each of await ask(1)) seen.add(each);
    await new Promise((done) => setTimeout(done, 3_200));
  }
  expect(seen.size).toBe(2);
});

test('a node port answers on loopback alone, TCP and UDP, and opens nothing else there', async () => {
  await serve({ type: 'NodePort' }, pods.one);
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(30_271, '127.0.0.1').once('error', reject);
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data.toString());
    });
  });
  expect(answer).toBe(`${instance}-one ${gatewayAddress(podCidr)}`);
  const socket = createSocket('udp4');
  const datagram = await new Promise((resolve) => {
    socket.once('message', (data) => resolve(data.toString()));
    socket.send('ping', 30_272, '127.0.0.1');
  });
  socket.close();
  expect(datagram).toBe(answer);
  expect(await pods.client.connect(gatewayAddress(podCidr), 30_271)).toMatch(/^E(HOSTUNREACH|CONNREFUSED)$/);
  // A pod that sends to this host's own loopback address gets nowhere.
  const local = createSocket('udp4');
  await new Promise<void>((bound) => local.bind(20_265, '127.0.0.1', bound));
  let heard = 0;
  local.on('message', () => (heard += 1));
  await pods.one.exec('ip', 'link', 'set', 'lo', 'down');
  await pods.one.exec('ip', 'route', 'add', '127.0.0.1/32', 'via', gatewayAddress(podCidr), 'table', '7');
  await pods.one.exec('ip', 'rule', 'add', 'to', '127.0.0.1', 'lookup', '7', 'priority', '0');
  await pods.one.connect('127.0.0.1', 20_265, 'udp');
  local.close();
  expect(heard).toBe(0);
});
