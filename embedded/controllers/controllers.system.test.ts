import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep } from '@skyarc/lib/retry';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KubeClient } from '../client/index.ts';
import { annotationKeys } from './deployment/rolling.ts';
import { isActive } from './pods.ts';
import type { Deployment, Pod, StatefulSet } from './kinds.ts';
import { MortalClient, TestCluster } from './test-cluster.ts';

let cluster: TestCluster;
let client: KubeClient;
const soon = { timeout: 50_000, interval: 50 };

beforeAll(async () => {
  cluster = await TestCluster.start(20_200);
  ({ client } = cluster);
});
afterAll(async () => {
  await cluster?.stop();
});

function deployment(
  name: string,
  image: string,
  spec: Partial<NonNullable<Deployment['spec']>> = {},
  namespace = 'default',
): Deployment {
  const labels = { app: name };
  return {
    metadata: { name, namespace },
    spec: {
      replicas: 3,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: 'main', image, ports: [{ name: 'web', containerPort: 80 }] }] },
      },
      ...spec,
    },
  };
}

function statefulSet(name: string, spec: Partial<NonNullable<StatefulSet['spec']>> = {}): StatefulSet {
  const labels = { app: name };
  return {
    metadata: { name, namespace: 'default' },
    spec: {
      replicas: 3,
      serviceName: name,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'db:1' }] } },
      volumeClaimTemplates: [
        {
          metadata: { name: 'data' },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
        },
      ],
      ...spec,
    },
  };
}

async function podsOf(app: string, namespace = 'default'): Promise<Pod[]> {
  return (await client.list('pods', { namespace, labelSelector: `app=${app}` })).items;
}

async function uidsOf(app: string): Promise<Set<string | undefined>> {
  return new Set((await podsOf(app)).map(({ metadata }) => metadata?.uid));
}

const imageOf = (pod: Pod) => pod.spec?.containers[0]?.image;

async function setImage(name: string, image: string, namespace = 'default'): Promise<void> {
  const found = await client.find('deployments', name, namespace);
  const containers = found?.spec?.template.spec?.containers.map((each) => ({ ...each, image }));
  await client.patch('deployments', name, namespace, { spec: { template: { spec: { containers } } } });
}

/** Waits until the Deployment is complete, as kubectl rollout status reads it. */
async function rolledOut(name: string, namespace = 'default'): Promise<Deployment> {
  await expect
    .poll(async () => {
      const found = await client.find('deployments', name, namespace);
      const { status = {}, spec, metadata } = found ?? {};
      const wanted = spec?.replicas ?? 0;
      const isCurrent = (status.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
      const counts = [status.updatedReplicas, status.replicas, status.availableReplicas];
      return isCurrent && counts.every((count) => (count ?? 0) === wanted);
    }, soon)
    .toBe(true);
  return (await client.find('deployments', name, namespace)) ?? {};
}

test('a Deployment rolls out, never below its bounds, and back by its old template', async () => {
  await client.create('deployments', deployment('web', 'web:1'));
  const first = await rolledOut('web');
  expect(first.metadata?.annotations?.[annotationKeys.revision]).toBe('1');
  await expect
    .poll(async () => (await client.find('deployments', 'web', 'default'))?.status?.conditions, soon)
    .toEqual(
      expect.arrayContaining([
        expect.objectContaining({ type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable' }),
        expect.objectContaining({ type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' }),
      ]),
    );

  const totals: number[] = [];
  const watching = new AbortController();
  const { resourceVersion } = await client.list('pods');
  const alive = new Map((await podsOf('web')).map((pod) => [pod.metadata?.uid, pod]));
  const watcher = (async () => {
    const options = {
      namespace: 'default',
      labelSelector: 'app=web',
      resourceVersion,
      signal: watching.signal,
    };
    for await (const { type, object } of client.watch('pods', options)) {
      if (type === 'DELETED' || !isActive(object)) alive.delete(object.metadata?.uid);
      else alive.set(object.metadata?.uid, object);
      totals.push(alive.size);
    }
  })();
  await setImage('web', 'web:2');
  const second = await rolledOut('web');
  watching.abort();
  await watcher;
  expect(second.metadata?.annotations?.[annotationKeys.revision]).toBe('2');
  expect(Math.min(...totals)).toBeGreaterThanOrEqual(3);
  expect(Math.max(...totals)).toBeLessThanOrEqual(4);
  expect(new Set((await podsOf('web')).map(imageOf))).toEqual(new Set(['web:2']));

  await setImage('web', 'web:1');
  const third = await rolledOut('web');
  expect(third.metadata?.annotations?.[annotationKeys.revision]).toBe('3');
  // The old ReplicaSet came back as revision 3; no third one was made.
  const sets = (await client.list('replicasets', { namespace: 'default', labelSelector: 'app=web' })).items;
  expect(sets).toHaveLength(2);
});

test('a broken version stops half-way, keeps the old pods, and a scale is shared', async () => {
  await client.create(
    'deployments',
    deployment('half', 'half:1', { replicas: 4, progressDeadlineSeconds: 2 }),
  );
  await rolledOut('half');
  await setImage('half', 'half:broken');
  const conditionOf = async (type: string) =>
    (await client.find('deployments', 'half', 'default'))?.status?.conditions?.find(
      (each) => each.type === type,
    );
  await expect
    .poll(async () => (await conditionOf('Progressing'))?.reason, soon)
    .toBe('ProgressDeadlineExceeded');
  expect((await conditionOf('Available'))?.status).toBe('True');
  const ready = (await podsOf('half')).filter((pod) => imageOf(pod) === 'half:1');
  expect(ready).toHaveLength(3);
  await client.patch('deployments', 'half', 'default', { spec: { replicas: 8 } });
  await expect.poll(async () => (await podsOf('half')).length, soon).toBe(10);
  await setImage('half', 'half:1');
  await rolledOut('half');
});

test('Recreate never lets two versions meet; pause holds a rollout back', async () => {
  await client.create(
    'deployments',
    deployment('alone', 'alone:1', { replicas: 2, strategy: { type: 'Recreate' } }),
  );
  await rolledOut('alone');
  await client.patch('deployments', 'alone', 'default', { spec: { paused: true } });
  await setImage('alone', 'alone:2');
  await sleep(300);
  expect(new Set((await podsOf('alone')).map(imageOf))).toEqual(new Set(['alone:1']));
  await client.patch('deployments', 'alone', 'default', { spec: { paused: null } });
  let met = false;
  await expect
    .poll(async () => {
      const images = new Set((await podsOf('alone')).map(imageOf));
      met ||= images.size > 1;
      return [...images].join(' ');
    }, soon)
    .toBe('alone:2');
  await rolledOut('alone');
  expect(met).toBe(false);
});

test('a service follows its pods within milliseconds', async () => {
  await client.create('deployments', deployment('served', 'served:1'));
  await rolledOut('served');
  await client.create('services', {
    metadata: { name: 'served', namespace: 'default' },
    spec: { selector: { app: 'served' }, ports: [{ port: 80, targetPort: 'web' }] },
  });
  const readyIps = async () => {
    const { items } = await client.list('endpointslices', {
      namespace: 'default',
      labelSelector: 'kubernetes.io/service-name=served',
    });
    return items.flatMap(({ endpoints = [] }) =>
      endpoints.filter((each) => each.conditions?.ready).map((each) => each.addresses[0]),
    );
  };
  await expect.poll(async () => (await readyIps()).length, soon).toBe(3);
  const [victim] = await podsOf('served');
  const { name = '', namespace } = victim?.metadata ?? {};
  const began = performance.now();
  await client.delete('pods', name, namespace);
  await expect.poll(readyIps, { timeout: 2_000, interval: 1 }).not.toContain(victim?.status?.podIP);
  expect(performance.now() - began).toBeLessThan(500);
  await expect.poll(async () => (await readyIps()).length, soon).toBe(3);
  expect((await client.find('endpoints', 'served', 'default'))?.subsets?.[0]?.addresses).toHaveLength(3);
  await client.delete('services', 'served', 'default');
  await expect
    .poll(async () => [await readyIps(), await client.find('endpoints', 'served', 'default')], soon)
    .toEqual([[], null]);
});

test('a StatefulSet starts, updates and shrinks in order, with volumes that stay', async () => {
  await client.create('statefulsets', statefulSet('db'));
  const status = async () => (await client.find('statefulsets', 'db', 'default'))?.status;
  await expect.poll(async () => (await status())?.readyReplicas, soon).toBe(3);
  const created = (await podsOf('db')).map(({ metadata }) => metadata?.name);
  expect(new Set(created)).toEqual(new Set(['db-0', 'db-1', 'db-2']));
  const claim = await client.find('persistentvolumeclaims', 'data-db-1', 'default');
  expect(claim?.status?.phase).toBe('Bound');
  expect(await readdir(join(cluster.folder, 'volumes'))).toContain(claim?.spec?.volumeName);

  const before = (await status())?.currentRevision;
  const containers = [{ name: 'main', image: 'db:2' }];
  await client.patch('statefulsets', 'db', 'default', {
    spec: {
      template: { spec: { containers } },
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } },
    },
  });
  const images = async () =>
    Object.fromEntries((await podsOf('db')).map((pod) => [pod.metadata?.name, imageOf(pod)]));
  await expect.poll(images, soon).toEqual({ 'db-0': 'db:1', 'db-1': 'db:1', 'db-2': 'db:2' });
  await client.patch('statefulsets', 'db', 'default', {
    spec: { updateStrategy: { rollingUpdate: { partition: 0 } } },
  });
  await expect.poll(images, soon).toEqual({ 'db-0': 'db:2', 'db-1': 'db:2', 'db-2': 'db:2' });
  await expect
    .poll(async () => (await status())?.currentRevision === (await status())?.updateRevision, soon)
    .toBe(true);
  expect((await status())?.currentRevision).not.toBe(before);

  // A claim that is deleted under a running pod stays, and its data with it, until the pod has gone.
  await client.delete('persistentvolumeclaims', 'data-db-1', 'default');
  await sleep(200);
  expect(await readdir(join(cluster.folder, 'volumes'))).toContain(claim?.spec?.volumeName);
  await client.patch('statefulsets', 'db', 'default', { spec: { replicas: 1 } });
  await expect.poll(images, soon).toEqual({ 'db-0': 'db:2' });
  await expect.poll(() => client.find('persistentvolumeclaims', 'data-db-1', 'default'), soon).toBeNull();
  await client.delete('statefulsets', 'db', 'default', { propagationPolicy: 'Background' });
  await expect.poll(images, soon).toEqual({});
  expect(await client.find('persistentvolumeclaims', 'data-db-2', 'default')).not.toBeNull();
  for (const ordinal of [0, 2])
    await client.delete('persistentvolumeclaims', `data-db-${ordinal}`, 'default');
  await expect.poll(() => readdir(join(cluster.folder, 'volumes')), soon).toEqual([]);
});

test('deleting a Deployment: background, foreground, orphan', async () => {
  const names = async (app: string) => ({
    sets: (await client.list('replicasets', { namespace: 'default', labelSelector: `app=${app}` })).items
      .length,
    pods: (await podsOf(app)).length,
  });
  for (const propagationPolicy of ['Background', 'Foreground'] as const) {
    const name = `tree-${propagationPolicy.toLowerCase()}`;
    await client.create('deployments', deployment(name, 'tree:1'));
    await rolledOut(name);
    await client.delete('deployments', name, 'default', { propagationPolicy });
    await expect.poll(() => names(name), soon).toEqual({ sets: 0, pods: 0 });
    await expect.poll(() => client.find('deployments', name, 'default'), soon).toBeNull();
  }
  await client.create('deployments', deployment('parted', 'tree:1'));
  await rolledOut('parted');
  await client.delete('deployments', 'parted', 'default', { propagationPolicy: 'Orphan' });
  await expect.poll(() => client.find('deployments', 'parted', 'default'), soon).toBeNull();
  await sleep(300);
  expect(await names('parted')).toEqual({ sets: 1, pods: 3 });
  // Made anew, it adopts what it finds.
  const orphans = await uidsOf('parted');
  await client.create('deployments', deployment('parted', 'tree:1'));
  await rolledOut('parted');
  expect(await uidsOf('parted')).toEqual(orphans);
});

test('a pod leaves its ReplicaSet by its label and is replaced; a name collision is stepped over', async () => {
  await client.create('deployments', deployment('loose', 'loose:1', { replicas: 1 }));
  await rolledOut('loose');
  const [pod] = await podsOf('loose');
  await client.patch('pods', pod?.metadata?.name ?? '', 'default', { metadata: { labels: { app: 'free' } } });
  await expect.poll(async () => (await podsOf('loose')).length, soon).toBe(1);
  await expect.poll(async () => (await podsOf('free'))[0]?.metadata?.ownerReferences, soon).toBeUndefined();

  const [set] = (await client.list('replicasets', { namespace: 'default', labelSelector: 'app=loose' }))
    .items;
  await client.delete('deployments', 'loose', 'default', { propagationPolicy: 'Background' });
  await expect
    .poll(
      async () =>
        (await client.list('replicasets', { namespace: 'default', labelSelector: 'app=loose' })).items,
      soon,
    )
    .toEqual([]);
  const { name, labels } = set?.metadata ?? {};
  const foreign = { ...labels, app: 'foreign' };
  await client.create('replicasets', {
    metadata: { name, namespace: 'default', labels: foreign },
    spec: {
      replicas: 0,
      selector: { matchLabels: foreign },
      template: { metadata: { labels: foreign }, spec: set?.spec?.template?.spec },
    },
  });
  await client.create('deployments', deployment('loose', 'loose:1', { replicas: 1 }));
  expect((await rolledOut('loose')).status?.collisionCount).toBe(1);
});

test('a pod that fits nowhere says why, and goes where it fits when that changes', async () => {
  const spec = { containers: [{ name: 'main', image: 'big:1', resources: { requests: { cpu: '100' } } }] };
  await client.create('pods', { metadata: { name: 'big', namespace: 'default' }, spec });
  const scheduled = async () =>
    (await client.find('pods', 'big', 'default'))?.status?.conditions?.find(
      ({ type }) => type === 'PodScheduled',
    );
  await expect
    .poll(async () => (await scheduled())?.message, soon)
    .toBe('0/1 nodes are available: 1 Insufficient cpu.');
  const events = (
    await client.list('events', { namespace: 'default', fieldSelector: 'reason=FailedScheduling' })
  ).items;
  expect(events.map(({ involvedObject }) => involvedObject.name)).toContain('big');
  await client.patchStatus('nodes', 'node-a', undefined, { status: { allocatable: { cpu: '200' } } });
  await expect
    .poll(async () => (await client.find('pods', 'big', 'default'))?.status?.phase, soon)
    .toBe('Running');
});

test('a node that falls silent is NotReady, and pods of a node that is removed go', async () => {
  await client.create('nodes', { metadata: { name: 'silent' } });
  await client.patchStatus('nodes', 'silent', undefined, {
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  });
  const spec = { nodeName: 'silent', containers: [{ name: 'main', image: 'stay:1' }] };
  await client.create('pods', { metadata: { name: 'stranded', namespace: 'default', finalizers: [] }, spec });
  const readiness = async (name: string) =>
    (await client.find('nodes', name))?.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  await expect.poll(() => readiness('silent'), soon).toBe('Unknown');
  expect(await readiness('node-a')).toBe('True');
  expect(await client.find('pods', 'stranded', 'default')).not.toBeNull();
  await client.delete('nodes', 'silent');
  await expect.poll(() => client.find('pods', 'stranded', 'default'), soon).toBeNull();
});

test('a namespace takes everything in it along', async () => {
  await client.create('namespaces', { metadata: { name: 'team' } });
  await client.create('deployments', deployment('web', 'web:1', {}, 'team'));
  await rolledOut('web', 'team');
  await client.create('configmaps', { metadata: { name: 'settings', namespace: 'team' } });
  await client.delete('namespaces', 'team');
  await expect.poll(() => client.find('namespaces', 'team'), soon).toBeNull();
  expect(await podsOf('web', 'team')).toEqual([]);
});

test('controllers that are stopped and started all the time end where undisturbed ones do', async () => {
  await client.create('deployments', deployment('calm', 'app:1', { replicas: 6 }));
  await client.create('deployments', deployment('shaken', 'app:1', { replicas: 6 }));
  await Promise.all([rolledOut('calm'), rolledOut('shaken')]);
  await setImage('calm', 'app:2');
  await rolledOut('calm');
  await setImage('shaken', 'app:2');
  for (let round = 0; round < 12; round += 1) {
    await sleep(Math.random() * 25);
    await cluster.stopControllers();
    await cluster.startControllers();
  }
  await rolledOut('shaken');
  const endOf = async (name: string) => ({
    revision: (await client.find('deployments', name, 'default'))?.metadata?.annotations?.[
      annotationKeys.revision
    ],
    sets: (await client.list('replicasets', { namespace: 'default', labelSelector: `app=${name}` })).items
      .map(({ spec, metadata }) => `${metadata?.annotations?.[annotationKeys.revision]}:${spec?.replicas}`)
      .toSorted(),
    images: (await podsOf(name)).map(imageOf),
  });
  expect(await endOf('shaken')).toEqual(await endOf('calm'));
});

test('controllers that die at any one write of a rollout, and come back, finish it all the same', async () => {
  await client.create('deployments', deployment('mortal', 'app:0', { replicas: 2 }));
  await rolledOut('mortal');
  let died = true;
  for (let writes = 0; died; writes += 1) {
    const mortal = new MortalClient(client, writes);
    await cluster.stopControllers();
    await cluster.startControllers(mortal.client);
    await setImage('mortal', `app:${writes + 1}`);
    await Promise.race([mortal.death, rolledOut('mortal')]);
    died = mortal.isDead;
    await cluster.stopControllers();
    await cluster.startControllers();
    const { metadata } = await rolledOut('mortal');
    expect(metadata?.annotations?.[annotationKeys.revision]).toBe(String(writes + 2));
    const sets = (await client.list('replicasets', { namespace: 'default', labelSelector: 'app=mortal' }))
      .items;
    expect(sets.filter(({ spec }) => spec?.replicas)).toHaveLength(1);
    expect((await podsOf('mortal')).map(imageOf)).toEqual([`app:${writes + 1}`, `app:${writes + 1}`]);
    if (!died) expect(writes).toBeGreaterThan(10);
  }
});

test('50 Deployments at once', async () => {
  await client.create('namespaces', { metadata: { name: 'crowd' } });
  const names = Array.from({ length: 50 }, (_, index) => `app-${index}`);
  await Promise.all(
    names.map((name) => client.create('deployments', deployment(name, 'app:1', {}, 'crowd'))),
  );
  await Promise.all(names.map((name) => rolledOut(name, 'crowd')));
  await Promise.all(names.map((name) => setImage(name, 'app:2', 'crowd')));
  await Promise.all(names.map((name) => rolledOut(name, 'crowd')));
  const { items } = await client.list('pods', { namespace: 'crowd' });
  expect(items).toHaveLength(150);
  await client.delete('namespaces', 'crowd');
  await expect.poll(() => client.find('namespaces', 'crowd'), soon).toBeNull();
});
