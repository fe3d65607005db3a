import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { Agent, createServer, request, type IncomingMessage, type Server } from 'node:http';
import { request as requestTls } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { CertificateAuthority } from '@skyarc/lib/certificates';
import { ensureObject, type KindTable, type KubeClient } from '@skyarc/lib/kube';
import { TestCluster } from '@skyarc/lib/kube/testing';
import { setLogLevel } from '@skyarc/lib/log';
import { sleep } from '@skyarc/lib/retry';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { start, stopNginx, type GatewayConfig, type RunningGateway } from './main.ts';

type Rule = NonNullable<NonNullable<KindTable['ingresses']['spec']>['rules']>[number];

const httpPort = 20_340;
const httpsPort = 20_341;
let cluster: TestCluster;
let kube: KubeClient;
let folder: string;
let config: GatewayConfig;
let gateway: RunningGateway;
const backends: Server[] = [];

beforeAll(async () => {
  setLogLevel('error');
  cluster = await TestCluster.start({ instance: 'hedw', basePort: 20_400, parts: 'api' });
  kube = cluster.kube;
  folder = await mkdtemp(join(tmpdir(), 'hedw-gateway-'));
  config = {
    instance: 'hedw',
    dataDir: join(folder, 'gateway'),
    kubeconfig: cluster.kubeconfig,
    httpPort,
    httpsPort,
    statusPort: 20_342,
    syncEveryMs: 1_000,
    readTimeoutMs: 3_000,
  };
  gateway = await start(config);
});

afterAll(async () => {
  for (const backend of backends) {
    backend.closeAllConnections();
    backend.close();
  }
  await gateway?.stop();
  await stopNginx(config);
  await cluster?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** What was sent to clients from a backend, once the worker has told its counts. */
async function countedBytes(backend: string): Promise<number> {
  await sleep(1_600);
  const text = await (await fetch(`${gateway.statusUrl}/metrics`)).text();
  const line = text
    .split('\n')
    .find((one) => one.startsWith('skyarc_gateway_response_bytes_total{') && one.includes(`/${backend}:`));
  return Number(line?.split(' ').at(-1));
}

describe('routes', () => {
  // The examples of https://kubernetes.io/docs/concepts/services-networking/ingress/#examples, and more.
  const table: [rules: [type: string, path: string][], asked: string, taken: string | null][] = [
    [[['Prefix', '/']], '/any/path', '/'],
    [[['Exact', '/foo']], '/foo', '/foo'],
    [[['Exact', '/foo']], '/bar', null],
    [[['Exact', '/foo']], '/foo/', null],
    [[['Exact', '/foo/']], '/foo', null],
    [[['Prefix', '/foo']], '/foo', '/foo'],
    [[['Prefix', '/foo']], '/foo/', '/foo'],
    [[['Prefix', '/foo/']], '/foo', '/foo/'],
    [[['Prefix', '/foo/']], '/foo/', '/foo/'],
    [[['Prefix', '/aaa/bb']], '/aaa/bbb', null],
    [[['Prefix', '/aaa/bbb']], '/aaa/bbb', '/aaa/bbb'],
    [[['Prefix', '/aaa/bbb/']], '/aaa/bbb', '/aaa/bbb/'],
    [[['Prefix', '/aaa/bbb']], '/aaa/bbb/', '/aaa/bbb'],
    [[['Prefix', '/aaa/bbb']], '/aaa/bbb/ccc', '/aaa/bbb'],
    [[['Prefix', '/aaa/bbb']], '/aaa/bbbxyz', null],
    [
      [
        ['Prefix', '/'],
        ['Prefix', '/aaa'],
      ],
      '/aaa/ccc',
      '/aaa',
    ],
    [
      [
        ['Prefix', '/'],
        ['Prefix', '/aaa'],
        ['Prefix', '/aaa/bbb'],
      ],
      '/aaa/bbb',
      '/aaa/bbb',
    ],
    [
      [
        ['Prefix', '/'],
        ['Prefix', '/aaa'],
        ['Prefix', '/aaa/bbb'],
      ],
      '/ccc',
      '/',
    ],
    [[['Prefix', '/aaa']], '/ccc', null],
    [
      [
        ['Prefix', '/foo'],
        ['Exact', '/foo'],
      ],
      '/foo',
      '/foo#exact',
    ],
    [
      [
        ['Prefix', '/foo'],
        ['Exact', '/foo'],
      ],
      '/foo/x',
      '/foo',
    ],
    [[['ImplementationSpecific', '/foo']], '/foo/x', '/foo'],
    [[['Prefix', '/FOO']], '/foo', null],
    [
      [
        ['Prefix', '/admin'],
        ['Prefix', '/'],
      ],
      '/x/../admin/y',
      '/admin',
    ],
    [[['Prefix', '/last']], '/last', '/last'],
  ];

  test('paths are matched as networking.k8s.io/v1 says', async () => {
    for (const [index, [rules]] of table.entries()) {
      const paths: NonNullable<Rule['http']>['paths'] = [];
      for (const [pathType, path] of rules) {
        // Where both kinds have one path, the answer tells which one took it.
        const answer = pathType === 'Exact' && rules.length > 1 ? `${path}#exact` : path;
        const name = `paths-${index}-${paths.length}`;
        await ensureBackend(name, await answering(answer));
        paths.push({ path, pathType, backend: { service: { name, port: { number: 80 } } } });
      }
      await kube.create('ingresses', {
        metadata: { name: `paths-${index}`, namespace: 'default' },
        spec: { ingressClassName: 'skyarc', rules: [{ host: `paths-${index}.test`, http: { paths } }] },
      });
    }
    const last = `paths-${table.length - 1}.test`;
    await expect.poll(async () => (await ask(last, '/last')).status).toBe(200);
    for (const [index, [rules, asked, taken]] of table.entries()) {
      const { status, body } = await ask(`paths-${index}.test`, asked);
      expect([JSON.stringify(rules), asked, status === 404 ? null : body]).toEqual([
        JSON.stringify(rules),
        asked,
        taken,
      ]);
    }
  });

  test('an exact host wins over a wildcard, which covers one label', async () => {
    await route('exact.wild.test', 'wild-exact', await answering('exact'));
    await route('*.wild.test', 'wild-any', await answering('wildcard'));
    await expect.poll(async () => (await ask('x.wild.test')).body).toBe('wildcard');
    expect((await ask('exact.wild.test')).body).toBe('exact');
    expect((await ask('EXACT.wild.test:20600')).body).toBe('exact');
    expect((await ask('a.b.wild.test')).status).toBe(404);
    expect((await ask('wild.test')).status).toBe(404);
  });

  test('unknown hosts get a page for browsers and a line for programs', async () => {
    const page = await ask('nobody.test', '/', { accept: 'text/html' });
    expect([page.status, page.headers['content-type']]).toEqual([404, 'text/html; charset=utf-8']);
    expect(page.body).toContain('Nothing lives here');
    expect((await ask('nobody.test')).body).toMatch(/^404 Nothing lives here/);
  });

  test('a bad object is told by an Event and harms no other', async () => {
    const port = await answering('good');
    await route('good.test', 'good', port);
    await ensureObject(kube, 'ingresses', ingress('nowhere', 'nowhere.test', 'no-such-service'));
    await ensureObject(kube, 'ingresses', {
      ...ingress('thief', 'good.test', 'good'),
      spec: {
        ...ingress('thief', 'good.test', 'good').spec,
        tls: [{ secretName: 'no-such-secret', hosts: ['good.test'] }],
      },
    });
    await expect
      .poll(async () => {
        const { items } = await kube.list('events', { namespace: 'default' });
        return items
          .map(({ reason, involvedObject }) => `${involvedObject.name} ${reason}`)
          .toSorted((a, b) => a.localeCompare(b));
      })
      .toEqual(['nowhere InvalidBackend', 'thief Conflict', 'thief InvalidCertificate']);
    expect((await ask('good.test')).body).toBe('good');
    expect((await ask('nowhere.test')).status).toBe(503);
    const { items } = await kube.list('events', { namespace: 'default' });
    expect(items.find(({ reason }) => reason === 'Conflict')?.message).toContain('default/good');
    await kube.delete('ingresses', 'thief', 'default');
    await kube.delete('ingresses', 'nowhere', 'default');
  });

  test('the status of an Ingress names the addresses of the gateway; other classes are not served', async () => {
    await ensureObject(kube, 'ingresses', {
      ...ingress('foreign', 'foreign.test', 'good'),
      spec: { ...ingress('foreign', 'foreign.test', 'good').spec, ingressClassName: 'other' },
    });
    await expect
      .poll(
        async () => (await kube.find('ingresses', 'good', 'default'))?.status?.loadBalancer?.ingress?.[0]?.ip,
      )
      .toBe('127.0.0.1');
    expect((await ask('foreign.test')).status).toBe(404);
    expect(
      (await kube.find('ingresses', 'foreign', 'default'))?.status?.loadBalancer?.ingress,
    ).toBeUndefined();
    expect((await kube.find('ingressclasses', 'skyarc'))?.spec?.controller).toBe('skyarc.dev/gateway');
  });
});

describe('requests', () => {
  test('reach the app as they were sent, with the truth about who sent them', async () => {
    await route(
      'echo.test',
      'echo',
      await listening((message) => JSON.stringify({ url: message.url, headers: message.headers })),
    );
    await expect.poll(async () => (await ask('echo.test')).status).toBe(200);
    const answer = await ask('echo.test:20600', '/a%2Fb//c?x=%20&y', {
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-proto': 'https',
      'x-request-id': 'my-request-1',
      proxy: 'evil',
      upgrade: 'h2c',
      connection: 'upgrade',
    });
    const { url, headers } = JSON.parse(answer.body) as { url: string; headers: Record<string, string> };
    expect(url).toBe('/a%2Fb//c?x=%20&y');
    expect(headers).toMatchObject({
      host: 'echo.test:20600',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'echo.test:20600',
      'x-request-id': 'my-request-1',
    });
    expect(headers).not.toHaveProperty('proxy');
    expect(headers).not.toHaveProperty('upgrade');
    expect((await ask('echo.test', '/', { 'x-request-id': 'bad id"' })).body).toMatch(
      /"x-request-id":"[0-9a-f]{12}-[0-9]+-[0-9]+"/,
    );
    // Without an identity of its own a request goes the shortest way; what it says of itself is no more believed there.
    const forged = {
      'x-real-ip': '6.6.6.6',
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-host': 'evil.test',
      'x-forwarded-port': '666',
      'x-forwarded-proto': 'https',
      proxy: 'evil',
    };
    const { headers: told } = JSON.parse((await ask('echo.test', '/', forged)).body) as {
      headers: Record<string, string>;
    };
    expect(told).toMatchObject({
      'x-real-ip': '127.0.0.1',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'echo.test',
      'x-forwarded-port': String(httpPort),
      'x-forwarded-proto': 'http',
      'x-request-id': expect.stringMatching(/^[0-9a-f]{12}-[0-9]+-[0-9]+$/),
    });
    expect(told).not.toHaveProperty('proxy');
  });

  test('bodies stream both ways without touching the disk', async () => {
    const port = await listening(async (message) => {
      let size = 0;
      for await (const chunk of message) size += (chunk as Buffer).length;
      return String(size);
    });
    await route('upload.test', 'upload', port);
    await expect.poll(async () => (await ask('upload.test')).status).toBe(200);
    const megabytes = 64;
    const sent = request({
      port: httpPort,
      host: '127.0.0.1',
      method: 'POST',
      headers: { host: 'upload.test' },
    });
    for (let index = 0; index < megabytes; index += 1) {
      if (!sent.write(Buffer.alloc(1 << 20))) await once(sent, 'drain');
    }
    sent.end();
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    expect(await textOf(answer)).toBe(String(megabytes << 20));
  });

  test('a chunk arrives when it is written, not when the answer ends', async () => {
    const server = createServer((_message, response) => {
      response.write('first\n');
      setTimeout(() => response.end('second\n'), 1_000);
    });
    await route('stream.test', 'stream', await listen(server));
    await expect.poll(async () => (await ask('stream.test')).status).toBe(200);
    const startedAt = Date.now();
    const [answer] = (await once(
      request({ port: httpPort, host: '127.0.0.1', headers: { host: 'stream.test' } }).end(),
      'response',
    )) as [IncomingMessage];
    const [chunk] = (await once(answer, 'data')) as [Buffer];
    expect(chunk.toString()).toBe('first\n');
    expect(Date.now() - startedAt).toBeLessThan(500);
    answer.resume();
    await once(answer, 'end');
  });

  test('WebSockets are passed on', async () => {
    const server = createServer((_message, response) => response.end('http'));
    new WebSocketServer({ server }).on('connection', (socket) =>
      socket.on('message', (data) => socket.send(`echo ${(data as Buffer).toString()}`)),
    );
    await route('socket.test', 'socket', await listen(server));
    await expect.poll(async () => (await ask('socket.test')).status).toBe(200);
    const socket = new WebSocket(`ws://127.0.0.1:${httpPort}/`, { headers: { host: 'socket.test' } });
    await once(socket, 'open');
    socket.send('hello');
    const [data] = (await once(socket, 'message')) as [Buffer];
    expect(data.toString()).toBe('echo hello');
    socket.close();
  });

  test('an app that fails, hangs or is gone gets a page of its own', async () => {
    const server = createServer((message, response) => {
      if (message.url === '/hang') return;
      if (message.url === '/own') response.writeHead(502).end('the app says so');
      else message.socket.destroy();
    });
    await route('broken.test', 'broken', await listen(server));
    await expect.poll(async () => (await ask('broken.test', '/own')).body).toBe('the app says so');
    expect((await ask('broken.test', '/cut')).body).toMatch(/^502 The app did not answer/);
    expect((await ask('broken.test', '/hang')).body).toMatch(/^504 The app took too long/);
    await ensureObject(kube, 'endpointslices', slice('broken', []));
    await expect
      .poll(async () => (await ask('broken.test', '/own', { accept: 'text/html' })).body)
      .toContain('The app is not ready');
  });
});

describe('endpoints', () => {
  test('a dead endpoint beside a living one costs no request, also of POST', async () => {
    const alive = await answering('alive');
    await ensureBackend('half', alive);
    await ensureObject(kube, 'endpointslices', slice('half', [alive, 20_679]));
    await ensureObject(kube, 'ingresses', ingress('half', 'half.test', 'half'));
    await expect.poll(async () => (await ask('half.test')).body).toBe('alive');
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) => ask('half.test', '/', {}, index % 2 ? 'POST' : 'GET')),
    );
    expect(new Set(answers.map(({ body }) => body))).toEqual(new Set(['alive']));
  });

  test('not ready and terminating endpoints get nothing; requests spread over the others', async () => {
    const ports = await Promise.all(['a', 'b', 'c', 'd'].map((name) => answering(name)));
    await ensureBackend('spread', ...ports);
    await ensureObject(kube, 'ingresses', ingress('spread', 'spread.test', 'spread'));
    await expect.poll(async () => (await ask('spread.test')).status).toBe(200);
    const wanted = slice('spread', ports);
    const [first, second] = wanted.endpoints ?? [];
    if (first) first.conditions = { ready: false };
    if (second) second.conditions = { ready: true, terminating: true };
    await ensureObject(kube, 'endpointslices', wanted);
    await sleep(100);
    const bodies = [];
    for (let index = 0; index < 40; index += 1) bodies.push((await ask('spread.test')).body);
    expect(new Set(bodies)).toEqual(new Set(['c', 'd']));
    expect(bodies.filter((body) => body === 'c').length).toBeGreaterThan(10);
  });

  test('200 flips under load fail no request, and each takes effect in milliseconds', async () => {
    const [one, two] = [await answering('one'), await answering('two')];
    await ensureBackend('flip', one);
    await ensureObject(kube, 'ingresses', ingress('flip', 'flip.test', 'flip'));
    await expect.poll(async () => (await ask('flip.test')).body).toBe('one');
    const load = keepAsking('flip.test', 8);
    const latencies: number[] = [];
    for (let index = 0; index < 200; index += 1) {
      const [port, name] = index % 2 ? [one, 'one'] : [two, 'two'];
      const changedAt = performance.now();
      await kube.patch('endpointslices', { name: 'flip', namespace: 'default' }, slice('flip', [port]));
      while ((await ask('flip.test')).body !== name) await sleep(1);
      latencies.push(performance.now() - changedAt);
    }
    const { total, failed } = await load.stop();
    const sorted = latencies.toSorted((left, right) => left - right);
    process.stdout.write(
      `flips: ${total} requests, median ${sorted[100]?.toFixed(1)} ms, p99 ${sorted[197]?.toFixed(1)} ms from change to traffic\n`,
    );
    expect(failed).toEqual([]);
    expect(sorted[100]).toBeLessThan(200);
  });
});

describe('certificates', () => {
  test('come from Secrets by SNI at once, and the default one for the rest', async () => {
    const authority = await CertificateAuthority.ensure(join(folder, 'ca'), 'test');
    const pair = await authority.issue({
      commonName: 'secure.test',
      names: ['secure.test', '*.secure.test'],
      usage: 'server',
    });
    await kube.create('secrets', {
      metadata: { name: 'secure', namespace: 'default' },
      type: 'kubernetes.io/tls',
      data: {
        'tls.crt': Buffer.from(pair.cert).toString('base64'),
        'tls.key': Buffer.from(pair.key).toString('base64'),
      },
    });
    await ensureBackend('secure', await answering('secret'));
    const plain = ingress('secure', 'secure.test', 'secure');
    await ensureObject(kube, 'ingresses', {
      ...plain,
      spec: { ...plain.spec, tls: [{ secretName: 'secure', hosts: ['secure.test', '*.secure.test'] }] },
    });
    await expect.poll(async () => (await askTls('secure.test')).subject).toBe('secure.test');
    expect((await askTls('secure.test')).body).toBe('secret');
    expect((await askTls('x.secure.test')).subject).toBe('secure.test');
    expect((await askTls('other.test')).subject).toBe('localhost');
    const renewed = await authority.issue({ commonName: 'renewed', names: ['secure.test'], usage: 'server' });
    await kube.patch(
      'secrets',
      { name: 'secure', namespace: 'default' },
      {
        data: {
          'tls.crt': Buffer.from(renewed.cert).toString('base64'),
          'tls.key': Buffer.from(renewed.key).toString('base64'),
        },
      },
    );
    await expect.poll(async () => (await askTls('secure.test')).subject).toBe('renewed');
    await kube.patch(
      'secrets',
      { name: 'secure', namespace: 'default' },
      { data: { 'tls.key': Buffer.from('rubbish').toString('base64') } },
    );
    await expect.poll(async () => (await askTls('secure.test')).subject).toBe('localhost');
    expect((await askTls('secure.test')).body).toBe('secret');
  });
});

describe('life', () => {
  test('1,000 routes are there soon, and equal states write nothing', async () => {
    const port = await answering('many');
    await ensureBackend('many', port);
    const startedAt = performance.now();
    for (let index = 0; index < 1_000; index += 50) {
      await Promise.all(
        Array.from({ length: 50 }, (_, offset) =>
          kube.create('ingresses', ingress(`many-${index + offset}`, `h${index + offset}.many.test`, 'many')),
        ),
      );
    }
    const createdAt = performance.now();
    await expect.poll(async () => (await ask('h999.many.test')).status).toBe(200);
    process.stdout.write(
      `1,000 routes: created in ${Math.round(createdAt - startedAt)} ms, served ${Math.round(performance.now() - createdAt)} ms later\n`,
    );
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, index) => ask(`h${index}.many.test`)),
    );
    expect(answers.every(({ body }) => body === 'many')).toBe(true);
    await sleep(1_500);
    const { writes } = gateway.controller;
    await sleep(2_500);
    expect(gateway.controller.writes).toBe(writes);
  });

  test('metrics tell requests by host, latency and failures', async () => {
    await sleep(1_100);
    const text = await (await fetch(`${gateway.statusUrl}/metrics`)).text();
    expect(text).toMatch(
      /skyarc_gateway_requests_total\{namespace="default",ingress="flip",backend="default\/flip:80",code="2xx",service="gateway"\} \d{3,}/,
    );
    expect(text).toMatch(/skyarc_gateway_requests_total\{namespace="-",ingress="-",backend="-",code="4xx"/);
    const buckets = text
      .split('\n')
      .filter((line) => line.includes('duration_seconds_bucket') && line.includes('default/flip:80'));
    expect(buckets.length).toBe(15);
    expect(text).toMatch(/skyarc_gateway_upstream_failures_total\{namespace="default",ingress="half"/);
    expect(await (await fetch(`${gateway.statusUrl}/healthz`)).text()).toBe('ok\n');
  });

  test('metrics count the bytes of answers as they went over the wire', async () => {
    const before = await countedBytes('good');
    const socket = connect(httpPort, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: good.test\r\nConnection: close\r\n\r\n');
    const answer = await buffer(socket);
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 /);
    expect((await countedBytes('good')) - before).toBe(answer.length);
  });

  test('kill -9 of the controller cuts no traffic, and the next one adopts nginx', async () => {
    await gateway.stop();
    const child = fork(join(import.meta.dirname, 'fixtures/gateway.ts'), [JSON.stringify(config)], {
      stdio: 'inherit',
    });
    await once(child, 'message');
    const load = keepAsking('good.test', 4);
    await sleep(300);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await sleep(500);
    await route('later.test', 'later', await answering('later'));
    gateway = await start(config);
    await expect.poll(async () => (await ask('later.test')).body).toBe('later');
    const { total, failed } = await load.stop();
    expect(total).toBeGreaterThan(100);
    expect(failed).toEqual([]);
  });

  test('nginx itself comes back with the last state while the cluster is away', async () => {
    await sleep(1_000);
    await cluster.kill();
    const master = Number((await readFile(join(config.dataDir, 'nginx-master.pid'), 'utf8')).trim());
    process.kill(master, 'SIGKILL');
    await sleep(500);
    await expect.poll(async () => (await ask('good.test').catch(() => null))?.body).toBe('good');
    await expect
      .poll(async () => Number((await readFile(join(config.dataDir, 'nginx-master.pid'), 'utf8')).trim()), {
        timeout: 15_000,
      })
      .not.toBe(master);
    await expect.poll(async () => (await ask('good.test').catch(() => null))?.body).toBe('good');
    expect((await ask('h500.many.test')).body).toBe('many');
    await cluster.revive();
    await route('after.test', 'after', await answering('after'));
    await expect.poll(async () => (await ask('after.test')).body).toBe('after');
  });
});

function ingress(name: string, host: string, service: string): KindTable['ingresses'] {
  const backend = { service: { name: service, port: { number: 80 } } };
  return {
    metadata: { name, namespace: 'default' },
    spec: {
      ingressClassName: 'skyarc',
      rules: [{ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }],
    },
  };
}

function slice(service: string, ports: number[]): KindTable['endpointslices'] {
  return {
    metadata: { name: service, namespace: 'default', labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    // Every backend of these tests is on loopback, so that its address is its port; a slice has one port.
    endpoints: ports.map((port) => ({
      addresses: [`127.0.${port >> 8}.${port & 255}`],
      conditions: { ready: true },
    })),
    ports: [{ name: '', port: backendPort, protocol: 'TCP' }],
  };
}
const backendPort = 20_350;

async function ensureBackend(service: string, ...ports: number[]): Promise<void> {
  await ensureObject(kube, 'services', {
    metadata: { name: service, namespace: 'default' },
    spec: { ports: [{ port: 80 }] },
  });
  await ensureObject(kube, 'endpointslices', slice(service, ports));
}

async function route(host: string, name: string, port: number): Promise<void> {
  await ensureBackend(name, port);
  await ensureObject(kube, 'ingresses', ingress(name, host, name));
}

let nextBackend = 1;

/** Listens on an address of its own in 127/8, and answers a number that stands for the address. */
async function listen(server: Server): Promise<number> {
  const number = nextBackend++;
  backends.push(server);
  server.listen(backendPort, `127.0.${number >> 8}.${number & 255}`);
  await once(server, 'listening');
  expect((server.address() as AddressInfo).port).toBe(backendPort);
  return number;
}

function listening(answer: (message: IncomingMessage) => string | Promise<string>): Promise<number> {
  return listen(
    createServer(
      (message, response) => void Promise.resolve(answer(message)).then((body) => response.end(body)),
    ),
  );
}

const fixed = new Map<string, Promise<number>>();
function answering(body: string): Promise<number> {
  const known = fixed.get(body) ?? listening(() => body);
  fixed.set(body, known);
  return known;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

async function ask(
  host: string,
  path = '/',
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  const call = request({
    host: '127.0.0.1',
    port: httpPort,
    path,
    method,
    headers: { host, ...headers },
    agent: false,
  });
  const [answer] = (await once(call.end(), 'response')) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: await textOf(answer) };
}

async function askTls(servername: string): Promise<{ subject: string; body: string }> {
  const call = requestTls({
    host: '127.0.0.1',
    port: httpsPort,
    servername,
    headers: { host: servername },
    rejectUnauthorized: false,
    agent: false,
  });
  const [answer] = (await once(call.end(), 'response')) as [IncomingMessage];
  const certificate: PeerCertificate = (answer.socket as TLSSocket).getPeerCertificate();
  return { subject: certificate.subject.CN, body: await textOf(answer) };
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text += chunk as string;
  return text;
}

/** Requests one after the other from several connections until it is stopped. */
function keepAsking(host: string, connections: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const failed: string[] = [];
  let total = 0;
  const over = new AbortController();
  const loops = Array.from({ length: connections }, async () => {
    while (!over.signal.aborted) {
      total += 1;
      try {
        const call = request({ host: '127.0.0.1', port: httpPort, headers: { host }, agent });
        const [answer] = (await once(call.end(), 'response')) as [IncomingMessage];
        const body = await textOf(answer);
        if (answer.statusCode !== 200) failed.push(`${answer.statusCode} ${body.slice(0, 100)}`);
      } catch (error) {
        failed.push(String(error));
      }
      await sleep(2);
    }
  });
  return {
    async stop() {
      over.abort();
      await Promise.all(loops);
      agent.destroy();
      return { total, failed };
    },
  };
}
