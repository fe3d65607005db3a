import { tmpdir } from 'node:os';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@skyarc/lib/process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestCluster } from './test-cluster.ts';

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(20_240);
});
afterAll(async () => {
  await cluster?.stop();
});

async function kubectl(...args: string[]): Promise<string> {
  const cache = join(tmpdir(), 'skyarc-kubectl-cache');
  const all = ['--kubeconfig', cluster.kubeconfig, '--cache-dir', cache, ...args];
  const { code, stdout, stderr } = await run('kubectl', all, { timeoutMs: 60_000 });
  expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({ args, code: 0, stderr: '' });
  return stdout;
}

/** Applies a workload of three pods as a user's file would say it. */
async function apply(kind: 'Deployment' | 'StatefulSet', image: string): Promise<void> {
  const labels = { app: 'web' };
  const manifest = {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name: 'web' },
    spec: {
      replicas: 3,
      ...(kind === 'StatefulSet' && { serviceName: 'web' }),
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image }] } },
    },
  };
  const file = join(cluster.folder, 'manifest.json');
  await writeFile(file, JSON.stringify(manifest));
  await kubectl('apply', '-f', file);
}

const images = () =>
  kubectl('get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].spec.containers[*].image}');

test('kubectl rolls a Deployment out, undoes, scales, restarts and waits', async () => {
  await apply('Deployment', 'web:1');
  const status = () => kubectl('rollout', 'status', 'deployment/web', '--timeout=50s');
  expect(await status()).toContain('successfully rolled out');
  await apply('Deployment', 'web:2');
  expect(await status()).toContain('successfully rolled out');
  expect(await images()).toBe('web:2 web:2 web:2');
  await kubectl('rollout', 'undo', 'deployment/web');
  await status();
  expect(await images()).toBe('web:1 web:1 web:1');
  expect(await kubectl('rollout', 'history', 'deployment/web')).toMatch(/^2 +<none>\n3 +<none>/m);
  await kubectl('rollout', 'undo', 'deployment/web', '--to-revision=2');
  await status();
  expect(await images()).toBe('web:2 web:2 web:2');
  await kubectl('scale', 'deployment/web', '--replicas=5');
  await kubectl('wait', 'deployment/web', '--for=condition=Available', '--timeout=50s');
  await kubectl('rollout', 'restart', 'deployment/web');
  expect(await status()).toContain('successfully rolled out');
  expect(await kubectl('describe', 'deployment/web')).toContain('Scaled up replica set');
  await kubectl('delete', 'deployment/web', '--cascade=foreground', '--timeout=50s');
  expect(await images()).toBe('');
});

test('kubectl follows and undoes a StatefulSet', async () => {
  await apply('StatefulSet', 'db:1');
  const status = () => kubectl('rollout', 'status', 'statefulset/web', '--timeout=50s');
  await status();
  await apply('StatefulSet', 'db:2');
  await status();
  expect(await images()).toBe('db:2 db:2 db:2');
  await kubectl('rollout', 'undo', 'statefulset/web');
  await status();
  expect(await images()).toBe('db:1 db:1 db:1');
  await kubectl('delete', 'statefulset/web', '--timeout=50s');
});

test('kubectl deletes a namespace with what is in it', async () => {
  const file = join(cluster.folder, 'team.json');
  const metadata = { name: 'team' };
  const list = [
    { apiVersion: 'v1', kind: 'Namespace', metadata },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'settings', namespace: 'team' },
      data: { a: 'b' },
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'reader', namespace: 'team' },
      rules: [],
    },
  ];
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: list }));
  await kubectl('apply', '-f', file);
  await kubectl('delete', 'namespace/team', '--timeout=50s');
  expect(await kubectl('get', 'roles,configmaps', '-n', 'team', '--ignore-not-found')).toBe('');
});
