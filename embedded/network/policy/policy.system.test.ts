import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@skyarc/lib/log';
import { run } from '@skyarc/lib/process';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { KindTable } from '../../client/index.ts';
import { ensureLink, gatewayAddress, removeLink } from '../link.ts';
import { hasTable, removeTable } from '../nft.ts';
import { ServiceProxy } from '../proxy.ts';
import { NetworkPod } from '../testing/pods.ts';
import { PolicyEnforcer } from './enforcer.ts';
import { policyTableOf } from './ruleset.ts';

const instance = 'hecpol';
const podCidr = '10.75.0.0/24';
const serviceCidr = '10.76.0.0/24';
const clusterIp = '10.76.0.20';
const log = createLogger('test');
const names = ['web', 'api', 'other'] as const;
const namespaces = new Map<string, Record<string, string>>([
  ['kube-system', {}],
  ['shop', { 'kubernetes.io/metadata.name': 'shop', team: 'blue' }],
  ['bank', { 'kubernetes.io/metadata.name': 'bank', team: 'red' }],
]);

let folder: string;
let pods: Record<(typeof names)[number], NetworkPod>;
let objects: KindTable['pods'][];
let policies: KindTable['networkpolicies'][] = [];
let enforcer: PolicyEnforcer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hecpol-'));
  await ensureLink({ instance, podCidr, serviceCidr }, log);
  const made = await Promise.all(
    names.map((name) => NetworkPod.create(`${instance}-${name}`, { instance, podCidr, stateFolder: folder })),
  );
  pods = Object.fromEntries(names.map((name, i) => [name, made[i]])) as typeof pods;
  objects = names.map((name) => ({
    metadata: { name, namespace: name === 'other' ? 'bank' : 'shop', uid: name, labels: { app: name } },
    spec: {
      containers: [{ name: 'main', ports: [{ name: 'http', containerPort: name === 'web' ? 8080 : 8081 }] }],
    },
    status: { phase: 'Running', podIP: pods[name].address },
  }));
  enforcer = new PolicyEnforcer(
    { instance, podCidr, names: { address: gatewayAddress(podCidr), port: 20_260 } },
    { policies: () => policies, pods: () => objects, namespaces: () => namespaces },
    log,
  );
  await Promise.all(made.flatMap((pod) => [pod.listen(8080), pod.listen(8081), pod.listen(8080, 'udp')]));
  await enforcer.updated();
});

afterAll(async () => {
  await enforcer.stop();
  await Promise.all(Object.values(pods).map((pod) => pod.remove()));
  await removeTable(policyTableOf(instance));
  await removeLink(instance, podCidr);
  await rm(folder, { recursive: true });
});

afterEach(() => enforce());

type Spec = Omit<NonNullable<KindTable['networkpolicies']['spec']>, 'ingress'> & { ingress?: object[] };

async function enforce(...specs: Spec[]): Promise<void> {
  policies = specs.map((spec, i) => ({
    metadata: { name: `policy-${i}`, namespace: 'shop' },
    spec,
  }));
  await enforcer.updated();
}

const refused = 'EHOSTUNREACH';
const answer = (from: NetworkPod, to: (typeof names)[number]) => `${instance}-${to} ${from.address}`;
const web = { matchLabels: { app: 'web' } };

/** Whether `from` reaches each port of `web`, as a program in the pod sees it. */
async function reach(from: NetworkPod, to: (typeof names)[number] = 'web') {
  const address = pods[to].address;
  const [first, second, udp] = await Promise.all([
    from.connect(address, 8080),
    from.connect(address, 8081),
    from.connect(address, 8080, 'udp'),
  ]);
  return [first, second, udp].map((each) => each === answer(from, to));
}

const allowFrom = (...peers: object[]) => enforce({ podSelector: web, ingress: [{ from: peers }] });

const allowBlock = (cidr: string, ...except: string[]) => allowFrom({ ipBlock: { cidr, except } });

/** Whether `web` is reached by its neighbour and from the other namespace. */
const reached = async () => [(await reach(pods.api))[0], (await reach(pods.other))[0]];

async function allowPorts(...ports: object[]) {
  await enforce({ podSelector: web, ingress: [{ ports }] });
  return reach(pods.api);
}

const allow = (app: string): Spec => ({
  podSelector: web,
  ingress: [{ from: [{ podSelector: { matchLabels: { app } } }] }],
});

test('without policies everybody reaches everybody', async () => {
  expect(await reach(pods.api)).toEqual([true, true, true]);
  expect(await reach(pods.other)).toEqual([true, true, true]);
});

test('a policy without rules isolates for ingress alone, refuses at once, and leaves the node its way', async () => {
  await enforce({ podSelector: web });
  const began = Date.now();
  expect(await pods.api.connect(pods.web.address, 8080)).toBe(refused);
  expect(Date.now() - began).toBeLessThan(500);
  expect(await reach(pods.web, 'api')).toEqual([true, true, true]);
  const fromHost = await new Promise((resolve) => {
    connect(8080, pods.web.address).once('data', (data) => resolve(data.toString()));
  });
  expect(fromHost).toBe(`${instance}-web ${gatewayAddress(podCidr)}`);
});

test('peers by pod, by namespace, and by both', async () => {
  const from = allowFrom;
  await from({ podSelector: { matchLabels: { app: 'api' } } });
  expect(await reached()).toEqual([true, false]);
  await from({ namespaceSelector: { matchLabels: { team: 'red' } } });
  expect(await reached()).toEqual([false, true]);
  await from({ namespaceSelector: {}, podSelector: { matchLabels: { app: 'other' } } });
  expect(await reached()).toEqual([false, true]);
  await from({
    namespaceSelector: { matchLabels: { team: 'red' } },
    podSelector: { matchLabels: { app: 'api' } },
  });
  expect(await reached()).toEqual([false, false]);
  await from({ podSelector: {} }, { namespaceSelector: {} });
  expect(await reached()).toEqual([true, true]);
  await enforce({ podSelector: web, ingress: [{}] });
  expect(await reached()).toEqual([true, true]);
});

test('blocks of addresses with exceptions', async () => {
  await allowBlock('10.75.0.0/16');
  expect(await reached()).toEqual([true, true]);
  await allowBlock('0.0.0.0/0', '10.75.0.0/16', `${pods.other.address}/32`);
  expect(await reached()).toEqual([false, false]);
  await allowBlock('0.0.0.0/0', `${pods.other.address}/32`);
  expect(await reached()).toEqual([true, false]);
  await allowBlock('::/0');
  expect(await reached()).toEqual([false, false]);
});

test('ports by number, range, name and protocol', async () => {
  expect(await allowPorts({ port: 8080 })).toEqual([true, false, false]);
  expect(await allowPorts({ port: 8000, endPort: 8100 }, { port: 8050, endPort: 8090 })).toEqual([
    true,
    true,
    false,
  ]);
  expect(await allowPorts({ port: 'http' })).toEqual([true, false, false]);
  expect(await allowPorts({ port: 8080, protocol: 'UDP' })).toEqual([false, false, true]);
  expect(await allowPorts({ protocol: 'UDP' }, { port: 8081 })).toEqual([false, true, true]);
  expect(await allowPorts({ port: 8080, protocol: 'SCTP' }, { port: 'none' })).toEqual([false, false, false]);
});

test("egress: refused where no rule leads, names count as the pod kube-dns, ports by the target's names", async () => {
  const to = async (egress: object[], policyTypes = ['Egress']) => {
    await enforce({ podSelector: web, egress, policyTypes });
    return reach(pods.web, 'api');
  };
  expect(await to([])).toEqual([false, false, false]);
  expect(await reach(pods.api)).toEqual([true, true, true]);
  expect(await to([{ to: [{ podSelector: {} }], ports: [{ port: 'http' }] }])).toEqual([false, true, false]);
  expect(await to([{ to: [{ namespaceSelector: { matchLabels: { team: 'red' } } }] }])).toEqual([
    false,
    false,
    false,
  ]);
  expect((await reach(pods.web, 'other'))[0]).toBe(true);
  const gateway = gatewayAddress(podCidr);
  expect(await pods.web.connect(gateway, 20_260)).toBe(refused);
  expect(await pods.web.connect(gateway, 20_261)).toBe('ECONNREFUSED');
  const dns = { namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } };
  await to([{ to: [dns], ports: [{ port: 20_260 }] }]);
  expect(await pods.web.connect(gateway, 20_260)).toBe('ECONNREFUSED');
});

test('what two policies allow is allowed, and both ends must allow', async () => {
  await enforce(allow('nobody'), allow('api'));
  expect((await reach(pods.api))[0]).toBe(true);
  await enforce(allow('api'), { podSelector: { matchLabels: { app: 'api' } }, policyTypes: ['Egress'] });
  expect((await reach(pods.api))[0]).toBe(false);
});

test('open connections live on, new ones are refused', async () => {
  expect(await pods.api.hold(pods.web.address, 8080)).toBe(answer(pods.api, 'web'));
  await enforce({ podSelector: web });
  expect(await pods.api.echo()).toBe('still here');
  expect(await pods.api.connect(pods.web.address, 8080)).toBe(refused);
});

test('through a service the pod behind it counts, and a pod is never kept from itself', async () => {
  const port = { clusterIp, protocol: 'tcp', port: 80, affinitySec: undefined } as const;
  const proxy = new ServiceProxy(
    {
      instance,
      podCidr,
      serviceCidr,
      gateway: gatewayAddress(podCidr),
      openToPods: [],
      nodePortAddresses: [],
    },
    () => [{ ...port, endpoints: [{ address: pods.web.address, port: 8080 }] }],
    log,
  );
  await proxy.updated();
  await enforce({ podSelector: web, policyTypes: ['Ingress', 'Egress'] }, allow('api'));
  expect(await pods.api.connect(clusterIp, 80)).toBe(answer(pods.api, 'web'));
  expect(await pods.other.connect(clusterIp, 80)).toBe(refused);
  expect(await pods.web.connect(clusterIp, 80)).toContain(`${instance}-web`);
  await enforce({
    podSelector: {},
    policyTypes: ['Egress'],
    egress: [{ to: [{ ipBlock: { cidr: serviceCidr } }] }],
  });
  expect(await pods.api.connect(clusterIp, 80)).toBe(refused);
  await proxy.stop();
  await removeTable(instance);
});

test('a pod is isolated before it starts, and cannot borrow an address', async () => {
  const [known] = objects.splice(0, 1);
  await enforce({ podSelector: web });
  expect((await reach(pods.api))[0]).toBe(true);
  objects.unshift({ ...known, status: { phase: 'Pending' } });
  await enforcer.admit(objects[0] ?? {}, pods.web.address);
  expect((await reach(pods.api))[0]).toBe(false);
  objects[0] = known ?? {};
  await pods.other.exec('ip', 'address', 'add', `${pods.api.address}/32`, 'dev', 'lo');
  const began = await pods.other.exec('ping', '-c1', '-W1', '-I', pods.api.address, pods.web.address);
  expect(began).not.toContain('1 received');
  const { stdout } = await run('nft', ['list', 'table', 'ip', policyTableOf(instance)]);
  expect(stdout).toContain('in_shop/policy-0');
});

test('the table comes back when somebody removes it', async () => {
  await enforce({ podSelector: web });
  expect(await hasTable(policyTableOf(instance))).toBe(true);
  await removeTable(policyTableOf(instance));
  expect(await hasTable(policyTableOf(instance))).toBe(false);
  expect((await reach(pods.api))[0]).toBe(true);
  await enforcer.repair();
  expect((await reach(pods.api))[0]).toBe(false);
});
