import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, request, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { gatewayConfigSchema } from './config.ts';
import { NginxEngine } from './nginx/engine.ts';
import { NginxWriter } from './nginx/writer.ts';
import type { Ingress } from './render/model.ts';
import { Plane } from './render/plane.ts';

const httpPort = 20_344;
const appPort = 20_346;
let folder: string;
let engine: NginxEngine;
let plane: Plane;
let writer: NginxWriter;
const app = createServer((message, response) => response.end(`app ${message.headers.host}`));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hedf-'));
  await chmod(folder, 0o711);
  const config = gatewayConfigSchema.parse({
    instance: 'hedf',
    dataDir: folder,
    httpPort,
    httpsPort: 20_345,
    workers: 1,
  });
  app.listen(appPort, '127.0.0.1');
  await once(app, 'listening');
  engine = new NginxEngine(config);
  await engine.ensure();
  plane = new Plane(config);
  writer = new NginxWriter(engine, plane.outputs.values);
  plane.putService({ metadata: { name: 's', namespace: 'n' }, spec: { ports: [{ port: 80 }] } }, undefined);
  plane.putSlice(
    {
      metadata: { name: 's', namespace: 'n', labels: { 'kubernetes.io/service-name': 's' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['127.0.0.1'] }],
      ports: [{ port: appPort }],
    },
    undefined,
  );
  plane.putIngress(
    ingressOf({ name: 'good', host: 'good.test', path: '/', policy: undefined, type: 'Prefix' }),
    undefined,
  );
});

afterAll(async () => {
  await engine?.stop();
  app.close();
  await rm(folder, { recursive: true, force: true });
});

interface Seed {
  readonly name: string;
  readonly host: unknown;
  readonly path: unknown;
  readonly type: string;
  readonly policy: string | undefined;
}

function ingressOf({ name, host, path, policy, type }: Seed): Ingress {
  return {
    metadata: {
      name,
      namespace: 'n',
      uid: name,
      creationTimestamp: name === 'good' ? '2025-01-01T00:00:00Z' : '2026-01-01T00:00:00Z',
      annotations: policy === undefined ? {} : { 'skyarc.dev/route': policy },
    },
    spec: {
      ingressClassName: 'skyarc',
      rules: [
        {
          host: host as string,
          http: {
            paths: [
              {
                path: path as string,
                pathType: type,
                backend: { service: { name: 's', port: { number: 80 } } },
              },
            ],
          },
        },
      ],
      tls: [{ hosts: [host as string], secretName: 's' }],
    },
  };
}

const evil = fc.constantFrom(
  '"; return 200 "owned"; #',
  '}\nserver { listen 80; }',
  '$host',
  '${jndi:ldap://x}',
  ']] ngx.say(1) [[',
  '%00',
  '\r\nX-Injected: 1',
  '\n',
  '../../etc/passwd',
  '(a+)+$',
  '((((((((((a*)*)*)*)*)*)*)*)*)*$',
  '\u0000',
  '__proto__',
  '🦊',
);
const text = fc.oneof(evil, fc.string({ maxLength: 40 }), fc.string({ unit: 'binary', maxLength: 20 }));
const host = fc.oneof(
  { weight: 3, arbitrary: fc.domain() },
  {
    weight: 1,
    arbitrary: fc.constantFrom('*.test', 'GOOD.test', 'good.test.', 'good.test:80', '*.good.test'),
  },
  { weight: 1, arbitrary: fc.constant('') },
  { weight: 3, arbitrary: text },
);
const path = fc.oneof(
  fc.webPath().map((each) => each || '/'),
  text.map((each) => `/${each}`),
  text,
);
/** Fields of a policy with values that are often nearly right. */
const value: fc.Arbitrary<unknown> = fc.oneof(
  text,
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.array(text, { maxLength: 3 }),
  fc.record({ name: text, value: text, op: fc.constantFrom('EXACT', 'REGEX', 'PREFIX', 'PRESENT', 'NO') }),
);
const one = <T>(item: fc.Arbitrary<T>) => fc.array(item, { maxLength: 3 });
const condition = fc.record({
  name: fc.oneof(fc.constantFrom('X-A', 'cookie'), text),
  op: fc.constantFrom('EXACT', 'REGEX', 'PREFIX'),
  value: text,
});
const header = fc.record({
  name: fc.oneof(fc.constantFrom('X-A', 'Host', 'Vary', 'Set-Cookie'), text),
  value: text,
});
const nearly = fc.record(
  {
    pathType: fc.constantFrom('REGEX', 'EXACT', 'PREFIX'),
    match: fc.record(
      { headers: one(condition), cookies: one(condition), query: one(condition) },
      { requiredKeys: [] },
    ),
    split: fc.record({
      targets: one(
        fc.record({
          service: fc.oneof(fc.constant('s'), text),
          port: fc.constantFrom(80, 81),
          weight: fc.integer({ min: -1, max: 1_001 }),
        }),
      ),
      sticky: fc.constantFrom(null, { by: 'COOKIE' }, { by: 'CLIENT_IP' }, { by: 'HEADER', name: 'X-A' }),
    }),
    rewrite: fc.oneof(
      fc.record({ kind: fc.constant('PREFIX'), to: fc.oneof(fc.constant('/x'), text) }),
      fc.record({
        kind: fc.constant('REGEX'),
        pattern: text,
        replacement: fc.oneof(fc.constant('/$1$9'), text),
      }),
    ),
    redirect: fc.record(
      { host: fc.oneof(fc.constant('x.test'), text), path: fc.oneof(fc.constant('/y'), text) },
      { requiredKeys: [] },
    ),
    requestHeaders: fc.record(
      { set: one(header), add: one(header), remove: one(text) },
      { requiredKeys: [] },
    ),
    responseHeaders: fc.record(
      { set: one(header), add: one(header), remove: one(text) },
      { requiredKeys: [] },
    ),
    ipAllow: one(fc.oneof(fc.ipV4(), fc.ipV6(), text)),
    cors: fc.record({
      origins: one(fc.oneof(fc.constantFrom('*', 'https://*.a.test'), text)),
      originPatterns: one(text),
    }),
    rateLimit: fc.record({
      requests: fc.integer({ min: 0, max: 9 }),
      key: fc.constantFrom({ by: 'IP' }, { by: 'ROUTE' }),
    }),
    protocol: fc.constantFrom('HTTP', 'GRPC'),
    balance: fc.constantFrom({ kind: 'LEAST_CONNECTIONS' }, { kind: 'HASH', of: { by: 'URI' } }),
    stickySession: fc.record({ cookieName: fc.oneof(fc.constant('c'), text) }),
    maxBodyBytes: fc.integer({ min: -1, max: 10_000 }),
    unknown: value,
  },
  { requiredKeys: [] },
);
/** One to three fields of a policy, so that many are valid. */
const policy = fc.oneof(
  fc.constant(undefined),
  fc
    .tuple(
      nearly,
      fc.shuffledSubarray(
        [
          'match',
          'split',
          'rewrite',
          'redirect',
          'requestHeaders',
          'responseHeaders',
          'ipAllow',
          'cors',
          'rateLimit',
          'protocol',
          'balance',
          'stickySession',
          'maxBodyBytes',
          'pathType',
        ] as const,
        { minLength: 1, maxLength: 3 },
      ),
    )
    .map(([all, keys]) => JSON.stringify(Object.fromEntries(keys.map((key) => [key, all[key]])))),
  fc
    .dictionary(fc.constantFrom('match', 'split', 'cors', 'hsts', 'timeouts', 'snippet'), value)
    .map((made) => JSON.stringify(made)),
  text,
);
const seed = fc.record({
  host,
  path,
  type: fc.constantFrom('Prefix', 'Exact', 'ImplementationSpecific', 'Odd'),
  policy,
});

async function ask(
  hostHeader: string,
  target: string,
): Promise<{ status: number; body: string; injected: boolean }> {
  const call = request({
    host: '127.0.0.1',
    port: httpPort,
    path: target,
    headers: { host: hostHeader },
    agent: false,
  });
  const [answer] = (await once(call.end(), 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of answer.setEncoding('utf8')) body += String(chunk);
  return { status: answer.statusCode ?? 0, body, injected: 'x-injected' in answer.headers };
}

test('10,000 objects of a fuzzer: good routes stay, nothing is injected, Lua never fails', async () => {
  const atOnce = 250;
  let served = 0;
  for (let batch = 0; batch < 40; batch++) {
    const seeds = fc.sample(seed, { numRuns: atOnce, seed: 20_260 + batch });
    const ingresses = seeds.map((each, index) => ingressOf({ ...each, name: `f${batch}-${index}` }));
    for (const each of ingresses) plane.putIngress(each, undefined);
    await writer.write(plane.outputs.flush());
    expect(await ask('good.test', '/')).toEqual({ status: 200, body: 'app good.test', injected: false });
    for (const { host: hostOf, path: pathOf } of seeds.slice(0, 25)) {
      if (typeof hostOf !== 'string' || !/^[a-z0-9.-]+$/.test(hostOf)) continue;
      const target = typeof pathOf === 'string' && /^\/[!-~]*$/.test(pathOf) ? pathOf : '/';
      const answer = await ask(hostOf, target);
      expect(answer.injected).toBe(false);
      expect(answer.body).not.toContain('owned');
      expect(answer.status).not.toBe(500);
      served += answer.status === 200 ? 1 : 0;
    }
    for (const each of ingresses) plane.putIngress(undefined, each);
    await writer.write(plane.outputs.flush());
  }
  expect(served).toBeGreaterThan(50);
  expect([...plane.outputs.values.keys()].toSorted()).toEqual(['h:good.test', 'u:n/s:80']);
  await writer.verify();
  const log = await readFile(join(folder, 'logs', 'error.log'), 'utf8');
  expect(log.split('\n').filter((line) => /\[(error|crit|alert|emerg)\].*(lua|signal)/i.test(line))).toEqual(
    [],
  );
});
