import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pollUntil, sleep } from '@skyarc/lib/retry';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KindTable } from '../client/index.ts';
import {
  isReady,
  prepareGround,
  testImage,
  waitForPod,
  type TestGround,
} from '../kubelet/testing/cluster.ts';
import { purge, start, type RunningEmbedded } from '../main.ts';

let ground: TestGround;
let cluster: RunningEmbedded;
let child: ChildProcess | undefined;

beforeAll(async () => {
  ground = await prepareGround({
    instance: 'hecnet',
    basePort: 20_280,
    podCidr: '10.75.16.0/20',
    serviceCidr: '10.76.16.0/20',
  });
  cluster = await start(ground.config);
  await cluster.importImage(ground.imageArchive);
});

afterAll(async () => {
  child?.kill('SIGKILL');
  await cluster?.stop();
  if (ground) await purge(ground.config);
  await ground?.stop();
});

function podOf(name: string, script: string, more: object = {}): KindTable['pods'] {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels: { app: name.replace(/-\d+$/, '') } },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'main', image: testImage, command: ['node', '-e', script], ...more }],
    },
  };
}

async function logOf(name: string): Promise<string> {
  const pod = await cluster.client.find('pods', name, 'default');
  const folder = `default_${name}_${pod?.metadata?.uid}`;
  return readFile(join(cluster.podLogRoot, folder, 'main', '0.log'), 'utf8').catch(() => '');
}

const server = `require('http').createServer((q, s) => s.end('hello')).listen(8080)`;
const probe = { readinessProbe: { httpGet: { port: 8080 as never }, periodSeconds: 1, failureThreshold: 1 } };
/** What the very first packet of a pod meets. */
const first = (address: string) => `
  const socket = require('net').connect({ host: '${address}', port: 8080, timeout: 2000 });
  socket.once('connect', () => end('open')).once('error', (e) => end(e.code)).once('timeout', () => end('timeout'));
  function end(what) { console.log('first:' + what); socket.destroy(); }
  setInterval(() => {}, 1000);`;

async function firstOf(name: string): Promise<string> {
  return pollUntil(async () => /first:(\w+)/.exec(await logOf(name))?.[1], {
    timeoutMs: 20_000,
    onTimeout: () => new Error(`${name} said nothing`),
  });
}

test('a pod that a policy isolates is so from its first packet on; the node reaches it for its probes', async () => {
  const { client } = cluster;
  await client.create('pods', podOf('web', server, probe));
  const web = await waitForPod(client, 'web', isReady);
  const address = web.status?.podIP ?? '';
  const policy = (name: string, podSelector: object, policyTypes: string[]) =>
    client.create('networkpolicies', {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name, namespace: 'default' },
      spec: { podSelector, policyTypes },
    });
  await policy('jail', { matchLabels: { app: 'jailed' } }, ['Egress']);
  const names = [1, 2, 3].map((n) => `jailed-${n}`);
  await Promise.all([...names, 'free-1'].map((name) => client.create('pods', podOf(name, first(address)))));
  expect(await Promise.all(names.map(firstOf))).toEqual(names.map(() => 'EHOSTUNREACH'));
  expect(await firstOf('free-1')).toBe('open');
  await policy('closed', { matchLabels: { app: 'web' } }, ['Ingress']);
  await client.create('pods', podOf('free-2', first(address)));
  expect(await firstOf('free-2')).toBe('EHOSTUNREACH');
  await sleep(2_500);
  expect(isReady(await waitForPod(client, 'web', () => true))).toBe(true);
});

async function counts(): Promise<{ asked: number; failed: number }> {
  const last = [...(await logOf('asker')).matchAll(/asked:(\d+) failed:(\d+)/g)].at(-1);
  return { asked: Number(last?.[1] ?? 0), failed: Number(last?.[2] ?? 0) };
}

test('a node port that the API gave answers on loopback', async () => {
  const service = await cluster.client.create('services', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'outside', namespace: 'default' },
    spec: { type: 'NodePort', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
  });
  const { nodePort } = service.spec?.ports?.[0] ?? {};
  expect(nodePort).toBeGreaterThanOrEqual(30_000);
  const ask = async () => (await fetch(`http://127.0.0.1:${nodePort}`)).text();
  const answer = await pollUntil(async () => ask().catch(() => undefined), {
    timeoutMs: 5_000,
    onTimeout: () => new Error('the node port does not answer'),
  });
  expect(answer).toBe('hello');
});

test('names and policies hold while all of the cluster is killed', async () => {
  const { client } = cluster;
  await client.create('services', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
  });
  const script = `
    let asked = 0, failed = 0;
    setInterval(() => require('dns').promises.lookup('web').then(() => asked++, () => failed++)
      .then(() => console.log('asked:' + asked + ' failed:' + failed)), 50);`;
  await client.create('pods', podOf('asker', script));
  const reached = (n: number) =>
    pollUntil(async () => ((await counts()).asked >= n ? true : undefined), {
      timeoutMs: 20_000,
      onTimeout: () => new Error('names are not resolved'),
    });
  await reached(5);
  const failedBefore = (await counts()).failed;
  await cluster.stop();
  child = fork(new URL('../kubelet/testing/run-cluster.ts', import.meta.url).pathname, { silent: true });
  child.send(ground.config);
  await once(child, 'message');
  child.kill('SIGKILL');
  await once(child, 'exit');
  await sleep(2_000);
  cluster = await start(ground.config);
  const { asked } = await counts();
  expect(asked).toBeGreaterThan(40);
  await reached(asked + 5);
  expect((await counts()).failed).toBe(failedBefore);
});
