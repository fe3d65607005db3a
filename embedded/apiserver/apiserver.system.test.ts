import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  AppsV1Api,
  CoreV1Api,
  KubeConfig,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  Watch,
  type V1ConfigMap,
} from '@kubernetes/client-node';
import { startEtcd, type RunningEtcd } from '@skyarc/lib/etcd';
import { sleep } from '@skyarc/lib/retry';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApiServer, type RunningApiServer } from './index.ts';

let folder: string;
let etcd: RunningEtcd;
let server: RunningApiServer;
let config: KubeConfig;
let core: CoreV1Api;
const ports = { etcd: 20100, peer: 20101, api: 20102 };
const startEngine = (): Promise<RunningEtcd> =>
  startEtcd({
    name: 'api',
    dataDir: join(folder, 'etcd'),
    runDir: folder,
    clientPort: ports.etcd,
    peerPort: ports.peer,
  });
const startServer = (): Promise<RunningApiServer> =>
  startApiServer({ port: ports.api, etcdUrl: etcd.url, pkiDir: join(folder, 'pki') });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyarc-apiserver-'));
  etcd = await startEngine();
  server = await startServer();
  config = new KubeConfig();
  config.loadFromFile(server.kubeconfig);
  core = config.makeApiClient(CoreV1Api);
});
afterAll(async () => {
  await server?.stop();
  await etcd?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Output of kubectl, standard and error together; fails with both when kubectl fails. */
async function kubectl(text: string, input = ''): Promise<string> {
  const running = promisify(execFile)('kubectl', ['--kubeconfig', server.kubeconfig, ...text.split(' ')], {
    timeout: 30_000,
  });
  running.child.stdin?.end(input);
  const { stdout, stderr } = await running;
  return stdout + stderr;
}

/** A bare HTTPS request as administrator, or with other options of node:https. */
async function raw(
  path: string,
  options: object = {},
  body?: string,
): Promise<{ status: number; body: string }> {
  const { certData = '', keyData = '' } = config.getCurrentUser() ?? {};
  const secrets = { cert: Buffer.from(certData, 'base64'), key: Buffer.from(keyData, 'base64') };
  return new Promise((resolve, reject) => {
    const sent = request(
      `${server.url}${path}`,
      { rejectUnauthorized: false, agent: false, ...secrets, ...options },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
      },
    );
    sent.on('error', reject).end(body);
  });
}

const manifest = (image: string): string =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', labels: { app: 'web' } },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'web', image, env: [{ name: 'A', value: '1' }] }] },
      },
    },
  });

const deployment = (image: string, more: object = {}): string =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'ssa', ...more },
    spec: {
      selector: { matchLabels: { app: 'ssa' } },
      template: {
        metadata: { labels: { app: 'ssa' } },
        spec: { containers: [{ name: 'web', image, ports: [{ containerPort: 80 }] }] },
      },
    },
  });
const configMap = (data: object): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'over' }, data });

describe('kubectl', () => {
  test('applies, shows, changes and deletes a deployment', async () => {
    expect(await kubectl('apply -f -', manifest('nginx:1'))).toContain('deployment.apps/web created');
    expect(await kubectl('apply -f -', manifest('nginx:1'))).toContain('unchanged');
    expect(await kubectl('apply -f -', manifest('nginx:2'))).toContain('configured');
    expect(await kubectl('get deploy web -o wide')).toMatch(
      /NAME\s+READY\s+UP-TO-DATE.*\nweb\s+0\/2\s+0.*nginx:2\s+app=web/,
    );
    expect(await kubectl('describe deploy web')).toContain(
      'RollingUpdateStrategy:  25% max unavailable, 25% max surge',
    );
    await kubectl('scale deploy web --replicas=5');
    await kubectl('label deploy web tier=front');
    await kubectl('annotate deploy web note=hello');
    await kubectl('set env deploy/web B=2');
    const web = JSON.parse(await kubectl('get deploy web -o json'));
    expect(web).toMatchObject({
      metadata: { generation: 4, labels: { tier: 'front' }, annotations: { note: 'hello' } },
      spec: { replicas: 5 },
    });
    expect(web.spec.template.spec.containers[0].env).toEqual([
      { name: 'A', value: '1' },
      { name: 'B', value: '2' },
    ]);
    expect(await kubectl('delete deploy web')).toContain('deleted');
  });

  test('creates typed objects, which it sends as protobuf', async () => {
    await kubectl('create configmap typed --from-literal=a=b');
    expect(await kubectl('get cm typed -o jsonpath={.data.a}')).toBe('b');
    await kubectl('create job typed --image=x -- true');
    expect(await kubectl('get job typed -o jsonpath={.spec.template.spec.containers[0].image}')).toBe('x');
    expect(await tokenOf('default')).toMatch(/^eyJ/);
    expect(await kubectl('auth can-i create pods')).toBe('yes\n');
  });

  test('waits for what a rollout reports', async () => {
    await kubectl('create deployment slow --image=x');
    const done = kubectl('rollout status deploy/slow --timeout=20s');
    await sleep(300);
    const status = {
      observedGeneration: 1,
      replicas: 1,
      updatedReplicas: 1,
      readyReplicas: 1,
      availableReplicas: 1,
    };
    await server.client.patchStatus('deployments', 'slow', 'default', {
      status: { ...status, conditions: [{ type: 'Available', status: 'True' }] },
    });
    expect(await done).toContain('successfully rolled out');
    expect(await kubectl('wait --for=condition=Available deploy/slow')).toContain('condition met');
  });

  test('selects by field and label, and is told what cannot be selected by', async () => {
    await kubectl('run one --image=x');
    await server.client.patchStatus('pods', 'one', 'default', { status: { phase: 'Running' } });
    await kubectl('run two --image=x');
    expect(await kubectl('get pods --field-selector=status.phase=Running -o name')).toBe('pod/one\n');
    expect(await kubectl('get pods -l run!=one -o name')).toBe('pod/two\n');
    await expect(kubectl('get pods --field-selector=no.such=1')).rejects.toThrow(
      'field label not supported: no.such',
    );
    expect(await kubectl('delete pod one two --wait=true')).toContain('deleted');
  });

  test("applies from the server's side: owners of fields, conflicts, force, pruning", async () => {
    const apply = (text: string, options = ''): Promise<string> =>
      kubectl(`apply --server-side${options} -f -`, text);
    const labels = { labels: { tier: 'front' } };
    expect(await apply(deployment('nginx:1', labels))).toContain('deployment.apps/ssa serverside-applied');
    const before = await kubectl('get deploy ssa -o jsonpath={.metadata.resourceVersion}');
    await apply(deployment('nginx:1', labels));
    expect(await kubectl('get deploy ssa -o jsonpath={.metadata.resourceVersion}')).toBe(before);
    const managed = JSON.parse(
      await kubectl('get --raw /apis/apps/v1/namespaces/default/deployments/ssa'),
    ) as {
      metadata: { managedFields: object[] };
    };
    expect(managed.metadata.managedFields[0]).toMatchObject({
      manager: 'kubectl',
      operation: 'Apply',
      fieldsV1: {
        'f:metadata': { 'f:labels': { 'f:tier': {} } },
        'f:spec': {
          'f:template': {
            'f:spec': {
              'f:containers': {
                'k:{"name":"web"}': {
                  '.': {},
                  'f:ports': {
                    'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} },
                  },
                },
              },
            },
          },
        },
      },
    });
    await kubectl('set image deploy/ssa web=nginx:2 --field-manager=someone');
    await kubectl('scale deploy/ssa --replicas=3');
    await expect(apply(deployment('nginx:3'))).rejects.toThrow(
      /conflict with "someone" using apps\/v1.*\.spec\.template\.spec\.containers\[name="web"\]\.image/s,
    );
    await apply(deployment('nginx:3'), ' --force-conflicts');
    const jsonpath = 'jsonpath={..image}/{.spec.replicas}/{.metadata.labels}';
    expect(await kubectl(`get deploy ssa -o ${jsonpath}`)).toBe('nginx:3/3/');
    await apply(deployment('nginx:3'), ' --dry-run=server');
    const other = JSON.stringify({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'ssa', labels: { other: 'yes' } },
    });
    await apply(other, ' --field-manager=other');
    await expect(
      apply(JSON.stringify({ apiVersion: 'v1', kind: 'Nonsense', metadata: { name: 'x' } })),
    ).rejects.toThrow('no matches for kind');
    expect(await kubectl('get deploy ssa -o jsonpath={.metadata.labels}')).toBe('{"other":"yes"}');
    await kubectl('delete deploy ssa');
  });

  test("goes over from kubectl's own apply to the server's, and back", async () => {
    await kubectl('apply -f -', configMap({ a: '1', b: '2' }));
    await kubectl('apply --server-side -f -', configMap({ a: '3' }));
    expect(await kubectl('get cm over -o jsonpath={.data}')).toBe('{"a":"3"}');
    await kubectl('apply -f -', configMap({ b: '4' }));
    expect(await kubectl('get cm over -o jsonpath={.data}')).toBe('{"b":"4"}');
    await kubectl('delete cm over');
  });

  test('shows what an apply would change', async () => {
    await kubectl('apply -f -', manifest('nginx:1'));
    await expect(kubectl('diff -f -', manifest('nginx:9'))).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/-.*image: nginx:1\n.*\+.*image: nginx:9/s) as string,
    });
    await expect(
      kubectl('diff --server-side --force-conflicts -f -', manifest('nginx:9')),
    ).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringContaining('image: nginx:9') as string,
    });
    expect(await kubectl('get deploy web -o jsonpath={..image}')).toBe('nginx:1');
  });

  test('is refused invalid objects in clear words', async () => {
    const bad = manifest('x').replace(
      '"template":{"metadata":{"labels":{"app":"web"',
      '"template":{"metadata":{"labels":{"app":"other"',
    );
    await expect(kubectl('apply -f -', bad)).rejects.toThrow(
      /is invalid: .*`selector` does not match template `labels`/,
    );
  });
});

describe('client-node', () => {
  test('patches in three ways', async () => {
    await core.createNamespacedConfigMap({
      namespace: 'default',
      body: { metadata: { name: 'three' }, data: { a: '1' } },
    });
    const patch = (body: object, strategy: PatchStrategy): Promise<V1ConfigMap> =>
      core.patchNamespacedConfigMap(
        { namespace: 'default', name: 'three', body },
        setHeaderOptions('Content-Type', strategy),
      );
    await patch([{ op: 'add', path: '/data/b', value: '2' }], PatchStrategy.JsonPatch);
    await patch({ data: { c: '3' } }, PatchStrategy.MergePatch);
    const last = await patch({ data: { a: null } }, PatchStrategy.StrategicMergePatch);
    expect(last.data).toEqual({ b: '2', c: '3' });
    await expect(
      patch([{ op: 'test', path: '/data/b', value: 'x' }], PatchStrategy.JsonPatch),
    ).rejects.toMatchObject({ code: 422 });
  });

  test('an informer follows, also over a restart of the server', async () => {
    const path = '/api/v1/namespaces/default/configmaps';
    const informer = makeInformer(config, path, () => core.listNamespacedConfigMap({ namespace: 'default' }));
    const names = (): (string | undefined)[] => informer.list().map((each) => each.metadata?.name);
    let isDone = false;
    informer.on('error', () => {
      if (!isDone) setTimeout(() => void informer.start().catch(() => undefined), 100);
    });
    await informer.start();
    await server.client.create('configmaps', { metadata: { name: 'followed', namespace: 'default' } });
    await expect.poll(names).toContain('followed');
    await server.stop();
    server = await startServer();
    await server.client.create('configmaps', { metadata: { name: 'later', namespace: 'default' } });
    await expect.poll(names).toContain('later');
    isDone = true;
    await informer.stop();
  });

  test('a watch from a forgotten version is told 410', async () => {
    const error = await new Promise<{ code?: number }>((resolve) => {
      void new Watch(config).watch(
        '/api/v1/pods',
        { resourceVersion: '1' },
        (_type, object) => resolve(object),
        () => undefined,
      );
    });
    expect(error).toMatchObject({ code: 410, reason: 'Expired' });
  });

  test('a stale update is refused with 409', async () => {
    const apps = config.makeApiClient(AppsV1Api);
    const old = await apps.readNamespacedDeployment({ namespace: 'default', name: 'slow' });
    await kubectl('label deploy slow a=b');
    await expect(
      apps.replaceNamespacedDeployment({ namespace: 'default', name: 'slow', body: old }),
    ).rejects.toMatchObject({ code: 409 });
  });
});

describe('who may do what', () => {
  test('roles give rights and take them back; nobody hands out more than is theirs', async () => {
    await kubectl('create sa clerk');
    const token = await tokenOf('clerk');
    const as = { cert: undefined, key: undefined, headers: { authorization: `Bearer ${token}` } };
    const statusOf = async (path: string) => (await raw(path, as)).status;
    const [pods, secrets] = ['pods', 'secrets'].map((each) => `/api/v1/namespaces/default/${each}`);
    expect(await statusOf(pods ?? '')).toBe(403);
    await kubectl('create rolebinding clerk --clusterrole=view --serviceaccount=default:clerk');
    expect(await statusOf(pods ?? '')).toBe(200);
    expect(await statusOf(secrets ?? '')).toBe(403);
    expect(await statusOf('/api/v1/namespaces/kube-system/pods')).toBe(403);
    await kubectl('create rolebinding chief --clusterrole=admin --serviceaccount=default:clerk');
    expect(await statusOf(secrets ?? '')).toBe(200);
    const role = { metadata: { name: 'all' }, rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] };
    const post = { ...as, method: 'POST', headers: { ...as.headers, 'content-type': 'application/json' } };
    const path = '/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles';
    expect(await raw(path, post, JSON.stringify(role))).toMatchObject({ status: 403 });
    await kubectl('delete rolebinding clerk chief');
    expect(await statusOf(pods ?? '')).toBe(403);
  });

  test('strangers see only health and version; accounts only themselves', async () => {
    const stranger = { cert: undefined, key: undefined };
    expect((await raw('/healthz', stranger)).body).toBe('ok');
    expect((await raw('/api/v1/pods', stranger)).status).toBe(403);
    expect((await raw('/metrics')).body).toMatch(
      /apiserver_storage_objects\{resource="namespaces",service="apiserver"\} 4/,
    );
    expect(
      (await raw('/api/v1/pods', { ...stranger, headers: { authorization: 'Bearer x.y.z' } })).status,
    ).toBe(401);
    const token = await tokenOf('default');
    const account = { ...stranger, headers: { authorization: `Bearer ${token}` } };
    const answer = await raw('/api/v1/namespaces/default/secrets', account);
    expect(answer.status).toBe(403);
    expect(answer.body).toContain('User \\"system:serviceaccount:default:default\\" cannot list resource');
    expect((await raw('/apis', account)).status).toBe(200);
    await kubectl('delete sa default');
    expect((await raw('/apis', account)).status).toBe(401);
  });
});

/** A token of a service account of namespace default, as TokenRequest gives it (Debian's kubectl is older than the command). */
async function tokenOf(account: string): Promise<string> {
  const { body } = await raw(
    `/api/v1/namespaces/default/serviceaccounts/${account}/token`,
    { method: 'POST', headers: { 'content-type': 'application/json' } },
    JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }),
  );
  return (JSON.parse(body) as { status: { token: string } }).status.token;
}

describe('under attack', () => {
  test('malformed requests get a Status and change nothing', async () => {
    const post = (body: string, type = 'application/json', path = '/api/v1/namespaces/default/configmaps') =>
      raw(path, { method: 'POST', headers: { 'content-type': type } }, body);
    const codes = await Promise.all([
      post('{'),
      post('[]'),
      post('null'),
      post('{"metadata":{"name":"a"},"data":{"k":7}}'),
      post('{"metadata":{"name":"../x"}}'),
      post('{"metadata":{"name":"a","namespace":"other"}}'),
      post('{"kind":"Pod","metadata":{"name":"a"}}'),
      post(`{"metadata":{"name":"a"},"x":${'['.repeat(10_000)}${']'.repeat(10_000)}}`),
      post('k8s\0\xff\xff\xff', 'application/vnd.kubernetes.protobuf'),
      post('x', 'text/plain'),
      post(`{"metadata":{"name":"a"},"data":{"k":"${'x'.repeat(4 * 1024 * 1024)}"}}`).catch(() => ({
        status: 413,
      })),
      raw('/api/v1/namespaces/default/pods?limit=x'),
      raw('/api/v1/namespaces/default/pods?continue=x'),
      raw('/api/v1/namespaces/default/pods?labelSelector=%3D%3D'),
      raw('/api/v1/%ff'),
      raw('/api/v1/namespaces/default/pods/__proto__'),
      raw('/api/v1/constructor'),
    ]);
    expect(codes.map(({ status }) => status)).toEqual([
      400, 400, 400, 400, 422, 400, 400, 400, 400, 415, 413, 400, 400, 400, 400, 404, 404,
    ]);
    expect((await raw('/api/v1/namespaces/default/configmaps/a')).status).toBe(404);
  });

  test('of 200 updates at once from one version exactly one wins; 200 patches all do', async () => {
    await server.client.create('configmaps', { metadata: { name: 'hot', namespace: 'default' }, data: {} });
    const start = await server.client.find('configmaps', 'hot', 'default');
    const updates = await Promise.allSettled(
      Array.from({ length: 200 }, (_, i) =>
        server.client.update('configmaps', { ...start, data: { winner: `${i}` } }),
      ),
    );
    expect(updates.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        server.client.patch('configmaps', 'hot', 'default', { data: { [`k${i}`]: '' } }),
      ),
    );
    expect(Object.keys((await server.client.find('configmaps', 'hot', 'default'))?.data ?? {})).toHaveLength(
      201,
    );
  });

  test('no event is lost while etcd is killed and started again', async () => {
    const { resourceVersion } = await server.client.list('configmaps');
    const stop = new AbortController();
    const seen: string[] = [];
    const watching = (async () => {
      const options = { namespace: 'default', resourceVersion, signal: stop.signal };
      for await (const { type, object } of server.client.watch('configmaps', options)) {
        const name = object.metadata?.name ?? '';
        if (name.startsWith('flow')) seen.push(`${type} ${name}`);
      }
    })();
    const written: string[] = [];
    for (let i = 0; i < 60; i += 1) {
      if (i === 20) {
        process.kill(etcd.pid, 'SIGKILL');
        setTimeout(() => void startEngine().then((again) => (etcd = again)), 200);
      }
      const name = `flow-${i}`;
      for (;;) {
        const done = await server.client
          .create('configmaps', { metadata: { name, namespace: 'default' } })
          .then(
            () => true,
            (error: { details?: { reason?: string } }) => error.details?.reason === 'AlreadyExists',
          );
        if (done) break;
        await sleep(20);
      }
      written.push(`ADDED ${name}`);
    }
    await expect.poll(() => seen.length).toBe(60);
    expect(seen).toEqual(written);
    stop.abort();
    await watching;
  });

  test('10000 objects are listed in pages of one state', async () => {
    await server.client.create('namespaces', { metadata: { name: 'many' } });
    for (let from = 0; from < 10_000; from += 200) {
      await Promise.all(
        Array.from({ length: 200 }, (_, i) =>
          server.client.create('configmaps', {
            metadata: { name: `many-${from + i}`, namespace: 'many' },
            data: { a: 'b' },
          }),
        ),
      );
    }
    const startedAt = performance.now();
    const all = await raw('/api/v1/namespaces/many/configmaps');
    const wholeMs = performance.now() - startedAt;
    expect(JSON.parse(all.body).items).toHaveLength(10_001);
    expect(wholeMs).toBeLessThan(3_000);
    const names = new Set<string>();
    let token = '';
    do {
      const page = JSON.parse(
        (await raw(`/api/v1/namespaces/many/configmaps?limit=700&continue=${token}`)).body,
      );
      for (const item of page.items) names.add(item.metadata.name);
      token = page.metadata.continue ?? '';
      // A change in between must not show in the later pages of this list.
      await server.client.create('configmaps', { metadata: { generateName: 'zz-', namespace: 'many' } });
    } while (token);
    expect(names.size).toBe(10_001);
    expect([...names].some((name) => name.startsWith('zz-'))).toBe(false);
  });
});
