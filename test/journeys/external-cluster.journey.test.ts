import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { KindTable, Resource } from '@skyarc/lib/kube';
import { pollUntil, sleep } from '@skyarc/lib/retry';
import type { SkyarcClient } from '@skyarc/sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeApp } from '../testkit/fixture-app.ts';
import { ForeignCluster } from '../testkit/foreign-cluster.ts';
import { type GitRepository, type GitServer, startGitServer } from '../testkit/git-server.ts';
import { Installation } from '../testkit/installation.ts';
import type { World } from '../testkit/journey-setup.ts';
import { startLoad } from '../testkit/load.ts';
import { foreignPlace, places } from '../testkit/places.ts';
import { RightsProxy } from '../testkit/rights-proxy.ts';
import { ask, claim, finish, loginAsOwner, untilAnswers } from '../testkit/session.ts';

/** Skyarc on a Kubernetes that is there already, with the rights of deploy/kubernetes/rbac.yaml and no more. */

const place = places['journeys-apart'];
const registry = `127.0.0.1:${5000 + place.portOffset}`;
const cluster = new ForeignCluster({
  ...foreignPlace,
  plainHttpRegistry: registry,
});
const namespace = 'skyarc-blue';
/** The team's namespace, and the one of the worker's Lease. */
const ours = [namespace, 'skyarc-system'];
const host = '8080.shop.blue.skyarc.localhost';
let installation: Installation;
let proxy: RightsProxy;
let git: GitServer;
let repository: GitRepository;
let skyarc: SkyarcClient;
let world: World;
let appId: string;
/** Objects of others in the same cluster: name -> uid and version. */
let foreign: ReadonlyMap<string, string>;

beforeAll(async () => {
  await cluster.purge();
  await cluster.start();
  const roles = resolve(import.meta.dirname, '../../deploy/kubernetes/rbac.yaml');
  proxy = await RightsProxy.create(cluster.kubeconfig, roles);
  installation = new Installation({
    ...place,
    env: {
      SKYARC_KUBECONFIG: await proxy.start(join(cluster.home, 'proxy')),
      SKYARC_REGISTRY_PULL: registry,
      SKYARC_PUBLIC_ADDRESSES: '127.0.0.1,apps.example.test',
    },
  });
  await installation.purge();
  await makeForeignObjects();
  foreign = await foreignObjects();
  await installation.start();
  git = await startGitServer();
  repository = await git.create('shop', nodeApp('v1'));
  world = await claim(installation);
  skyarc = await loginAsOwner(world);
});

afterAll(async () => {
  await skyarc?.dispose();
  await git?.stop();
  await installation?.purge();
  proxy?.stop();
  await cluster.purge();
});

test('a Git URL becomes an app that runs in the cluster and answers through the gateway', async () => {
  const { app, operation } = await skyarc.apps.create({
    groupId: world.groupId,
    name: 'shop',
    source: { git: { url: repository.url, branch: 'main' } },
    run: { memoryMb: 128, cpuMillis: 250 },
    env: [{ name: 'GREETING', value: 'hello' }],
  });
  appId = app.id;
  await finish(skyarc, operation!.id);
  await untilAnswers(world, host, 'v1');
  const [pod] = (await cluster.kube.list('pods', { namespace })).items;
  expect(pod?.spec?.containers[0]?.image).toMatch(new RegExp(`^${registry}/blue/shop@sha256:`));
  expect(await installation.nodePids('cluster')).toEqual([]);
  await expect(stat(join(installation.home, 'cluster'))).rejects.toThrow(/ENOENT/);
});

test('the cluster is told the addresses of the gateway', async () => {
  const found = await pollUntil(
    async () => {
      const ingress = await cluster.kube.find('ingresses', 'shop', namespace);
      return ingress?.status?.loadBalancer?.ingress?.length ? ingress : undefined;
    },
    { timeoutMs: 10_000, onTimeout: () => new Error('the Ingress shows no address') },
  );
  expect(found.status?.loadBalancer?.ingress).toEqual([
    { ip: '127.0.0.1' },
    { hostname: 'apps.example.test' },
  ]);
  expect((await cluster.kube.find('ingressclasses', 'skyarc'))?.spec?.controller).toBe('skyarc.dev/gateway');
});

test('lines of the app come live, though no agent of ours runs on the node', async () => {
  const ending = new AbortController();
  const following = skyarc.logs.follow({ kind: 'APP', id: appId }, { tail: 100, signal: ending.signal });
  const seen = (async () => {
    for await (const { text } of following) if (text === 'asked /first-marker') return true;
    return false;
  })();
  await sleep(300);
  await ask(world, host, '/first-marker');
  expect(await Promise.race([seen, sleep(5_000)])).toBe(true);
  ending.abort();
});

test('a redeploy under load fails no request, and the lines of the pod that went stay', async () => {
  await repository.push('Second version', nodeApp('v2'));
  const load = startLoad({ gateway: world.gatewayUrl, host, perSecond: 50 });
  await finish(skyarc, (await skyarc.apps.deploy(appId)).id);
  await untilAnswers(world, host, 'v2');
  await sleep(2_000);
  const { failures, sent } = await load.stop();
  expect(failures).toEqual([]);
  expect(sent).toBeGreaterThan(100);
  await pollUntil(async () => ((await podsOf()).length === 1 ? true : undefined), {
    timeoutMs: 40_000,
    onTimeout: () => new Error('the old pod does not go'),
  });
  const { lines } = await skyarc.logs.read({ kind: 'APP', id: appId }, { contains: 'first-marker' });
  expect(lines.length).toBe(1);
});

test('it gets more memory without a restart', async () => {
  const before = await podsOf();
  const { operation } = await skyarc.apps.update(appId, { run: { memoryMb: 640 } });
  expect((await finish(skyarc, operation!.id)).message).toContain('resized in place');
  expect(await podsOf()).toEqual(before);
});

test('an app that stays silent is explained and taken back, with the rights that it has', async () => {
  const { app, operation } = await skyarc.apps.create({
    groupId: world.groupId,
    name: 'deaf',
    source: { git: { url: repository.url, branch: 'main' } },
    run: { memoryMb: 128, workload: 'STATEFUL', startTimeoutSeconds: 8 },
  });
  await finish(skyarc, operation!.id);
  const change = await skyarc.apps.update(app.id, { env: [{ name: 'PORT', value: '3999' }] });
  const ended = await finish(skyarc, change.operation!.id, 'FAILED');
  expect(ended.message).toMatch(/3999/);
  await untilAnswers(world, '8080.deaf.blue.skyarc.localhost', 'v2');
  await finish(skyarc, (await skyarc.apps.delete(app.id)).id);
});

test('`down` leaves the apps in the cluster running, and a new start takes them over', async () => {
  const before = await podsOf();
  expect(await installation.command('down')).toMatch(/apps .*keep running/i);
  await installation.interrupt();
  expect(await podsOf()).toEqual(before);
  await installation.start();
  await untilAnswers(world, host, 'v2');
  expect(await podsOf()).toEqual(before);
});

async function namesOf(kind: 'secrets' | 'serviceaccounts') {
  const { items } = await cluster.kube.list(kind, { namespace });
  return items.map(({ metadata }) => metadata?.name);
}

test('delete leaves nothing of the app in the cluster but what its team pulls with', async () => {
  await finish(skyarc, (await skyarc.apps.delete(appId)).id);
  const kinds = ['pods', 'deployments', 'statefulsets', 'services', 'ingresses'] as const;
  for (const kind of [...kinds, 'endpointslices', 'replicasets'] as const) {
    await pollUntil(
      async () => ((await cluster.kube.list(kind, { namespace })).items.length === 0 ? true : undefined),
      { timeoutMs: 20_000, onTimeout: () => new Error(`${kind} are left`) },
    );
  }
  expect(await namesOf('serviceaccounts')).toEqual(['default']);
  await expect.poll(() => namesOf('secrets')).toEqual(['skyarc-pull']);
});

test('the roles grant all that is used, and nothing that is never used', () => {
  expect([...proxy.refused]).toEqual([]);
  const forOtherDays = new Set([
    // Kubernetes 1.35 and later ask for it when exec is opened by a WebSocket; earlier ones for `get`.
    'create /pods/exec',
    // Of a pod that cannot be scheduled or whose image cannot be pulled.
    'list /events',
    // Where a hand or a new release of Skyarc made the live object differ.
    'patch /namespaces',
    'patch /serviceaccounts',
    'patch /services',
    'patch networking.k8s.io/ingresses',
    'patch networking.k8s.io/ingressclasses',
    'patch networking.k8s.io/networkpolicies',
    // Of apps with volumes or several pods, of jobs and schedules, and of teams that are deleted.
    ...['get', 'create', 'patch', 'delete'].flatMap((verb) => [
      `${verb} /persistentvolumeclaims`,
      `${verb} policy/poddisruptionbudgets`,
      `${verb} batch/cronjobs`,
      `${verb} batch/jobs`,
    ]),
    'delete /namespaces',
    // Of debug containers.
    'get /pods',
    'patch /pods/ephemeralcontainers',
    // Of apps with an autoscaling rule, and of third-party apps.
    ...['get', 'create', 'patch', 'delete'].flatMap((verb) => [
      `${verb} autoscaling/horizontalpodautoscalers`,
      `${verb} discovery.k8s.io/endpointslices`,
    ]),
    // Of rules by request rate, where the API server reaches the worker; the last two are the autoscaler's.
    ...['get', 'create', 'patch'].map((verb) => `${verb} apiregistration.k8s.io/apiservices`),
    // Of apps with a mesh, too.
    'get /configmaps',
    'watch /configmaps',
    'delete /configmaps',
    // Of nodes that operators give roles, cordon and drain.
    'patch /nodes',
    'create /pods/eviction',
    'get external.metrics.k8s.io/skyarc_requests_per_second',
    'list external.metrics.k8s.io/skyarc_requests_per_second',
  ]);
  const unused = [...proxy.granted].filter((right) => !proxy.used.has(right));
  expect(unused.filter((right) => !forOtherDays.has(right))).toEqual([]);
});

test('`down --purge` removes Skyarc from the machine and touches nothing of others in the cluster', async () => {
  await installation.purge();
  expect(await foreignObjects()).toEqual(foreign);
  expect(await cluster.kube.find('namespaces', namespace)).not.toBeNull();
});

async function podsOf(): Promise<string[]> {
  const { items } = await cluster.kube.list('pods', { namespace });
  return items.map(
    ({ metadata, status }) => `${metadata?.uid} ${status?.containerStatuses?.[0]?.restartCount}`,
  );
}

/** An Ingress of ours that cannot be served, one of another class, and objects that look a little like ours. */
async function makeForeignObjects(): Promise<void> {
  const { kube } = cluster;
  await kube.create('namespaces', { metadata: { name: 'skyarc-red' } });
  for (const inside of ['default', 'skyarc-red']) {
    await kube.create('services', {
      metadata: { name: 'shop', namespace: inside, labels: { 'app.kubernetes.io/name': 'shop' } },
      spec: { ports: [{ port: 80 }] },
    });
    await kube.create('secrets', {
      metadata: { name: 'shop-deployed', namespace: inside },
      stringData: { is: 'not ours' },
    });
    await kube.create('ingresses', {
      metadata: { name: 'elsewhere', namespace: inside },
      spec: { ingressClassName: 'other', rules: [rule('shop')] },
    });
  }
  await kube.create('ingresses', {
    metadata: { name: 'broken', namespace: 'default' },
    spec: { ingressClassName: 'skyarc', rules: [rule('missing')] },
  });
}

const rule = (name: string) => ({
  host: `${name}.example.test`,
  http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name, port: { number: 80 } } } }] },
});

async function foreignObjects(): Promise<Map<string, string>> {
  const kinds: readonly Resource[] = ['namespaces', 'services', 'secrets', 'ingresses', 'nodes'];
  const found = new Map<string, string>();
  for (const kind of kinds) {
    const { items } = await cluster.kube.list(kind);
    for (const { metadata, ...object } of items as KindTable['secrets'][]) {
      // The status of an Ingress of our class is ours to write; a node's is its own.
      if (ours.includes(metadata?.namespace ?? '') || ours.includes(metadata?.name ?? '')) continue;
      const content = kind === 'nodes' ? '' : JSON.stringify({ ...object, status: undefined });
      found.set(`${kind}/${metadata?.namespace ?? ''}/${metadata?.name}`, `${metadata?.uid} ${content}`);
    }
  }
  return found;
}
