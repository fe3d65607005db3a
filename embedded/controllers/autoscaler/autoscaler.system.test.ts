import { createServer, type Server } from 'node:https';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import type { TLSSocket } from 'node:tls';
import { join } from 'node:path';
import { CertificateAuthority } from '@skyarc/lib/certificates';
import { run } from '@skyarc/lib/process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KubeClient } from '../../client/index.ts';
import { TestCluster } from '../test-cluster.ts';

let cluster: TestCluster;
let client: KubeClient;
const soon = { timeout: 50_000, interval: 50 };

beforeAll(async () => {
  cluster = await TestCluster.start(20_118);
  ({ client } = cluster);
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

async function apply(object: object): Promise<string> {
  const file = join(cluster.folder, 'object.json');
  await writeFile(file, JSON.stringify(object));
  return await kubectl('apply', '-f', file);
}

/** All pods of an app use so many millicores each, those to come too. */
function load(app: string, millicores: number): () => void {
  const spread = async () => {
    const { items } = await client.list('pods', { namespace: 'default', labelSelector: `app=${app}` });
    cluster.usage.cpuNanoCores.clear();
    for (const { metadata } of items) cluster.usage.cpuNanoCores.set(metadata?.name ?? '', millicores * 1e6);
  };
  const timer = setInterval(() => void spread(), 50);
  return () => clearInterval(timer);
}

const replicasOf = async (name: string) =>
  (await client.find('deployments', name, 'default'))?.spec?.replicas;

function deployment(name: string) {
  const labels = { app: name };
  const resources = { requests: { cpu: '100m' } };
  return {
    metadata: { name, namespace: 'default' },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'app', resources }] } },
    },
  };
}

test('kubectl autoscale follows the cpu up and down, kubectl top shows it', async () => {
  await client.create('deployments', deployment('web'));
  await kubectl('autoscale', 'deployment', 'web', '--min=1', '--max=5', '--cpu-percent=50');
  const stop = load('web', 100);
  await expect.poll(() => replicasOf('web'), soon).toBe(5);
  await kubectl('rollout', 'status', 'deployment/web', '--timeout=50s');
  await expect
    .poll(async () => (await kubectl('top', 'pods')).match(/web-\S+ +100m +64Mi/g)?.length, soon)
    .toBe(5);
  expect(await kubectl('top', 'node')).toMatch(/node-a +1500m +2% +1024Mi +1%/);
  expect(await kubectl('get', 'hpa', 'web')).toMatch(/Deployment\/web +cpu: 100%\/50% +1 +5 +5/);
  expect(await kubectl('describe', 'hpa', 'web')).toContain('SuccessfulRescale');
  stop();
  const calm = load('web', 10);
  await expect.poll(() => replicasOf('web'), soon).toBe(1);
  calm();
  const events = (await client.list('events', { namespace: 'default' })).items.filter(
    ({ involvedObject, reason }) => involvedObject.name === 'web' && reason === 'SuccessfulRescale',
  );
  expect(events.map(({ message }) => message)).toContainEqual(
    expect.stringContaining('reason: cpu resource utilization (percentage of request) above target'),
  );
});

test('pods without requests or samples are told of and change nothing', async () => {
  const bare = deployment('bare');
  await client.create('deployments', {
    ...bare,
    spec: {
      ...bare.spec,
      template: { ...bare.spec.template, spec: { containers: [{ name: 'main', image: 'app' }] } },
    },
  });
  await kubectl('autoscale', 'deployment', 'bare', '--max=5', '--cpu-percent=50');
  await expect
    .poll(
      async () =>
        (await client.find('horizontalpodautoscalers', 'bare', 'default'))?.status?.conditions?.find(
          ({ type }) => type === 'ScalingActive',
        ),
      soon,
    )
    .toMatchObject({ status: 'False', reason: 'FailedGetResourceMetric' });
  expect(await replicasOf('bare')).toBe(1);
});

test('an external metric comes through an APIService, from a server that checks who asks', async () => {
  const folder = join(cluster.folder, 'adapter');
  const authority = await CertificateAuthority.ensure(folder, 'adapter-ca');
  const names = ['adapter.default.svc', '127.0.0.1'];
  const pair = await authority.ensureLeaf(folder, 'adapter', {
    commonName: 'adapter',
    names,
    usage: 'server',
  });
  const trust = await client.find('configmaps', 'extension-apiserver-authentication', 'kube-system');
  let rate = 250;
  const seen: { user: unknown; cn: unknown }[] = [];
  const adapter: Server = createServer(
    {
      ...pair,
      requestCert: true,
      ca: trust?.data?.['requestheader-client-ca-file'],
      rejectUnauthorized: true,
    },
    (request, response) => {
      const certificate = (request.socket as TLSSocket).getPeerCertificate();
      seen.push({ user: request.headers['x-remote-user'], cn: certificate.subject.CN });
      const groupVersion = 'external.metrics.k8s.io/v1beta1';
      const isList = request.url === `/apis/${groupVersion}`;
      const item = { metricName: 'requests', timestamp: new Date().toISOString(), value: String(rate) };
      const body = isList
        ? { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: [] }
        : { kind: 'ExternalMetricValueList', apiVersion: groupVersion, metadata: {}, items: [item] };
      response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
    },
  );
  await new Promise<void>((resolve) => adapter.listen(20_122, '127.0.0.1', resolve));
  const { port } = adapter.address() as AddressInfo;
  await client.create('services', {
    metadata: { name: 'adapter', namespace: 'default' },
    spec: { ports: [{ port: 443, targetPort: port }] },
  });
  await client.create('endpointslices', {
    metadata: { name: 'adapter', namespace: 'default', labels: { 'kubernetes.io/service-name': 'adapter' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
    ports: [{ port, protocol: 'TCP' }],
  });
  await apply({
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: 'v1beta1.external.metrics.k8s.io' },
    spec: {
      group: 'external.metrics.k8s.io',
      version: 'v1beta1',
      service: { name: 'adapter', namespace: 'default' },
      caBundle: Buffer.from(authority.cert).toString('base64'),
      groupPriorityMinimum: 100,
      versionPriority: 100,
    },
  });
  const path = '/apis/external.metrics.k8s.io/v1beta1/namespaces/default/requests';
  expect(JSON.parse(await kubectl('get', '--raw', path))).toMatchObject({ items: [{ value: '250' }] });
  expect(await kubectl('api-versions')).toContain('external.metrics.k8s.io/v1beta1');
  expect(seen[0]).toEqual({ user: 'skyarc-admin', cn: 'front-proxy-client' });
  await client.create('deployments', deployment('busy'));
  await apply({
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'busy' },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'busy' },
      minReplicas: 1,
      maxReplicas: 10,
      metrics: [
        {
          type: 'External',
          external: { metric: { name: 'requests' }, target: { type: 'AverageValue', averageValue: '100' } },
        },
      ],
      behavior: {
        scaleDown: {
          stabilizationWindowSeconds: 0,
          policies: [{ type: 'Pods', value: 1, periodSeconds: 1 }],
        },
      },
    },
  });
  await expect.poll(() => replicasOf('busy'), soon).toBe(3);
  expect(await kubectl('get', 'hpa', 'busy')).toContain('83334m/100 (avg)');
  rate = 90;
  await expect.poll(() => replicasOf('busy'), soon).toBe(1);
  await new Promise((resolve) => adapter.close(resolve).closeAllConnections());
  await expect
    .poll(
      async () =>
        (await client.find('horizontalpodautoscalers', 'busy', 'default'))?.status?.conditions?.find(
          ({ type }) => type === 'ScalingActive',
        )?.reason,
      soon,
    )
    .toBe('FailedGetExternalMetric');
  expect(await replicasOf('busy')).toBe(1);
});
