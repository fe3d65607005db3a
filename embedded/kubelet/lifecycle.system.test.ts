import { readdir, readFile } from 'node:fs/promises';
import { request, type RequestOptions } from 'node:https';
import { join } from 'node:path';
import { KubeClient, loadKubeConfig } from '@skyarc/lib/kube';
import { run } from '@skyarc/lib/process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addDebugContainer } from './testing/debug-container.ts';
import type { KindTable } from '../client/index.ts';
import { purge, start, type RunningEmbedded } from '../main.ts';
import { cgroupRoot } from './cgroup.ts';
import {
  isReady,
  prepareGround,
  testImage,
  waitForAbsence,
  waitForPod,
  type TestGround,
} from './testing/cluster.ts';

type PodSpec = NonNullable<KindTable['pods']['spec']>;
type Container = PodSpec['containers'][number];

let ground: TestGround;
let cluster: RunningEmbedded;

beforeAll(async () => {
  ground = await prepareGround({
    instance: 'heba',
    basePort: 20_180,
    podCidr: '10.73.0.0/16',
    serviceCidr: '10.74.0.0/16',
    kubelet: {
      crashBackoff: { firstMs: 500, maxMs: 2_000 },
      relistEveryMs: 2_000,
      logs: { maxBytes: 4_096, maxFiles: 3, checkEveryMs: 300 },
    },
  });
  cluster = await start(ground.config);
  await cluster.importImage(ground.imageArchive);
});

afterAll(async () => {
  await cluster?.stop();
  if (ground) await purge(ground.config);
  await ground?.stop();
});

async function createPod(name: string, spec: PodSpec): Promise<void> {
  // A try that failed may have left one.
  await removePod(name).catch(() => undefined);
  await cluster.client.create('pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec,
  });
}

async function removePod(name: string): Promise<void> {
  await cluster.client.delete('pods', name, 'default');
  await waitForAbsence(cluster.client, name);
}

/** A container that runs a shell script. */
function shell(name: string, script: string, more: Partial<Container> = {}): Container {
  return { name, image: testImage, command: ['sh', '-c', script], ...more };
}

/** A container that runs a Node.js script. */
function node(name: string, script: string, more: Partial<Container> = {}): Container {
  return { name, image: testImage, command: ['node', '-e', script], ...more };
}

async function readOutput(pod: KindTable['pods'], container: string, run = 0): Promise<string> {
  const folder = `${pod.metadata?.namespace}_${pod.metadata?.name}_${pod.metadata?.uid}`;
  const text = await readFile(join(cluster.podLogRoot, folder, container, `${run}.log`), 'utf8');
  return text.replace(/^\S+ \S+ \S+ /gm, '');
}

async function kubectl(
  args: readonly string[],
  wrap: (command: readonly string[]) => readonly string[] = (command) => command,
): Promise<string> {
  const flags = [
    `--kubeconfig=${cluster.kubeconfigFile}`,
    `--cache-dir=${join(ground.config.home, 'kubectl')}`,
  ];
  const [program = '', ...rest] = wrap(['kubectl', ...flags, ...args]);
  const { code, stdout, stderr } = await run(program, rest, { timeoutMs: 30_000 });
  expect(code, stderr).toBe(0);
  return stdout;
}

async function eventsOf(name: string): Promise<string[]> {
  const { items } = await cluster.client.list('events', { namespace: 'default' });
  return items
    .filter(({ involvedObject }) => involvedObject.name === name)
    .map(({ reason, message }) => `${reason}: ${message}`);
}

const healthServer = `
  const http2 = require('http2');
  const started = Date.now();
  http2.createServer().on('stream', (stream, headers) => {
    const chunks = [];
    stream.on('data', (chunk) => chunks.push(chunk)).on('end', () => {
      const asked = Buffer.concat(chunks).subarray(7).toString();
      console.log(headers[':path'], asked, headers['user-agent'].split(' ')[0]);
      const isUp = asked === 'db' && Date.now() - started > 1500;
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 8, isUp ? 1 : 2]));
    });
  }).listen(50051);
`;

const web = `
  const fs = require('fs');
  require('http').createServer((request, answer) => {
    const { url, headers } = request;
    if (url === '/old') { answer.writeHead(302, { location: '/ready' }); answer.end(); return; }
    const isRight = headers['x-probe'] === 'yes' && headers.host === 'app.example';
    answer.statusCode = isRight && fs.existsSync('/tmp/ready') ? 200 : 503;
    answer.end();
  }).listen(8080);
  require('net').createServer((socket) => socket.end()).listen(9090);
  setTimeout(() => fs.writeFileSync('/tmp/started', ''), 1000);
  process.on('SIGTERM', () => process.exit(0));
`;

test('probes by gRPC, HTTP with headers and redirects, TCP and command; startup holds back the others', async () => {
  const { client } = cluster;
  await createPod('probed', {
    terminationGracePeriodSeconds: 2,
    containers: [
      node('grpc', healthServer, {
        readinessProbe: { grpc: { port: 50_051, service: 'db' }, periodSeconds: 1 },
      }),
      node('web', `require('fs').mkdirSync('/tmp', { recursive: true });${web}`, {
        startupProbe: { exec: { command: ['cat', '/tmp/started'] }, periodSeconds: 1, failureThreshold: 30 },
        readinessProbe: {
          httpGet: {
            port: 8080 as never,
            path: '/old',
            httpHeaders: [
              { name: 'X-Probe', value: 'yes' },
              { name: 'Host', value: 'app.example' },
            ],
          },
          periodSeconds: 1,
          successThreshold: 2,
          failureThreshold: 1,
        },
        livenessProbe: { tcpSocket: { port: 9090 as never }, periodSeconds: 1 },
      }),
    ],
  });
  const started = await waitForPod(client, 'probed', ({ status }) => {
    const [grpc, app] = status?.containerStatuses ?? [];
    return grpc?.ready === true && app?.started === true;
  });
  expect(started.status?.containerStatuses?.[1]).toMatchObject({ ready: false, restartCount: 0 });
  expect(await readOutput(started, 'grpc')).toMatch(/^\/grpc\.health\.v1\.Health\/Check db kube-probe/m);
  expect(await eventsOf('probed')).toContain(
    'Unhealthy: Readiness probe failed: service unhealthy (responded with "NOT_SERVING")',
  );
  expect((await eventsOf('probed')).some((text) => text.startsWith('Unhealthy: Liveness'))).toBe(false);
  const exec = await cluster.client.find('pods', 'probed', 'default');
  expect(exec && isReady(exec)).toBe(false);
  await removePod('probed');
});

const say = (word: string) => `echo "$(date +%s%N) ${word}" >> /log/all`;

test('side-cars start before and end after a job, in order, and the job counts as done only then', async () => {
  const { client } = cluster;
  const log = [{ name: 'log', mountPath: '/log' }];
  const sidecar = (name: string) =>
    shell(
      name,
      `trap '${say(`${name}-end`)}; exit 0' TERM; ${say(`${name}-start`)}; touch /log/${name}; while :; do sleep 0.1; done`,
      {
        restartPolicy: 'Always',
        volumeMounts: log,
        startupProbe: { exec: { command: ['cat', `/log/${name}`] }, periodSeconds: 1 },
      },
    );
  await createPod('job', {
    restartPolicy: 'OnFailure',
    terminationGracePeriodSeconds: 5,
    volumes: [
      { name: 'log', hostPath: { path: join(ground.config.home, 'job-log'), type: 'DirectoryOrCreate' } },
    ],
    initContainers: [
      shell('first', say('first'), { volumeMounts: log }),
      sidecar('side-a'),
      shell('second', say('second'), { volumeMounts: log }),
      sidecar('side-b'),
    ],
    containers: [
      shell(
        'main',
        `${say('main')}; [ -e /log/again ] || { touch /log/again; exit 1; }; sleep 1; ${say('main-end')}`,
        {
          volumeMounts: log,
        },
      ),
    ],
  });
  const phases: string[] = [];
  const done = await waitForPod(client, 'job', ({ status }) => {
    if (status?.phase && phases.at(-1) !== status.phase) phases.push(status.phase);
    return status?.phase === 'Succeeded';
  });
  const lines = (await readFile(join(ground.config.home, 'job-log', 'all'), 'utf8')).trim().split('\n');
  expect(lines.map((line) => line.split(' ')[1])).toEqual([
    'first',
    'side-a-start',
    'second',
    'side-b-start',
    'main',
    'main',
    'main-end',
    'side-b-end',
    'side-a-end',
  ]);
  expect(done.status?.containerStatuses?.[0]).toMatchObject({
    restartCount: 1,
    state: { terminated: { exitCode: 0, reason: 'Completed' } },
  });
  expect(done.status?.initContainerStatuses?.every(({ state }) => state?.terminated?.exitCode === 0)).toBe(
    true,
  );
  expect(phases.at(-1)).toBe('Succeeded');
  await removePod('job');
});

test('a failed init container ends a pod that never restarts; one that is active for too long fails', async () => {
  const { client } = cluster;
  await createPod('broken', {
    restartPolicy: 'Never',
    initContainers: [
      shell('init', 'echo cannot prepare; exit 4', { terminationMessagePolicy: 'FallbackToLogsOnError' }),
    ],
    containers: [shell('main', 'echo never')],
  });
  await createPod('late', {
    activeDeadlineSeconds: 2,
    terminationGracePeriodSeconds: 1,
    containers: [shell('main', 'sleep 60')],
  });
  const broken = await waitForPod(client, 'broken', ({ status }) => status?.phase === 'Failed');
  expect(broken.status?.initContainerStatuses?.[0]?.state?.terminated).toMatchObject({
    exitCode: 4,
    message: 'cannot prepare\n',
  });
  expect(broken.status?.containerStatuses?.[0]?.state?.waiting?.reason).toBe('PodInitializing');
  const late = await waitForPod(client, 'late', ({ status }) => status?.phase === 'Failed');
  expect(late.status).toMatchObject({
    reason: 'DeadlineExceeded',
    containerStatuses: [{ state: { terminated: {} } }],
  });
  await removePod('broken');
  await removePod('late');
});

test('a debug container joins a running pod and sees its processes', async () => {
  const { client } = cluster;
  await createPod('plain', {
    terminationGracePeriodSeconds: 1,
    containers: [shell('main', 'exec sleep 4711')],
  });
  await waitForPod(client, 'plain', isReady);
  const debug = (name: string, script: string) =>
    addDebugContainer(cluster.kubeconfigFile, 'plain', {
      ...shell(name, script),
      targetContainerName: 'main',
      imagePullPolicy: 'IfNotPresent',
      stdin: name === 'second',
    });
  await debug('debug', 'cat /proc/1/cmdline; echo; sleep 60');
  const joined = await waitForPod(
    client,
    'plain',
    ({ status }) => status?.ephemeralContainerStatuses?.[0]?.state?.running !== undefined,
  );
  expect(joined.status?.containerStatuses?.[0]?.restartCount).toBe(0);
  expect(await readOutput(joined, 'debug')).toContain('sleep\u00004711');
  expect(await kubectl(['exec', 'plain', '-c', 'debug', '--', 'echo', 'here'])).toBe('here\n');
  // The runtime ends the session with its input: a person's terminal stays open.
  await debug('second', 'read line; echo "got $line"; sleep 1');
  await waitForPod(
    client,
    'plain',
    ({ status }) => status?.ephemeralContainerStatuses?.[1]?.state?.running !== undefined,
  );
  const attached = await kubectl(['attach', 'plain', '-c', 'second', '--stdin'], (command) => [
    'sh',
    '-c',
    '(echo a line; sleep 3) | exec "$@"',
    'typed',
    ...command,
  ]);
  expect(attached).toContain('got a line');
  await waitForPod(
    client,
    'plain',
    ({ status }) => status?.ephemeralContainerStatuses?.[1]?.state?.terminated?.exitCode === 0,
  );
  await removePod('plain');
});

const read = async (path: string) => (await readFile(join('/sys/fs/cgroup', path), 'utf8')).trim();

test('a pod gets cpu and memory by what it asks for', async () => {
  await createPod('weighed', {
    terminationGracePeriodSeconds: 1,
    containers: [
      shell('main', 'sleep 60', {
        resources: { requests: { cpu: '250m', memory: '32Mi' }, limits: { cpu: '500m', memory: '64Mi' } },
      }),
      shell('side', 'sleep 60', {
        resources: { requests: { cpu: '100m' }, limits: { cpu: '200m', memory: '32Mi' } },
      }),
    ],
  });
  const { metadata } = await waitForPod(cluster.client, 'weighed', isReady);
  const cgroup = `heba/burstable/pod${metadata?.uid}`;
  expect(await read(`cpu/${cgroup}/cpu.shares`)).toBe(String(Math.floor(0.35 * 1024)));
  expect(await read(`cpu/${cgroup}/cpu.cfs_quota_us`)).toBe('70000');
  expect(await read(`memory/${cgroup}/memory.limit_in_bytes`)).toBe(String((96 + 8) * 2 ** 20));
  expect(await read('cpu/heba/besteffort/cpu.shares')).toBe('2');
  const { items } = await cluster.client.list('nodes');
  const millicores = Number.parseInt(items[0]?.status?.allocatable?.['cpu'] ?? '', 10);
  expect(await read('cpu/heba/cpu.shares')).toBe(String(Math.floor(millicores * 1.024)));
  await removePod('weighed');
});

test('a client of this machine may stream from the container runtime itself', async () => {
  await createPod('streamed', {
    terminationGracePeriodSeconds: 1,
    containers: [shell('main', 'sleep 3600')],
  });
  await waitForPod(cluster.client, 'streamed', isReady);
  const config = await loadKubeConfig(cluster.kubeconfigFile);
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const answerTo = (headers: Record<string, string>) =>
    new Promise<{ status?: number; location?: string }>((resolve, reject) => {
      const url = new URL(config.getCurrentCluster()?.server ?? '');
      url.pathname = '/api/v1/namespaces/default/pods/streamed/exec';
      url.search = 'command=true&stdout=true';
      const upgrade = {
        connection: 'upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': Buffer.from('sixteen bytes ok').toString('base64'),
        'sec-websocket-protocol': 'v4.channel.k8s.io',
      };
      const sent = request(url, { ...options, headers: { ...upgrade, ...headers } });
      sent.once('error', reject);
      sent.once('response', ({ statusCode: status, headers: { location } }) => resolve({ status, location }));
      sent.once('upgrade', ({ statusCode: status }, socket) => {
        socket.destroy();
        resolve({ status });
      });
      sent.end();
    });
  expect(await answerTo({ 'x-stream-redirect': 'allowed' })).toEqual({
    status: 307,
    location: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/exec\/\S+$/),
  });
  expect(await answerTo({})).toEqual({ status: 101 });
  await removePod('streamed');
});

test('a running container gets other cpu and memory without a restart', async () => {
  const { client } = cluster;
  await createPod('resized', {
    terminationGracePeriodSeconds: 1,
    containers: [node('main', 'setInterval(() => {}, 1000)', { resources: amounts('100m', '64Mi') })],
  });
  const before = await waitForPod(client, 'resized', isReady);
  // kubectl has the subresource since 1.32; this client is of any version.
  const rest = new KubeClient(await loadKubeConfig(cluster.kubeconfigFile));
  const [old] = before.status?.containerStatuses ?? [];
  const resize = (resources: object) => {
    const containers = before.spec?.containers.map((container) => ({ ...container, resources }));
    const ref = { name: 'resized', namespace: 'default', subresource: 'resize' } as const;
    return rest.patch('pods', ref, { spec: { containers } });
  };
  await resize(amounts('300m', '128Mi'));
  const after = await waitForPod(
    client,
    'resized',
    ({ status }) => status?.containerStatuses?.[0]?.resources?.limits?.['memory'] === '128Mi',
  );
  const [now] = after.status?.containerStatuses ?? [];
  expect([now?.containerID, now?.restartCount]).toEqual([old?.containerID, 0]);
  const id = now?.containerID?.replace('containerd://', '') ?? '';
  const uid = after.metadata?.uid ?? '';
  const bounds = await boundsOf(`/heba/pod${uid}/${id}`);
  expect(bounds).toEqual({ cpuPercent: 30, memoryBytes: 128 * 2 ** 20 });
  expect(await boundsOf(`/heba/pod${uid}`)).toEqual({ cpuPercent: 30, memoryBytes: 136 * 2 ** 20 });
  expect(await eventsOf('resized')).toContainEqual(expect.stringContaining('ResizeCompleted'));

  await resize(amounts('100m', '1000Gi'));
  const refused = await waitForPod(
    client,
    'resized',
    (pod) => conditionOf(pod, 'PodResizePending') !== undefined,
  );
  expect(conditionOf(refused, 'PodResizePending')).toMatchObject({ reason: 'Infeasible' });
  expect(await boundsOf(`/heba/pod${uid}/${id}`)).toEqual(bounds);
  await resize(amounts('200m', '96Mi'));
  const back = await waitForPod(
    client,
    'resized',
    (pod) => conditionOf(pod, 'PodResizePending') === undefined,
  );
  expect(back.status?.containerStatuses?.[0]).toMatchObject({
    containerID: now?.containerID,
    restartCount: 0,
  });
  expect(await boundsOf(`/heba/pod${uid}/${id}`)).toEqual({ cpuPercent: 20, memoryBytes: 96 * 2 ** 20 });

  // Within its class, and by its own subresource alone.
  await expect(resize({ requests: { cpu: '50m' } })).rejects.toThrow('QOS Class');
  const wrong = `--patch=${JSON.stringify({ spec: { containers: [{ name: 'main', resources: amounts('1', '1Gi') }] } })}`;
  await expect(kubectl(['patch', 'pod', 'resized', wrong])).rejects.toThrow('use the resize subresource');
  await rest.close();
  await removePod('resized');
});

/** Bounds of a control group, in both hierarchies. */
async function boundsOf(cgroup: string): Promise<{ cpuPercent: number; memoryBytes: number }> {
  const read = async (controller: string, v1: string, v2: string): Promise<number> => {
    const text = await readFile(join(cgroupRoot, controller, cgroup, v1), 'utf8').catch(() =>
      readFile(join(cgroupRoot, cgroup, v2), 'utf8'),
    );
    return Number.parseInt(text, 10);
  };
  const quotaUs = await read('cpu', 'cpu.cfs_quota_us', 'cpu.max');
  return {
    cpuPercent: quotaUs / 1_000,
    memoryBytes: await read('memory', 'memory.limit_in_bytes', 'memory.max'),
  };
}

test('out of memory is told with the limit', async () => {
  await createPod('greedy', {
    restartPolicy: 'Never',
    containers: [shell('main', 'tail /dev/zero', { resources: { limits: { memory: '16Mi' } } })],
  });
  const pod = await waitForPod(cluster.client, 'greedy', ({ status }) => status?.phase === 'Failed');
  expect(pod.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
    exitCode: 137,
    reason: 'OOMKilled',
    message: 'out of memory: it used more than its limit of 16Mi',
  });
  await expect
    .poll(() => eventsOf('greedy'))
    .toContain('OOMKilled: Container main was killed: out of memory: it used more than its limit of 16Mi');
  await removePod('greedy');
});

test('out of memory is told with the limit that a resize has given', async () => {
  const { client } = cluster;
  await createPod('grown', {
    terminationGracePeriodSeconds: 1,
    restartPolicy: 'Never',
    containers: [
      shell('main', 'until [ -e /go ]; do sleep 0.1; done; tail /dev/zero', {
        resources: { limits: { memory: '16Mi' } },
      }),
    ],
  });
  const { spec } = await waitForPod(client, 'grown', isReady);
  const containers = spec?.containers.map((one) => ({ ...one, resources: { limits: { memory: '24Mi' } } }));
  const rest = new KubeClient(await loadKubeConfig(cluster.kubeconfigFile));
  await rest.patch(
    'pods',
    { name: 'grown', namespace: 'default', subresource: 'resize' },
    { spec: { containers } },
  );
  await rest.close();
  await waitForPod(
    client,
    'grown',
    ({ status }) => status?.containerStatuses?.[0]?.resources?.limits?.['memory'] === '24Mi',
  );
  await kubectl(['exec', 'grown', '--', 'touch', '/go']);
  const pod = await waitForPod(client, 'grown', ({ status }) => status?.phase === 'Failed');
  expect(pod.status?.containerStatuses?.[0]?.state?.terminated?.message).toBe(
    'out of memory: it used more than its limit of 24Mi',
  );
  await removePod('grown');
});

test('logs rotate by size while they are followed, and those of the run before are kept', async () => {
  const script =
    'for i in $(seq 300); do echo "line $i of a log that grows and grows"; sleep 0.01; done; exit 1';
  await createPod('chatty', { containers: [shell('main', script)] });
  const pod = await waitForPod(cluster.client, 'chatty', isReady);
  const followed = await kubectl(['logs', '-f', 'chatty']);
  expect(followed.trim().split('\n')).toEqual(
    Array.from({ length: 300 }, (_, index) => `line ${index + 1} of a log that grows and grows`),
  );
  const { namespace, name, uid } = pod.metadata ?? {};
  const files = await readdir(join(cluster.podLogRoot, `${namespace}_${name}_${uid}`, 'main'));
  const ofFirstRun = files.filter((file) => file.startsWith('0.log'));
  expect(ofFirstRun.length).toBeGreaterThan(1);
  expect(ofFirstRun.length).toBeLessThanOrEqual(3);
  await waitForPod(
    cluster.client,
    'chatty',
    ({ status }) => (status?.containerStatuses?.[0]?.restartCount ?? 0) > 0,
  );
  expect(await kubectl(['logs', '--previous', '--tail=1', 'chatty'])).toContain('line 300 ');
  await removePod('chatty');
});

const hook = (path: string) => ({
  httpGet: { port: 8080 as never, path, httpHeaders: [{ name: 'X-Hook', value: 'yes' }] },
});

test('names by hostAliases and dnsConfig, hooks by HTTP, and a grace time of a probe of its own', async () => {
  const server = `
    const fs = require('fs');
    process.on('SIGTERM', () => undefined);
    require('http').createServer((request, answer) => {
      fs.appendFileSync('/log/hooks', request.url + ' ' + request.headers['x-hook'] + '\\n');
      answer.end();
    }).listen(8080);
    console.log(fs.readFileSync('/etc/hosts', 'utf8').match(/192.0.2.1.*/)[0]);
    console.log(fs.readFileSync('/etc/resolv.conf', 'utf8'));
  `;
  await createPod('hooked', {
    terminationGracePeriodSeconds: 60,
    hostAliases: [{ ip: '192.0.2.1', hostnames: ['db', 'db.example'] }],
    dnsPolicy: 'None',
    dnsConfig: {
      nameservers: ['192.0.2.53'],
      searches: ['example'],
      options: [{ name: 'ndots', value: '2' }],
    },
    volumes: [
      { name: 'log', hostPath: { path: join(ground.config.home, 'hook-log'), type: 'DirectoryOrCreate' } },
    ],
    containers: [
      node('main', server, {
        volumeMounts: [{ name: 'log', mountPath: '/log' }],
        lifecycle: { preStop: hook('/stopping') },
        livenessProbe: {
          exec: { command: ['sh', '-c', '[ ! -e /sick ]'] },
          periodSeconds: 1,
          failureThreshold: 1,
          terminationGracePeriodSeconds: 1,
        },
      }),
    ],
  });
  const pod = await waitForPod(cluster.client, 'hooked', isReady);
  await kubectl(['exec', 'hooked', '--', 'touch', '/sick']);
  // It pays no heed to SIGTERM: within the pod's grace time of a minute it would go on.
  await waitForPod(
    cluster.client,
    'hooked',
    ({ status }) => status?.containerStatuses?.[0]?.restartCount === 1,
    15_000,
  );
  const output = await readOutput(pod, 'main');
  expect(output).toContain('192.0.2.1\tdb\tdb.example');
  expect(output).toContain('search example\nnameserver 192.0.2.53\noptions ndots:2\n');
  expect(await readFile(join(ground.config.home, 'hook-log', 'hooks'), 'utf8')).toBe('/stopping yes\n');
  await cluster.client.delete('pods', 'hooked', 'default', { gracePeriodSeconds: 1 });
  await waitForAbsence(cluster.client, 'hooked');
});

function amounts(cpu: string, memory: string) {
  return { requests: { cpu, memory }, limits: { cpu, memory } };
}

function conditionOf(pod: KindTable['pods'], wanted: string) {
  return pod.status?.conditions?.find(({ type }) => type === wanted);
}
