import { createLogger } from '@skyarc/lib/log';
import { sleep } from '@skyarc/lib/retry';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { appliedAnnotation, ensureObject, Informer, type KindTable, type KubeClient } from './index.ts';
import { TestCluster } from './testing/index.ts';

let cluster: TestCluster;
let kube: KubeClient;
const log = createLogger('test');
log.level = 'silent';

beforeAll(async () => {
  cluster = await TestCluster.start({ instance: 'skyarcw', basePort: 20_150, parts: 'api' });
  kube = cluster.kube;
});
afterAll(() => cluster?.stop());

function configMap(name: string, data: Record<string, string>): KindTable['configmaps'] {
  return { metadata: { name, namespace: 'default' }, data };
}

test('ensureObject creates, leaves alone, patches, removes its own and keeps foreign fields', async () => {
  const wanted = configMap('a', { x: '1', y: '2' });
  expect((await ensureObject(kube, 'configmaps', wanted)).outcome).toBe('created');
  expect((await ensureObject(kube, 'configmaps', wanted)).outcome).toBe('unchanged');
  await kube.patch(
    'configmaps',
    { name: 'a', namespace: 'default' },
    { data: { foreign: 'f', x: 'edited' } },
  );
  const repaired = await ensureObject(kube, 'configmaps', configMap('a', { x: '1' }));
  expect(repaired.outcome).toBe('patched');
  expect(repaired.object.data).toEqual({ x: '1', foreign: 'f' });
  expect(repaired.object.metadata?.annotations?.[appliedAnnotation]).toBeDefined();
});

test('a Deployment as the API server defaults it is not a difference', async () => {
  const wanted: KindTable['deployments'] = {
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          containers: [
            {
              name: 'app',
              image: 'x',
              ports: [{ containerPort: 80 }],
              resources: { limits: { cpu: '500m', memory: '1Gi' } },
            },
          ],
        },
      },
    },
  };
  await ensureObject(kube, 'deployments', wanted);
  expect((await ensureObject(kube, 'deployments', wanted)).outcome).toBe('unchanged');
});

test('ten at once make one object', async () => {
  const outcomes = await Promise.all(
    Array.from({ length: 10 }, () => ensureObject(kube, 'configmaps', configMap('race', { x: '1' }))),
  );
  expect(outcomes.filter(({ outcome }) => outcome === 'created')).toHaveLength(1);
});

test('an informer follows, outlives the API server and sees what happened meanwhile', async () => {
  const informer = new Informer(kube, 'configmaps', { namespace: 'default', log });
  const seen: string[] = [];
  informer.onChange((now, before) =>
    seen.push(`${now ? (before ? '~' : '+') : '-'}${(now ?? before)?.metadata?.name}`),
  );
  await informer.start();
  await kube.create('configmaps', configMap('b', { x: '1' }));
  await expect.poll(() => seen.includes('+b')).toBe(true);
  await cluster.kill();
  await sleep(200);
  await cluster.revive();
  await kube.create('configmaps', configMap('c', { x: '1' }));
  await kube.delete('configmaps', 'b', 'default');
  await expect.poll(() => seen.includes('+c') && seen.includes('-b')).toBe(true);
  await informer.stop();
  expect(informer.get('c', 'default')?.data).toEqual({ x: '1' });
});

test('errors say what Kubernetes said', async () => {
  await expect(
    kube.create('configmaps', { metadata: { name: 'Bad Name', namespace: 'default' } }),
  ).rejects.toMatchObject({
    code: 'INVALID',
    details: { reason: 'Invalid' },
  });
  expect(await kube.find('configmaps', 'none', 'default')).toBeNull();
  await kube.delete('configmaps', 'none', 'default');
  expect(await kube.version()).toMatch(/^v1\.\d+/);
});
