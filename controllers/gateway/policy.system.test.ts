import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:https';
import { connect, createServer as createHttp2Server, type ClientHttp2Session } from 'node:http2';
import { createSocket } from 'node:dgram';
import { connect as connectTcp } from 'node:net';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, createServer, request, type IncomingMessage, type RequestListener } from 'node:http';
import { CertificateAuthority } from '@skyarc/lib/certificates';
import { htpasswdSecretType } from '@skyarc/lib/contracts';
import { ensureObject } from '@skyarc/lib/kube';
import { setLogLevel } from '@skyarc/lib/log';
import { run } from '@skyarc/lib/process';
import { sleep } from '@skyarc/lib/retry';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { GatewayWorld } from './fixtures/world.ts';

let world: GatewayWorld;

const says =
  (text: string): RequestListener =>
  (message, response) => {
    message.resume();
    message.on('end', () => response.end(text));
  };
const echo: RequestListener = (message, response) => {
  let size = 0;
  message.on('data', (chunk: Buffer) => (size += chunk.length));
  message.on('end', () =>
    response.end(
      JSON.stringify({ url: message.url, headers: message.headers, method: message.method, size }),
    ),
  );
};
const echoed = async (...asked: Parameters<GatewayWorld['ask']>) =>
  JSON.parse((await world.ask(...asked)).body) as {
    url: string;
    headers: Record<string, string>;
    size: number;
  };

const rewrite = (name: string, path: string, policy: object) =>
  world.route(name, { host: 'w.test', service: 'echo', path, policy });

const hash = async (kind: string) => (await run('openssl', ['passwd', kind, 'right'])).stdout.trim();

const fails: RequestListener = (_, response) => response.writeHead(503).end('no');

const call = async (session: ClientHttp2Session, host: string) => {
  const stream = session.request({
    ':method': 'POST',
    ':path': '/pkg.Service/Call',
    ':authority': host,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.end(Buffer.from([0, 0, 0, 0, 1, 42]));
  const trailers = new Promise<string>((resolve) =>
    stream.on('trailers', (fields) => resolve(String(fields['grpc-status']))),
  );
  const [headers] = (await once(stream, 'response')) as [Record<string, string>];
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const status = headers['grpc-status'] ?? (await trailers);
  return { status, body: Buffer.concat(chunks) };
};

const asked = async (port: number) =>
  (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })).text();

beforeAll(async () => {
  setLogLevel('error');
  world = await GatewayWorld.start('hedp', 20_360, {
    l4Ports: { first: 20_390, last: 20_395 },
    trustedProxies: [],
  });
  await world.app('blue', says('blue'));
  await world.app('green', says('green'));
  await world.app('echo', echo);
});

afterAll(() => world?.stop());

describe('which rule', () => {
  test('conditions: all hold or the request falls to the next rule, never to 404', async () => {
    await world.route('plain', { host: 'm.test', service: 'blue' });
    await world.route('cond', {
      host: 'm.test',
      service: 'green',
      policy: {
        match: {
          headers: [{ name: 'X-Version', op: 'REGEX', value: '^v[23]$' }],
          cookies: [{ name: 'beta', value: '1' }],
          query: [{ name: 'q', op: 'PREFIX', value: 'a b' }],
          methods: ['GET', 'POST'],
        },
      },
    });
    const full = { 'x-version': 'v2', cookie: 'xbeta=2; beta=1; other=beta' };
    const seen = async (path: string, headers: Record<string, string>, method = 'GET') =>
      (await world.ask('m.test', path, { headers, method })).body;
    expect(await seen('/?q=a%20bc', full)).toBe('green');
    expect(await seen('/?q=a%20bc', full, 'POST')).toBe('green');
    expect(await seen('/?q=a%20bc', full, 'PUT')).toBe('blue');
    expect(await seen('/?q=ab', full)).toBe('blue');
    expect(await seen('/?q=a+b', { ...full, 'x-version': 'v4' })).toBe('blue');
    expect(await seen('/?q=a+b', { ...full, cookie: 'beta=10' })).toBe('blue');
    expect(await seen('/?q=a+b', { ...full, cookie: 'x=1;beta="1"' })).toBe('green');
  });

  test('paths: exact before regular expression before prefix', async () => {
    await world.route('p', { host: 'p.test', service: 'blue' });
    await world.route('r', {
      host: 'p.test',
      service: 'green',
      path: String.raw`/item/\d+(/|$)`,
      pathType: 'ImplementationSpecific',
      policy: { pathType: 'REGEX' },
    });
    await world.route('e', { host: 'p.test', service: 'echo', path: '/item/7', pathType: 'Exact' });
    const body = async (path: string) => (await world.ask('p.test', path)).body.slice(0, 5);
    expect(await body('/item/12')).toBe('green');
    expect(await body('/item/12/x')).toBe('green');
    expect(await body('/item/x')).toBe('blue');
    expect(await body('/x/item/12')).toBe('blue');
    expect(await body('/item/7')).toBe('{"url');
  });

  test('a pattern that would run away does not match, and holds nobody up', async () => {
    await world.route('redos', {
      host: 'm.test',
      service: 'green',
      path: '/evil',
      policy: { match: { headers: [{ name: 'X-Evil', op: 'REGEX', value: '^(a+)+$' }] } },
    });
    const startedAt = performance.now();
    const { body } = await world.ask('m.test', '/evil', { headers: { 'x-evil': `${'a'.repeat(8_000)}!` } });
    expect(body).toBe('blue');
    expect(performance.now() - startedAt).toBeLessThan(500);
  });

  test('an explanation names the rule, what was passed over and the shares', async () => {
    const answer = await world.gateway.explain({
      host: 'm.test',
      path: '/?q=1',
      headers: { 'X-Version': 'v9' },
    });
    expect(answer).toMatchObject({
      rule: { ingress: 'default/plain', pathType: 'PREFIX', path: '/' },
      targets: [{ backend: 'default/blue:80', share: 1, endpoints: 1 }],
      passedOver: [{ ingress: 'default/cond', reason: 'header X-Version does not match' }],
    });
    const status = await fetch(`${world.gateway.statusUrl}/explain`, {
      method: 'POST',
      body: JSON.stringify({ host: 'none.test', path: '/' }),
    });
    expect(await status.json()).toMatchObject({ why: '404: no rule takes this host and path' });
    const refused = await fetch(`${world.gateway.statusUrl}/explain`, { method: 'POST', body: '{"host":1}' });
    expect(refused.status).toBe(400);
  });
});

describe('splits', () => {
  const targets = [
    { service: 'blue', port: 80, weight: 900 },
    { service: 'green', port: 80, weight: 100 },
  ];

  test('by weight; a cookie keeps a client, and a new weight moves only whom it must', async () => {
    const sticky = { by: 'COOKIE', ttlSeconds: 60 } as const;
    await world.route('grey', { host: 'g.test', service: 'blue', policy: { split: { targets, sticky } } });
    const clients = await Promise.all(Array.from({ length: 300 }, () => world.ask('g.test')));
    const cookies = clients.map(({ headers }) => headers['set-cookie']?.[0] ?? '');
    expect(cookies[0]).toMatch(/^skyarc-split=[0-9a-f]{8}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=60$/);
    const greens = clients.filter(({ body }) => body === 'green').length;
    expect(greens).toBeGreaterThan(8);
    expect(greens).toBeLessThan(60);
    const again = (index: number) =>
      world.ask('g.test', '/', { headers: { cookie: cookies[index]?.split(';')[0] ?? '' } });
    for (let index = 0; index < 40; index++) {
      const answer = await again(index);
      expect(answer.body).toBe(clients[index]?.body);
      expect(answer.headers['set-cookie']).toBeUndefined();
    }
    const half = [
      { ...targets[0], weight: 500 },
      { ...targets[1], weight: 500 },
    ] as typeof targets;
    await world.route('grey', {
      host: 'g.test',
      service: 'blue',
      policy: { split: { targets: half, sticky } },
    });
    const moved = await Promise.all(clients.map((_, index) => again(index)));
    expect(clients.every(({ body }, index) => body === 'blue' || moved[index]?.body === 'green')).toBe(true);
    const explained = await world.gateway.explain({ host: 'g.test', path: '/' });
    expect(explained.targets?.map(({ share }) => share)).toEqual([0.5, 0.5]);
  });

  test('by cookie or header to a target of its own; a target without endpoints gives its share away', async () => {
    await world.service('empty');
    await world.route('canary', {
      host: 'c.test',
      service: 'blue',
      policy: {
        split: {
          targets: [
            { service: 'green', port: 80, match: { cookies: [{ name: 'canary', op: 'PRESENT' }] } },
            { service: 'empty', port: 80, weight: 500 },
            { service: 'blue', port: 80, weight: 500 },
          ],
        },
      },
    });
    expect((await world.ask('c.test', '/', { headers: { cookie: 'canary=always' } })).body).toBe('green');
    for (let index = 0; index < 10; index++) expect((await world.ask('c.test')).body).toBe('blue');
  });
});

describe('what becomes of a request', () => {
  test('rewrites of prefixes and by pattern keep the query', async () => {
    await rewrite('w1', '/api', { rewrite: { kind: 'PREFIX', to: '/v1' } });
    await rewrite('w2', '/old', {
      rewrite: { kind: 'REGEX', pattern: '^/old/(\\w+)/(\\d+)', replacement: '/$2/$1' },
    });
    await rewrite('w3', '/strip', { rewrite: { kind: 'PREFIX', to: '/' } });
    expect((await echoed('w.test', '/api/a%20b?x=1')).url).toBe('/v1/a%20b?x=1');
    expect((await echoed('w.test', '/api')).url).toBe('/v1');
    expect((await echoed('w.test', '/old/cat/7?y=2')).url).toBe('/7/cat?y=2');
    expect((await echoed('w.test', '/strip/x')).url).toBe('/x');
    expect((await echoed('w.test', '/strip')).url).toBe('/');
  });

  test('redirects, to HTTPS too', async () => {
    await world.route('d1', {
      host: 'd.test',
      service: 'blue',
      path: '/a',
      policy: { redirect: { scheme: 'HTTPS', host: 'other.test', path: '/b', status: 301 } },
    });
    await world.route('d2', {
      host: 'd.test',
      service: 'blue',
      policy: { httpsRedirect: true, hsts: { maxAgeSeconds: 60, includeSubDomains: true } },
    });
    const moved = await world.ask('d.test', '/a/x?q=1');
    expect([moved.status, moved.headers.location]).toEqual([301, 'https://other.test/b?q=1']);
    const secured = await world.ask('d.test', '/x?q=1', { method: 'POST', body: 'x' });
    expect([secured.status, secured.headers.location]).toEqual([308, 'https://d.test:20361/x?q=1']);
    const safe = await world.ask('d.test', '/x', { tls: true });
    expect([safe.body, safe.headers['strict-transport-security']]).toEqual([
      'blue',
      'max-age=60; includeSubDomains',
    ]);
  });

  test('headers are set, added and removed on both ways', async () => {
    await world.route('h', {
      host: 'h.test',
      service: 'echo',
      policy: {
        upstreamHost: 'inner.test',
        requestHeaders: {
          set: [{ name: 'X-Env', value: 'grey; a="b"' }],
          add: [{ name: 'X-Tag', value: 'two' }],
          remove: ['X-Secret'],
        },
        responseHeaders: { set: [{ name: 'X-Frame-Options', value: 'DENY' }], remove: ['Date'] },
      },
    });
    const headers = { 'x-env': 'mine', 'x-tag': 'one', 'x-secret': 's' };
    const { headers: seen } = await echoed('h.test', '/', { headers });
    expect(seen).toMatchObject({ host: 'inner.test', 'x-env': 'grey; a="b"', 'x-tag': 'one, two' });
    expect(seen['x-secret']).toBeUndefined();
    const answer = await world.ask('h.test');
    expect(answer.headers['x-frame-options']).toBe('DENY');
    expect(answer.headers.date).toBeUndefined();
  });

  test('bodies beyond the limit are refused, whether their length is told or not', async () => {
    await world.route('b', { host: 'b.test', service: 'echo', policy: { maxBodyBytes: 10_000 } });
    const send = (bytes: number, headers: Record<string, string>) =>
      world.ask('b.test', '/', { method: 'POST', body: Buffer.alloc(bytes, 'x'), headers });
    for (const headers of [{ 'x-told': 'yes' }, { 'transfer-encoding': 'chunked' }] as Record<
      string,
      string
    >[]) {
      expect((await send(10_001, headers)).status).toBe(413);
      const answer = await send(10_000, headers);
      expect([answer.status, (JSON.parse(answer.body) as { size: number }).size]).toEqual([200, 10_000]);
    }
    expect((await send(200_000, { 'transfer-encoding': 'chunked' })).status).toBe(413);
  });

  test('gzip for those who take it; buffering gathers', async () => {
    await world.app('long', (_, response) =>
      response.setHeader('content-type', 'text/css').end('a'.repeat(5_000)),
    );
    await world.route('z', {
      host: 'z.test',
      service: 'long',
      policy: { compress: true, buffering: { request: true, response: true } },
    });
    const zipped = await world.ask('z.test', '/', { headers: { 'accept-encoding': 'gzip' } });
    expect(zipped.headers['content-encoding']).toBe('gzip');
    expect(zipped.headers.vary).toBe('Accept-Encoding');
    expect((await world.ask('z.test')).body).toHaveLength(5_000);
    await world.route('unzipped', {
      host: 'u.test',
      service: 'long',
      policy: { responseHeaders: { set: [{ name: 'X-A', value: '1' }] } },
    });
    const whole = await world.ask('u.test', '/', { headers: { 'accept-encoding': 'gzip' } });
    expect(whole.headers).toMatchObject({ 'x-a': '1', 'content-length': '5000' });
    expect(whole.headers.vary).toBeUndefined();
  });
});

describe('who may', () => {
  test('a client keeps its connection, and a GET its body, on the way to a policy', async () => {
    const policy = { requestHeaders: { set: [{ name: 'X-A', value: '1' }] } };
    await world.route('kept', { host: 'kept.test', service: 'echo', policy });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const send = async (body: string) => {
      const sent = request({ port: world.config.httpPort, headers: { host: 'kept.test' }, agent });
      if (body) sent.setHeader('transfer-encoding', 'chunked');
      sent.end(body);
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      let text = '';
      for await (const chunk of answer.setEncoding('utf8')) text += String(chunk);
      const { headers, size } = JSON.parse(text) as { headers: Record<string, string>; size: number };
      return { reused: sent.reusedSocket, header: headers['x-a'], size };
    };
    try {
      await send('');
      expect(await send('')).toEqual({ reused: true, header: '1', size: 0 });
      expect(await send('x'.repeat(100_000))).toEqual({ reused: true, header: '1', size: 100_000 });
      expect(await send('')).toEqual({ reused: true, header: '1', size: 0 });
    } finally {
      agent.destroy();
    }
  });

  test('rates: a burst, then so many in a time, by client', async () => {
    await world.route('rate', {
      host: 'rate.test',
      service: 'blue',
      policy: { rateLimit: { requests: 2, perSeconds: 1, burst: 3 } },
    });
    const statuses = async (from: string) =>
      Promise.all(
        Array.from({ length: 8 }, async () => (await world.ask('rate.test', '/', { from })).status),
      );
    const first = await statuses('127.0.0.1');
    expect(first.filter((status) => status === 200)).toHaveLength(4);
    expect(first.filter((status) => status === 429)).toHaveLength(4);
    expect((await statuses('127.0.0.9')).filter((status) => status === 200)).toHaveLength(4);
    await sleep(1_100);
    expect((await statuses('127.0.0.1')).filter((status) => status === 200)).toHaveLength(2);
    expect((await world.ask('rate.test')).headers['retry-after']).toBe('1');
  });

  test('connections: more in flight are refused, and failed ones are not counted for ever', async () => {
    await world.app('slow', (_, response) => void setTimeout(() => response.end('slow'), 300));
    await world.route('conn', {
      host: 'conn.test',
      service: 'slow',
      policy: { connectionLimit: { total: 2 }, timeouts: { readSeconds: 0.5 } },
    });
    const burst = async () =>
      (await Promise.all(Array.from({ length: 5 }, () => world.ask('conn.test')))).map(
        ({ status }) => status,
      );
    expect((await burst()).filter((status) => status === 200)).toHaveLength(2);
    await world.endpoints('slow', ['127.77.200.1']);
    await sleep(100);
    for (let round = 0; round < 4; round++) expect((await world.ask('conn.test')).status).toBe(502);
  });

  test('networks: allowed ones only, never denied ones', async () => {
    await world.route('ip', {
      host: 'ip.test',
      service: 'blue',
      policy: { ipAllow: ['127.0.0.0/29', '::1'], ipDeny: ['127.0.0.4/31'] },
    });
    const status = async (from: string) => (await world.ask('ip.test', '/', { from })).status;
    expect(await status('127.0.0.1')).toBe(200);
    expect(await status('127.0.0.7')).toBe(200);
    expect(await status('127.0.0.8')).toBe(403);
    expect(await status('127.0.0.5')).toBe(403);
  });

  test('passwords: bcrypt, SHA-512 and Apache hashes, and guessing is slow', async () => {
    const lines = [
      'old:$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
      `sha:${await hash('-6')}`,
      `apr:${await hash('-apr1')}`,
    ];
    await ensureObject(world.kube, 'secrets', {
      metadata: { name: 'users', namespace: 'default' },
      type: htpasswdSecretType,
      data: { auth: Buffer.from(lines.join('\n')).toString('base64') },
    });
    await world.route('auth', {
      host: 'auth.test',
      service: 'blue',
      policy: { basicAuth: { secretName: 'users', realm: 'Shop' } },
    });
    const status = async (pair: string | null, from = '127.0.0.1') =>
      (
        await world.ask('auth.test', '/', {
          from,
          headers: pair === null ? {} : { authorization: `Basic ${Buffer.from(pair).toString('base64')}` },
        })
      ).status;
    await expect.poll(() => status(null)).toBe(401);
    expect((await world.ask('auth.test')).headers['www-authenticate']).toBe(
      'Basic realm="Shop", charset="UTF-8"',
    );
    expect(await status('old:U*U')).toBe(200);
    expect(await status('sha:right')).toBe(200);
    expect(await status('apr:right')).toBe(200);
    expect(await status('apr:wrong')).toBe(401);
    expect(await status('none:right')).toBe(401);
    const guesses = await Promise.all(Array.from({ length: 30 }, (_, n) => status(`sha:${n}`, '127.0.0.3')));
    expect(guesses.filter((code) => code === 429).length).toBeGreaterThan(15);
    expect(await status('sha:right')).toBe(200);
  });

  test('origins: named, with wildcards and by pattern', async () => {
    await world.route('cors', {
      host: 'cors.test',
      service: 'echo',
      policy: {
        cors: {
          origins: ['https://a.test', 'https://*.b.test'],
          originPatterns: [String.raw`https://c\d+\.test`],
          credentials: true,
          exposeHeaders: ['X-Id'],
        },
      },
    });
    const allowed = async (origin: string) =>
      (await world.ask('cors.test', '/', { headers: { origin } })).headers['access-control-allow-origin'];
    expect(await allowed('https://a.test')).toBe('https://a.test');
    expect(await allowed('https://x.y.b.test')).toBe('https://x.y.b.test');
    expect(await allowed('https://c12.test')).toBe('https://c12.test');
    expect(await allowed('https://evil-b.test')).toBeUndefined();
    expect(await allowed('https://c12.test.evil')).toBeUndefined();
    const headers = { origin: 'https://a.test', 'access-control-request-method': 'PUT' };
    const preflight = await world.ask('cors.test', '/', { method: 'OPTIONS', headers });
    expect([preflight.status, preflight.body]).toEqual([204, '']);
    expect(preflight.headers).toMatchObject({
      'access-control-allow-credentials': 'true',
      'access-control-max-age': '600',
      vary: 'Origin',
    });
  });
});

describe('endpoints', () => {
  test('a session cookie keeps its endpoint; hashes and fewest connections choose', async () => {
    await world.app('three', says('1'), says('2'), says('3'));
    await world.route('sess', { host: 'sess.test', service: 'three', policy: { stickySession: {} } });
    const first = await world.ask('sess.test');
    const cookie = first.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    for (let index = 0; index < 10; index++)
      expect((await world.ask('sess.test', '/', { headers: { cookie } })).body).toBe(first.body);
    await world.route('hash', {
      host: 'hash.test',
      service: 'three',
      policy: { balance: { kind: 'HASH', of: { by: 'HEADER', name: 'X-User' } } },
    });
    const of = async (user: string) =>
      (await world.ask('hash.test', '/', { headers: { 'x-user': user } })).body;
    const users = Array.from({ length: 30 }, (_, index) => `user${index}`);
    const once_ = await Promise.all(users.map(of));
    expect(await Promise.all(users.map(of))).toEqual(once_);
    expect(new Set(once_).size).toBe(3);
    await world.route('least', {
      host: 'least.test',
      service: 'three',
      policy: { balance: { kind: 'LEAST_CONNECTIONS' } },
    });
    expect((await world.ask('least.test')).status).toBe(200);
  });

  test('retries as the route says: 5xx too, or never', async () => {
    await world.app('flaky', fails, says('yes'));
    await world.route('retry', {
      host: 'retry.test',
      service: 'flaky',
      policy: { retries: { tries: 2, on: ['ERROR', 'TIMEOUT', 'HTTP_5XX'] } },
    });
    await world.route('never', { host: 'never.test', service: 'flaky', policy: { retries: { tries: 0 } } });
    for (let index = 0; index < 6; index++) expect((await world.ask('retry.test')).body).toBe('yes');
    await sleep(2_100);
    const plain = await Promise.all(Array.from({ length: 6 }, () => world.ask('never.test')));
    expect(plain.some(({ body }) => body === 'no')).toBe(true);
  });

  test('timeouts are the route’s own', async () => {
    await world.app('hang', () => undefined);
    await world.route('time', {
      host: 'time.test',
      service: 'hang',
      policy: { timeouts: { readSeconds: 0.2 } },
    });
    const startedAt = performance.now();
    expect((await world.ask('time.test')).status).toBe(504);
    expect(performance.now() - startedAt).toBeLessThan(1_500);
  });

  test('apps that speak TLS, WebSocket behind a policy', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hedp-tls-'));
    const authority = await CertificateAuthority.ensure(folder, 'hedp');
    await authority.ensureLeaf(folder, 'leaf', {
      commonName: 'in.test',
      names: ['in.test'],
      usage: 'server',
    });
    const [cert, key] = await Promise.all(
      ['leaf.crt', 'leaf.key'].map((name) => readFile(join(folder, name))),
    );
    await rm(folder, { recursive: true });
    await world.serve('secure', createTlsServer({ cert, key }, says('secure')));
    await world.route('tls', { host: 'tls.test', service: 'secure', policy: { protocol: 'HTTPS' } });
    expect((await world.ask('tls.test')).body).toBe('secure');
    expect((await world.ask('tls.test', '/', { method: 'POST', body: 'x' })).body).toBe('secure');
    const server = createServer();
    new WebSocketServer({ server }).on('connection', (socket) =>
      socket.on('message', (data) => socket.send(data)),
    );
    await world.serve('ws', server);
    await world.route('ws', {
      host: 'ws.test',
      service: 'ws',
      policy: { responseHeaders: { remove: ['X-A'] } },
    });
    const socket = new WebSocket(`ws://127.0.0.1:${world.config.httpPort}/`, {
      headers: { host: 'ws.test' },
    });
    await once(socket, 'open');
    socket.send('hello');
    const [data] = (await once(socket, 'message')) as [Buffer];
    expect(data.toString()).toBe('hello');
    socket.close();
  });

  test('gRPC over TLS and over plain HTTP/2, with its own errors', async () => {
    const grpc = createHttp2Server((message, response) => {
      response.writeHead(200, { 'content-type': 'application/grpc' });
      response.addTrailers({ 'grpc-status': '0' });
      message.on('data', (chunk: Buffer) => response.write(chunk));
      message.on('end', () => response.end());
    });
    await world.serve('grpc', grpc as never);
    await world.route('grpc', { host: 'grpc.test', service: 'grpc', policy: { protocol: 'GRPC' } });
    const secure = connect(`https://127.0.0.1:${world.config.httpsPort}`, { rejectUnauthorized: false });
    const plain = connect(`http://127.0.0.1:${world.config.h2cPort}`);
    for (const session of [secure, plain]) {
      const answer = await call(session, 'grpc.test');
      expect([answer.status, answer.body.at(-1)]).toEqual(['0', 42]);
      expect((await call(session, 'nobody.test')).status).toBe('12');
    }
    await world.endpoints('grpc', ['127.77.200.2']);
    await sleep(100);
    expect((await call(secure, 'grpc.test')).status).toBe('14');
    secure.close();
    plain.close();
  });
});

describe('L4', () => {
  test('TCP and UDP ports lead to endpoints, follow them, and refuse what nobody has', async () => {
    const addresses = await world.app('tcp', says('first'));
    await world.service('tcp', { l4: [{ listenPort: 20_391, servicePort: 80 }] });
    await expect.poll(() => asked(20_391).catch(String)).toBe('first');
    await world.app('tcp2', says('second'));
    await world.endpoints('tcp', ['127.77.200.3']);
    await expect.poll(() => asked(20_391).catch(() => 'refused')).toBe('refused');
    await world.endpoints('tcp', addresses);
    await expect.poll(() => asked(20_391).catch(() => 'refused')).toBe('first');
    const closed = connectTcp(20_392, '127.0.0.1').on('error', () => undefined);
    await once(closed, 'close');
    expect(closed.bytesRead).toBe(0);
    const udp = createSocket('udp4');
    udp.on('message', (text, from) => udp.send(`echo ${text.toString()}`, from.port, from.address));
    udp.bind(world.appPort + 1, '127.77.100.1');
    await once(udp, 'listening');
    await world.service('udp', {
      l4: [{ listenPort: 20_393, servicePort: 80, protocol: 'UDP' }],
      protocol: 'UDP',
    });
    await world.endpoints('udp', ['127.77.100.1'], world.appPort + 1);
    await sleep(300);
    const client = createSocket('udp4');
    client.send('hi', 20_393, '127.0.0.1');
    const [text] = (await once(client, 'message')) as [Buffer];
    expect(text.toString()).toBe('echo hi');
    client.close();
    udp.close();
  });

  test('a port that two Services want stays with the older, and the younger is told', async () => {
    // Times have whole seconds; within one the name decides.
    await world.service('younger', { l4: [{ listenPort: 20_391, servicePort: 80 }] });
    const events = async () =>
      (await world.kube.list('events', { namespace: 'default' })).items.map(({ message }) => message);
    await expect.poll(events).toContain('TCP port 20391 is taken by the older Service default/tcp');
  });
});

test('live figures of routes', async () => {
  await expect.poll(() => world.gateway.stats().windowSeconds).toBeGreaterThan(0);
  for (let index = 0; index < 20; index++) await world.ask('m.test');
  await expect
    .poll(async () => {
      const answer = await fetch(`${world.gateway.statusUrl}/routes/stats`);
      const { routes } = (await answer.json()) as ReturnType<GatewayWorld['gateway']['stats']>;
      return routes.find(({ ingress }) => ingress === 'plain');
    })
    .toMatchObject({ namespace: 'default', service: 'blue', port: 80, errorsPerSecond: 0 });
});
