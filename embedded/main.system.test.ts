import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '@skyarc/lib/process';
import { pollUntil, sleep } from '@skyarc/lib/retry';
import type { KindTable } from './client/index.ts';
import { isReady, prepareGround, testImage, waitForPod, type TestGround } from './kubelet/testing/cluster.ts';
import { purge, start, type RunningEmbedded } from './main.ts';

let ground: TestGround;
let cluster: RunningEmbedded;
let child: ChildProcess | undefined;

beforeAll(async () => {
  ground = await prepareGround({
    instance: 'skyarck',
    basePort: 20_320,
    podCidr: '10.130.0.0/16',
    serviceCidr: '10.131.0.0/16',
  });
  // As an engine that was ended by force leaves them: the first pods would be deaf.
  for (const n of [1, 2, 3]) {
    await ip('link', 'add', `vethstray${n}`, 'type', 'veth', 'peer', 'name', `vethother${n}`);
    await ip('link', 'set', `vethstray${n}`, 'up');
    await ip('route', 'add', `10.130.0.${n + 1}/32`, 'dev', `vethstray${n}`, 'scope', 'host');
  }
  cluster = await start(ground.config);
  await cluster.importImage(ground.imageArchive);
});

async function ip(...args: string[]): Promise<void> {
  const { code, stderr } = await run('ip', args);
  if (code !== 0) throw new Error(stderr);
}

afterAll(async () => {
  child?.kill('SIGKILL');
  await cluster?.stop();
  if (ground) await purge(ground.config);
  await ground?.stop();
});

function web(version: string, replicas: number): KindTable['deployments'] {
  const script =
    'require("http").createServer((q,s)=>{s.setHeader("connection","close");s.end(process.env.VERSION)}).listen(8080)';
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          terminationGracePeriodSeconds: 5,
          containers: [
            {
              name: 'web',
              image: testImage,
              command: ['node', '-e', script],
              env: [{ name: 'VERSION', value: version }],
              ports: [{ name: 'http', containerPort: 8080 }],
              readinessProbe: { httpGet: { port: 'http' as never }, periodSeconds: 1 },
              lifecycle: { preStop: { sleep: { seconds: 2 } } },
            },
          ],
        },
      },
    },
  };
}

function ask(address: string, port = 80): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ host: address, port, agent: false, timeout: 3_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.once('end', () => resolve(body)).once('error', reject);
    });
    request.once('error', reject).once('timeout', () => request.destroy(new Error('no answer in 3 s')));
  });
}

/** Asks every 10 ms until told to stop; answers and failures by their text. */
function keepAsking(address: string) {
  const seen = new Map<string, number>();
  const failures: string[] = [];
  const over = new AbortController();
  const loop = (async () => {
    const open = new Set<Promise<void>>();
    while (!over.signal.aborted) {
      const one = ask(address)
        .then((answer) => void seen.set(answer, (seen.get(answer) ?? 0) + 1))
        .catch((error: Error) => void failures.push(error.message))
        .finally(() => open.delete(one));
      open.add(one);
      await sleep(10);
    }
    await Promise.all(open);
  })();
  return {
    seen,
    failures,
    stop: async () => {
      over.abort();
      await loop;
    },
  };
}

async function waitForRollout(replicas: number): Promise<void> {
  await pollUntil(
    async () => {
      const found = await cluster.client.find('deployments', 'web', 'default');
      const { metadata, status } = found ?? {};
      const isCurrent = (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 1);
      const isDone = [status?.updatedReplicas, status?.availableReplicas, status?.replicas].every(
        (n) => n === replicas,
      );
      return isCurrent && isDone ? true : undefined;
    },
    { timeoutMs: 60_000, onTimeout: () => new Error('the rollout did not end') },
  );
}

let address: string;

test('a deployment rolls under constant requests without one failure', async () => {
  const { client } = cluster;
  await client.create('deployments', web('one', 2));
  const service = await client.create('services', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default' },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
  });
  address = service.spec?.clusterIP ?? '';
  await waitForRollout(2);
  await pollUntil(async () => ask(address).catch(() => undefined), {
    timeoutMs: 5_000,
    onTimeout: () => new Error('the service does not answer'),
  });
  const asking = keepAsking(address);
  await client.patch('deployments', 'web', 'default', { spec: web('two', 2).spec });
  await waitForRollout(2);
  await sleep(3_000);
  await asking.stop();
  expect(asking.failures).toEqual([]);
  expect([...asking.seen.keys()].sort()).toEqual(['one', 'two']);
  expect(await ask(address)).toBe('two');
});

test('a pod resolves names and reaches services, itself through its own too, but not the host', async () => {
  const { client } = cluster;
  const script = `
    const dns = require('dns').promises, net = require('net'), fs = require('fs');
    const reach = (host, port) => new Promise((done) => {
      const socket = net.connect({ host, port, timeout: 2000 });
      socket.once('connect', () => done('open')).once('error', (e) => done(e.code)).once('timeout', () => done('timeout'));
    });
    (async () => {
      require('http').createServer((q, s) => s.end('self')).listen(8080);
      const out = { short: (await dns.lookup('web')).address, full: await dns.resolve4('web.default.svc.cluster.local') };
      out.srv = await dns.resolveSrv('_http._tcp.web.default.svc.cluster.local');
      out.ptr = await dns.reverse(out.short);
      out.none = await dns.resolve4('absent.default.svc.cluster.local').catch((e) => e.code);
      out.web = await (await fetch('http://web')).text();
      out.self = await (await fetch('http://mirror')).text();
      out.host = await reach('GATEWAY', 20320);
      out.empty = await reach('mirror.default.svc.cluster.local', 81);
      out.search = fs.readFileSync('/etc/resolv.conf', 'utf8').split('\\n').filter((l) => /search|nameserver/.test(l));
      console.log(JSON.stringify(out));
    })().catch((e) => console.log(JSON.stringify({ error: String(e) })));
  `.replace('GATEWAY', '10.130.0.1');
  await client.create('services', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'mirror', namespace: 'default' },
    spec: { selector: { app: 'self' }, ports: [{ port: 80, targetPort: 8080 }] },
  });
  await client.create('pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'self', namespace: 'default', labels: { app: 'self' } },
    spec: {
      terminationGracePeriodSeconds: 1,
      // The service must have this pod as an endpoint before it asks itself.
      containers: [
        {
          name: 'main',
          image: testImage,
          command: ['sh', '-c', 'sleep 1; exec node -e "$SCRIPT"'],
          env: [{ name: 'SCRIPT', value: script.replaceAll('$(', '$$(') }],
        },
      ],
    },
  });
  const pod = await waitForPod(client, 'self', isReady);
  const text = await pollUntil(async () => (await logOf(pod)).match(/\{.*\}/)?.[0], {
    timeoutMs: 15_000,
    onTimeout: () => new Error('the pod wrote nothing'),
  });
  expect(JSON.parse(text)).toEqual({
    short: address,
    full: [address],
    srv: [{ name: 'web.default.svc.cluster.local', port: 80, priority: 0, type: 'SRV', weight: 100 }],
    ptr: ['web.default.svc.cluster.local'],
    none: 'ENOTFOUND',
    web: 'two',
    self: 'self',
    host: expect.stringMatching(/^E(HOSTUNREACH|CONNREFUSED)$/),
    empty: expect.stringMatching(/^E(HOSTUNREACH|CONNREFUSED)$/),
    search: [
      expect.stringMatching(/^search default\.svc\.cluster\.local svc\.cluster\.local cluster\.local/),
      'nameserver 10.131.0.10',
    ],
  });
  await client.delete('pods', 'self', 'default');
});

async function logOf(pod: KindTable['pods']): Promise<string> {
  const { namespace, name, uid } = pod.metadata ?? {};
  const { stdout } = await run('cat', ['--', `${cluster.podLogRoot}/${namespace}_${name}_${uid}/main/0.log`]);
  return stdout;
}

test('pods answer while the process is killed, and the next one takes them over untouched', async () => {
  const statusOf = async () => {
    const { items } = await cluster.client.list('pods', { namespace: 'default', labelSelector: 'app=web' });
    return items.map(({ metadata, status }) => ({ name: metadata?.name, status }));
  };
  await cluster.stop();
  child = fork(new URL('kubelet/testing/run-cluster.ts', import.meta.url).pathname, { silent: true });
  child.send(ground.config);
  const [message] = (await once(child, 'message')) as [string];
  expect(message).toBe('ready');
  const asking = keepAsking(address);
  await sleep(500);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await sleep(1_000);
  cluster = await start(ground.config);
  const before = await statusOf();
  await sleep(3_000);
  expect(await statusOf()).toEqual(before);
  expect(before).toHaveLength(2);
  expect(before.every(({ status }) => status?.containerStatuses?.[0]?.restartCount === 0)).toBe(true);
  await asking.stop();
  expect(asking.failures).toEqual([]);
  expect(asking.seen.get('two')).toBeGreaterThan(100);
});

test('kubectl runs commands, follows logs and forwards ports', async () => {
  const cache = `--cache-dir=${join(tmpdir(), 'skyarc-kubectl-cache')}`;
  const kubectl = (...args: string[]) => [`--kubeconfig=${cluster.kubeconfigFile}`, cache, ...args];
  const pod =
    (await cluster.client.list('pods', { labelSelector: 'app=web' })).items[0]?.metadata?.name ?? '';
  const executed = await run(
    'kubectl',
    kubectl('exec', '-i', pod, '--', 'sh', '-c', 'cat; echo oops >&2; exit 4'),
    {
      input: 'through\n',
    },
  );
  expect(executed).toMatchObject({ code: 4, stdout: 'through\n', stderr: expect.stringMatching(/^oops\n/) });

  await cluster.client.create('pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'talker', namespace: 'default' },
    spec: {
      restartPolicy: 'Never',
      containers: [
        {
          name: 'main',
          image: testImage,
          command: ['sh', '-c', 'for i in $(seq 50); do echo line $i; sleep 0.02; done'],
        },
      ],
    },
  });
  await waitForPod(cluster.client, 'talker', ({ status }) => status?.phase !== 'Pending');
  const followed = await run('kubectl', kubectl('logs', '-f', 'talker'), { timeoutMs: 20_000 });
  expect(followed.stdout.trim().split('\n')).toEqual(
    Array.from({ length: 50 }, (_, index) => `line ${index + 1}`),
  );
  const tail = await run('kubectl', kubectl('logs', 'talker', '--tail=1', '--timestamps'));
  expect(tail.stdout).toMatch(/^\d{4}-\d\d-\d\dT\S+Z line 50\n$/);

  const stop = new AbortController();
  const forwarding = run('kubectl', kubectl('port-forward', `pod/${pod}`, '20329:8080'), {
    signal: stop.signal,
  });
  const answer = await pollUntil(async () => ask('127.0.0.1', 20_329).catch(() => undefined), {
    timeoutMs: 10_000,
    onTimeout: () => new Error('the forwarded port does not answer'),
  });
  expect(answer).toBe('two');
  stop.abort();
  await forwarding.catch(() => undefined);
});

test('a killed container engine and removed rules come back, while containers go on', async () => {
  const asking = keepAsking(address);
  const pid = await enginePid();
  process.kill(pid, 'SIGKILL');
  await pollUntil(async () => ((await enginePid()) === pid ? undefined : true), {
    timeoutMs: 15_000,
    onTimeout: () => new Error('containerd did not come back'),
  });
  await sleep(1_000);
  await asking.stop();
  expect(asking.failures).toEqual([]);
  const { items } = await cluster.client.list('pods', { labelSelector: 'app=web' });
  expect(items.every((pod) => isReady(pod) && pod.status?.containerStatuses?.[0]?.restartCount === 0)).toBe(
    true,
  );

  await run('nft', ['delete', 'table', 'ip', 'skyarck']);
  await pollUntil(async () => ask(address).catch(() => undefined), {
    timeoutMs: 25_000,
    onTimeout: () => new Error('the service rules did not come back'),
  });
});

async function enginePid(): Promise<number> {
  const { stdout } = await run('cat', ['--', `${ground.config.home}/containerd/containerd.pid`]);
  return Number(stdout.split(' ')[0]);
}
