import { createSocket } from 'node:dgram';
import { createServer, type Server } from 'node:net';
import { dnsState } from '@skyarc/lib/contracts';
import { TestCluster } from '@skyarc/lib/kube/testing';
import { setLogLevel } from '@skyarc/lib/log';
import { run } from '@skyarc/lib/process';
import { pollUntil, sleep } from '@skyarc/lib/retry';
import { encode } from 'dns-packet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { start, type DnsConfig, type RunningDns } from './main.ts';

const port = 20_273;
const probePort = 20_274;
let cluster: TestCluster;
let config: DnsConfig;
let dns: RunningDns;
const gateways: Server[] = [];

beforeAll(async () => {
  setLogLevel('error');
  cluster = await TestCluster.start({ instance: 'hecd', basePort: 20_270, parts: 'api' });
  for (const host of ['127.0.0.2', '127.0.0.3']) {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((done) => server.listen(probePort, host, done));
    gateways.push(server);
  }
  config = {
    kubeconfig: cluster.kubeconfig,
    port,
    statusPort: 20_275,
    zones: [{ origin: 'apps.example.com' }, { origin: 'example.org', wildcard: false }],
    internal: { origin: 'skyarc.internal', clients: ['127.0.0.1/32'] },
    probe: { port: probePort, everyMs: 200, timeoutMs: 200 },
    rateLimit: { samePerSec: 40 },
  };
  await cluster.kube.create('namespaces', { metadata: { name: 'skyarc-blue' } });
  await cluster.kube.create('ingresses', {
    metadata: { name: 'shop', namespace: 'skyarc-blue' },
    spec: {
      ingressClassName: 'skyarc',
      rules: [{ host: 'shop.example.org', http: { paths: [pathTo('shop')] } }],
    },
  });
  await showAddresses('127.0.0.2', '127.0.0.3');
  dns = await start(config);
  await eventually(async () => (await fetch(`${dns.statusUrl}/healthz`)).ok);
});

afterAll(async () => {
  await dns?.stop();
  for (const server of gateways) server.close();
  await cluster?.stop();
});

function pathTo(name: string) {
  return { path: '/', pathType: 'Prefix', backend: { service: { name, port: { number: 80 } } } };
}

async function showAddresses(...addresses: string[]): Promise<void> {
  const status = { loadBalancer: { ingress: addresses.map((ip) => ({ ip })) } };
  const ref = { name: 'shop', namespace: 'skyarc-blue', subresource: 'status' } as const;
  await cluster.kube.patch('ingresses', ref, { status });
}

async function dig(...args: string[]): Promise<string> {
  const { stdout } = await run('dig', ['@127.0.0.1', '-p', String(port), '+tries=1', '+time=1', ...args]);
  return stdout.trim();
}

async function short(...args: string[]): Promise<string[]> {
  return (await dig('+short', ...args)).split('\n').filter(Boolean).sort();
}

async function eventually(isRight: () => Promise<boolean>, timeoutMs = 5_000): Promise<void> {
  await pollUntil(async () => ((await isRight()) ? true : undefined), {
    timeoutMs,
    everyMs: 20,
    onTimeout: () => new Error('it did not become right'),
  });
}

const both = ['127.0.0.2', '127.0.0.3'];

test('by authority for the app domain and for hosts of Ingresses, refused for the rest', async () => {
  expect(await short('80.shop.blue.apps.example.com')).toEqual(both);
  const whole = await dig('shop.example.org');
  expect(whole).toMatch(/flags: qr aa rd;/);
  expect(whole).toMatch(/shop\.example\.org\.\s+30\s+IN\s+A\s+127\.0\.0\.[23]/);
  expect(await dig('absent.example.org')).toMatch(/NXDOMAIN[\s\S]*example\.org\.\s+30\s+IN\s+SOA/);
  expect(await dig('shop.example.org', 'MX')).toMatch(/NOERROR[\s\S]*ANSWER: 0[\s\S]*SOA/);
  expect(await short('apps.example.com', 'NS')).toEqual(['ns1.apps.example.com.']);
  expect(await short('apps.example.com', 'SOA')).toHaveLength(1);
  expect(await dig('apps.example.com', 'ANY', '+notcp')).toContain('RFC8482');
  expect(await dig('apps.example.com', 'AXFR')).toContain('Transfer failed');
  expect(await dig('example.net')).toContain('REFUSED');
  expect(await short('+tcp', 'x.apps.example.com')).toEqual(both);
});

test('a new host and an app of the internal zone are there at once, for those inside', async () => {
  await cluster.kube.create('ingresses', {
    metadata: { name: 'late', namespace: 'skyarc-blue' },
    spec: {
      ingressClassName: 'skyarc',
      rules: [{ host: 'late.example.org', http: { paths: [pathTo('late')] } }],
    },
  });
  const labels = { 'app.kubernetes.io/managed-by': 'skyarc', 'skyarc.dev/team': 'blue' };
  await cluster.kube.create('services', {
    metadata: { name: 'shop', namespace: 'skyarc-blue', labels },
    spec: { ports: [{ name: 'http', port: 80 }] },
  });
  const { spec } = (await cluster.kube.find('services', 'shop', 'skyarc-blue')) ?? {};
  await eventually(async () => (await short('shop.blue.skyarc.internal'))[0] === spec?.clusterIP, 1_000);
  expect(await dig('-b', '127.0.0.5', 'shop.blue.skyarc.internal')).toContain('REFUSED');
  // No gateway has said where it is yet, and none is configured.
  expect(await dig('late.example.org')).toMatch(/NXDOMAIN|ANSWER: 0/);
});

test('a gateway that dies is left out, and comes back', async () => {
  await new Promise((done) => gateways[1]?.close(done));
  await eventually(async () => (await short('x.apps.example.com')).join() === '127.0.0.2');
  await new Promise<void>((done) => gateways[1]?.listen(probePort, '127.0.0.3', done));
  await eventually(async () => (await short('x.apps.example.com')).join() === both.join());
});

test('a flood of one question is bounded, who asks over TCP is served, and it is counted', async () => {
  const socket = createSocket('udp4');
  let [whole, cut] = [0, 0];
  socket.on('message', (reply) => ((reply.readUInt8(2) & 2) === 0 ? (whole += 1) : (cut += 1)));
  const questions = [{ type: 'A', name: 'flood.apps.example.com' }] as const;
  for (let i = 0; i < 1_000; i += 1) {
    socket.send(encode({ type: 'query', id: i, questions: [...questions] }), port, '127.0.0.1');
    if (i % 50 === 0) await sleep(5);
  }
  await sleep(300);
  socket.close();
  // 40 a second, 200 at once, and every second one of the rest cut.
  expect(whole).toBeGreaterThanOrEqual(200);
  expect(whole).toBeLessThan(400);
  expect(cut).toBeGreaterThan(100);
  expect(await short('+tcp', 'flood.apps.example.com')).toEqual(both);
  const text = await (await fetch(`${dns.statusUrl}/metrics`)).text();
  expect(text).toMatch(/skyarc_dns_queries_total\{.*verdict="truncate".*\} [1-9]/);
  expect(text).toMatch(/skyarc_dns_gateways_alive\{.*\} 2/);
  await short('nobody.example.org');
  const state = dnsState.parse(await (await fetch(`${dns.statusUrl}/state`)).json());
  expect(state.questionsPerSecond).toBeGreaterThan(10);
  expect(state.gateways).toEqual(both.map((address) => ({ address, isAlive: true })));
  expect(state.zones.map(({ origin, isWildcard, isInternal }) => [origin, isWildcard, isInternal])).toEqual([
    ['apps.example.com', true, false],
    ['example.org', false, false],
    ['skyarc.internal', false, true],
  ]);
  const failed = { name: 'nobody.example.org', reason: 'NO_SUCH_NAME' };
  expect(state.failures).toContainEqual(expect.objectContaining(failed));
});

test('two instances answer on one address; one drains while questions come, and none is lost', async () => {
  const other = await start({ ...config, statusPort: 20_276 });
  await eventually(async () => (await fetch(`${other.statusUrl}/healthz`)).ok);
  let failures = 0;
  const over = new AbortController();
  const asking = (async () => {
    for (let i = 0; !over.signal.aborted; i += 1) {
      if ((await short(`n${i}.apps.example.com`)).length !== 2) failures += 1;
    }
  })();
  await sleep(300);
  await dns.stop();
  await sleep(300);
  over.abort();
  await asking;
  dns = other;
  expect(failures).toBe(0);
});

test('the last state is served while the API is away', async () => {
  await cluster.kill();
  expect(await short('shop.example.org')).toEqual(both);
  expect((await fetch(`${dns.statusUrl}/healthz`)).status).toBe(200);
});
