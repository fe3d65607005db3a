import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KindTable } from '../client/index.ts';
import { createLogger } from '@skyarc/lib/log';
import { pollUntil } from '@skyarc/lib/retry';
import { purge, start, type RunningEmbedded } from '../main.ts';
import { CriClient } from './cri/client.ts';
import { ImageGarbage } from './garbage.ts';
import {
  isReady,
  prepareGround,
  testImage,
  waitForAbsence,
  waitForPod,
  type TestGround,
} from './testing/cluster.ts';

type PodSpec = NonNullable<KindTable['pods']['spec']>;

let ground: TestGround;
let cluster: RunningEmbedded;

beforeAll(async () => {
  ground = await prepareGround({
    instance: 'skyarck',
    basePort: 20_310,
    podCidr: '10.130.0.0/16',
    serviceCidr: '10.131.0.0/16',
    kubelet: { crashBackoff: { firstMs: 1_000, maxMs: 4_000 }, relistEveryMs: 2_000 },
  });
  cluster = await start(ground.config);
  await cluster.importImage(ground.imageArchive);
});

afterAll(async () => {
  await cluster?.stop();
  if (ground) await purge(ground.config);
  await ground?.stop();
});

async function createPod(name: string, spec: PodSpec, labels?: Record<string, string>): Promise<void> {
  await cluster.client.create('pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels },
    spec,
  });
}

function once(script: string): PodSpec {
  return {
    restartPolicy: 'Never',
    containers: [{ name: 'main', image: testImage, command: ['sh', '-c', script] }],
  };
}

/** Lines that a container has written so far. */
async function readOutput(pod: KindTable['pods'], container: string, run = 0): Promise<string> {
  const folder = `${pod.metadata?.namespace}_${pod.metadata?.name}_${pod.metadata?.uid}`;
  const text = await readFile(join(cluster.podLogRoot, folder, container, `${run}.log`), 'utf8');
  return text.replace(/^\S+ \S+ \S+ /gm, '');
}

test('a pod gets its volumes, environment, users and probes, and ends gracefully', async () => {
  const { client } = cluster;
  await client.create('configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'settings', namespace: 'default' },
    data: { colour: 'green', 'app.conf': 'x=1' },
  });
  await client.create('secrets', {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'keys', namespace: 'default' },
    data: { pass: Buffer.from('geheim').toString('base64') },
  });
  await createPod(
    'rich',
    {
      terminationGracePeriodSeconds: 3,
      securityContext: { runAsUser: 1000, runAsGroup: 1000, fsGroup: 2000 },
      volumes: [
        { name: 'conf', configMap: { name: 'settings', items: [{ key: 'app.conf', path: 'sub/app.conf' }] } },
        { name: 'keys', secret: { secretName: 'keys', defaultMode: 0o400 } },
        { name: 'shared', emptyDir: {} },
        { name: 'fast', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } },
        {
          name: 'info',
          downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] },
        },
      ],
      initContainers: [
        {
          name: 'prepare',
          image: testImage,
          command: ['sh', '-c', 'echo prepared > /shared/state'],
          volumeMounts: [{ name: 'shared', mountPath: '/shared' }],
        },
      ],
      containers: [
        {
          name: 'main',
          image: testImage,
          env: [
            { name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'colour' } } },
            { name: 'PASS', valueFrom: { secretKeyRef: { name: 'keys', key: 'pass' } } },
            { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
            { name: 'LIMIT', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
            { name: 'BOTH', value: '$(COLOUR)-$(MISSING)-$$(COLOUR)' },
          ],
          command: ['sh', '-c'],
          args: [
            'echo "$COLOUR $PASS $IP $LIMIT $BOTH"; id -u; id -G; cat /conf/sub/app.conf /keys/pass /shared/state; echo; ' +
              'cat /info/labels; stat -f -c %T /fast; touch /readonly 2>/dev/null || echo refused; ' +
              'trap "echo bye; exit 7" TERM; touch /shared/ready; while true; do sleep 0.1; done',
          ],
          resources: { limits: { memory: '64Mi', cpu: '500m' } },
          securityContext: {
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
            allowPrivilegeEscalation: false,
          },
          startupProbe: { exec: { command: ['cat', '/shared/ready'] }, periodSeconds: 1 },
          lifecycle: { preStop: { exec: { command: ['sh', '-c', 'echo stopping > /shared/stop'] } } },
          volumeMounts: [
            { name: 'conf', mountPath: '/conf' },
            { name: 'keys', mountPath: '/keys' },
            { name: 'shared', mountPath: '/shared' },
            { name: 'fast', mountPath: '/fast' },
            { name: 'info', mountPath: '/info' },
          ],
        },
        {
          name: 'watcher',
          image: testImage,
          command: ['sh', '-c', 'until [ -e /shared/stop ]; do sleep 0.05; done; cat /shared/stop; sleep 60'],
          volumeMounts: [{ name: 'shared', mountPath: '/shared' }],
        },
      ],
    },
    { app: 'rich' },
  );
  const pod = await waitForPod(client, 'rich', isReady);
  expect(pod.status).toMatchObject({ phase: 'Running', qosClass: 'Burstable' });
  expect(pod.status?.initContainerStatuses?.[0]?.state?.terminated).toMatchObject({
    exitCode: 0,
    reason: 'Completed',
  });
  expect(pod.status?.containerStatuses?.[0]).toMatchObject({ ready: true, started: true, restartCount: 0 });
  expect((await readOutput(pod, 'main')).trim().split('\n')).toEqual([
    `green geheim ${pod.status?.podIP} 64 green-$(MISSING)-$(COLOUR)`,
    '1000',
    '1000 2000',
    'x=1geheimprepared',
    '',
    'app="rich"tmpfs',
    'refused',
  ]);
  await client.delete('pods', 'rich', 'default');
  await waitForAbsence(client, 'rich', 15_000);
  expect(await readOutput(pod, 'main')).toMatch(/bye\n$/);
  expect(await readOutput(pod, 'watcher')).toBe('stopping\n');
});

test('a container that uses too much memory is OOMKilled, and restarted with growing waits', async () => {
  const { client } = cluster;
  await createPod('greedy', {
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: 'main',
        image: testImage,
        command: ['tail', '/dev/zero'],
        resources: { limits: { memory: '16Mi' } },
      },
    ],
  });
  // containerd learns of an end and of its reason by two ways: on a busy machine the reason may come too late once.
  const pod = await waitForPod(client, 'greedy', ({ status }) => {
    const { state, restartCount = 0, lastState } = status?.containerStatuses?.[0] ?? {};
    const isWaiting = state?.waiting?.reason === 'CrashLoopBackOff' && restartCount >= 2;
    return isWaiting && lastState?.terminated?.reason === 'OOMKilled';
  });
  expect(pod.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode).toBe(137);
  expect(pod.status?.phase).toBe('Running');
  const { items } = await client.list('events', { namespace: 'default' });
  const reasons = new Set(
    items.filter(({ involvedObject }) => involvedObject.name === 'greedy').map(({ reason }) => reason),
  );
  expect([...reasons]).toEqual(
    expect.arrayContaining(['Scheduled', 'Pulled', 'Created', 'Started', 'BackOff']),
  );
  await client.delete('pods', 'greedy', 'default');
  await waitForAbsence(client, 'greedy');
});

test('a failing liveness probe restarts, a missing image and a missing secret are told', async () => {
  const { client } = cluster;
  await createPod('sick', {
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: 'main',
        image: testImage,
        command: ['sh', '-c', 'sleep 60'],
        livenessProbe: { tcpSocket: { port: 81 as never }, periodSeconds: 1, failureThreshold: 1 },
      },
      { name: 'nowhere', image: '127.0.0.1:20319/no/such:1', command: ['true'] },
      { name: 'unconfigured', image: testImage, envFrom: [{ secretRef: { name: 'absent' } }] },
    ],
  });
  const pod = await waitForPod(client, 'sick', ({ status }) => {
    const [main, nowhere, unconfigured] = status?.containerStatuses ?? [];
    return (
      (main?.restartCount ?? 0) >= 1 &&
      nowhere?.state?.waiting?.reason === 'ImagePullBackOff' &&
      unconfigured?.state?.waiting?.reason === 'CreateContainerConfigError'
    );
  });
  expect(pod.status?.containerStatuses?.[2]?.state?.waiting?.message).toBe('secret "absent" not found');
  expect(pod.status?.phase).toBe('Pending');
  await client.delete('pods', 'sick', 'default');
  await waitForAbsence(client, 'sick');
});

test('a pod that never restarts ends as Succeeded or Failed and keeps its log', async () => {
  const { client } = cluster;
  await createPod('good', once('echo done'));
  await createPod('bad', once('echo broken > /dev/termination-log; exit 3'));
  const good = await waitForPod(client, 'good', ({ status }) => status?.phase === 'Succeeded');
  const bad = await waitForPod(client, 'bad', ({ status }) => status?.phase === 'Failed');
  expect(await readOutput(good, 'main')).toBe('done\n');
  expect(good.status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
    status: 'False',
    reason: 'PodCompleted',
  });
  expect(bad.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
    exitCode: 3,
    reason: 'Error',
    message: 'broken\n',
  });
  await client.delete('pods', 'good', 'default');
  await client.delete('pods', 'bad', 'default');
  await waitForAbsence(client, 'good');
  await waitForAbsence(client, 'bad');
});

test('unused images go when the disk is full, used and named ones stay', async () => {
  const cri = new CriClient(join(ground.config.home, 'containerd', 'containerd.sock'));
  const namedImages: string[] = [testImage];
  const garbage = new ImageGarbage({
    cri,
    config: { highPercent: 0, lowPercent: 0, minAgeMs: 0, checkEveryMs: 1_000 },
    imageRoot: ground.config.home,
    log: createLogger('test'),
    namedImages: () => namedImages,
  });
  const imagesLeft = async () =>
    (await cri.call('ListImages', {})).images.flatMap(({ repoTags }) => repoTags).sort();
  try {
    await garbage.sweep();
    expect(await imagesLeft()).toEqual(['localhost/skyarck/pause:1', testImage]);
    namedImages.pop();
    await pollUntil(
      async () => ((await cri.call('ListContainers', {})).containers.length === 0 ? true : undefined),
      {
        timeoutMs: 10_000,
        onTimeout: () => new Error('containers of earlier pods are still there'),
      },
    );
    await garbage.sweep();
    expect(await imagesLeft()).toEqual(['localhost/skyarck/pause:1']);
  } finally {
    cri.close();
  }
});
