import { expect, test } from 'vitest';
import { gatewayConfigSchema } from '../config.ts';
import type { EndpointSlice, Ingress, IngressClass, Problem, Secret, Service } from './model.ts';
import { renderNginxConf } from './nginx-conf.ts';
import { Plane } from './plane.ts';

interface World {
  readonly ingresses: readonly Ingress[];
  readonly ingressClasses: readonly IngressClass[];
  readonly services: readonly Service[];
  readonly endpointSlices: readonly EndpointSlice[];
  readonly secrets: readonly Secret[];
}

const settings = gatewayConfigSchema.parse({ dataDir: '/x', l4Ports: { first: 20_000, last: 20_009 } });

function ingress(name: string, host: string | undefined, path: string, more: object = {}): Ingress {
  return {
    metadata: { name, namespace: 'n', uid: name, creationTimestamp: '2026-01-01T00:00:00Z', ...more },
    spec: {
      ingressClassName: 'skyarc',
      rules: [
        {
          host,
          http: {
            paths: [{ path, pathType: 'Prefix', backend: { service: { name: 's', port: { name: 'web' } } } }],
          },
        },
      ],
    },
  };
}

function world(ingresses: Ingress[], more: Partial<World> = {}): World {
  return {
    ingresses,
    ingressClasses: [],
    secrets: [],
    services: [
      {
        metadata: { name: 's', namespace: 'n' },
        spec: { ports: [{ name: 'web', port: 80, targetPort: 'http' }] },
      },
    ],
    endpointSlices: [
      {
        metadata: { name: 's-1', namespace: 'n', labels: { 'kubernetes.io/service-name': 's' } },
        addressType: 'IPv4',
        endpoints: [
          { addresses: ['10.0.0.2'] },
          { addresses: ['10.0.0.1'], conditions: { ready: true } },
          { addresses: ['10.0.0.3'], conditions: { ready: false } },
        ],
        ports: [
          { name: 'other', port: 1 },
          { name: 'web', port: 8080 },
        ],
      },
    ],
    ...more,
  };
}

function serve(objects: World, more: object = {}) {
  const plane = new Plane({ ...settings, ...more });
  for (const each of objects.ingressClasses) plane.putIngressClass(each, undefined);
  for (const each of objects.ingresses) plane.putIngress(each, undefined);
  for (const each of objects.services) plane.putService(each, undefined);
  for (const each of objects.endpointSlices) plane.putSlice(each, undefined);
  for (const each of objects.secrets) plane.putSecret(each, undefined);
  const problems = [...plane.outputs.flush().problems.values()].flat();
  return { plane, problems, table: plane.outputs.values };
}

const render = (...ingresses: Ingress[]) => serve(world(ingresses));
const hostsOf = (table: ReadonlyMap<string, string>) =>
  [...table.keys()].filter((key) => key.startsWith('h:')).map((key) => key.slice(2));
const told = (problems: readonly Problem[]) =>
  problems.map(({ object, reason }) => `${object.metadata?.name} ${reason}`);

test('a named port leads to the port of that name in the slices, in a stable order', () => {
  const { table } = render(ingress('a', 'a.test', '/'));
  expect(table.get('h:a.test')).toBe('"n/a|n/s:80"');
  expect(table.get('u:n/s:80')).toBe('[["10.0.0.1",8080],["10.0.0.2",8080]]');
});

test.for([
  'a"; return 200;',
  'a b.test',
  '*',
  '*.*.test',
  'UPPER.test',
  '-a.test',
  'a.test\n',
  `${'a'.repeat(64)}.test`,
  '$host',
])('host %j is skipped and reported, others stay', (host) => {
  const { table, problems } = render(ingress('bad', host, '/'), ingress('good', 'good.test', '/'));
  expect(hostsOf(table)).toEqual(['good.test']);
  expect(told(problems)).toEqual(['bad InvalidHost']);
});

test.for(['relative', '/a b', '/a//b', '/a/../b', '/a/.', '/a%2Fb', '/a\nb', '/a?b', '/a#b'])(
  'path %j is skipped and reported',
  (path) => {
    const { table, problems } = render(ingress('bad', 'a.test', path));
    expect(hostsOf(table)).toEqual([]);
    expect(problems[0]?.reason).toBe('InvalidPath');
  },
);

test('the oldest Ingress keeps a place, whatever the order of the list', () => {
  const younger = ingress('younger', 'a.test', '/x/', { creationTimestamp: '2026-02-01T00:00:00Z' });
  const older = ingress('older', 'a.test', '/x');
  const { table, problems } = render(younger, older);
  expect(table.get('h:a.test')).toBe('{"p":{"/x":[["n/older","n/s:80",0]]}}');
  expect(told(problems)).toEqual(['younger Conflict']);
});

const classed = (name: string, ingressClassName?: string, annotations?: object) => {
  const made = ingress(name, `${name}.test`, '/', { annotations });
  return { ...made, spec: { ...made.spec, ingressClassName } };
};

test('only our class is served: by name, by an IngressClass of ours, by the old annotation, by default', () => {
  const all = [
    classed('named', 'skyarc'),
    classed('other', 'nginx'),
    classed('classed', 'fast'),
    classed('annotated', undefined, { 'kubernetes.io/ingress.class': 'skyarc' }),
    classed('bare'),
  ];
  const hosts = (annotations: Record<string, string>) =>
    hostsOf(
      serve(
        world(all, {
          ingressClasses: [
            { metadata: { name: 'fast', annotations }, spec: { controller: 'skyarc.dev/gateway' } },
          ],
        }),
      ).table,
    )
      .map((host) => host.replace('.test', ''))
      .toSorted((left, right) => left.localeCompare(right));
  expect(hosts({})).toEqual(['annotated', 'classed', 'named']);
  expect(hosts({ 'ingressclass.kubernetes.io/is-default-class': 'true' })).toEqual([
    'annotated',
    'bare',
    'classed',
    'named',
  ]);
});

test('a missing service holds its place and leads nowhere', () => {
  const { table, problems } = serve(world([ingress('a', 'a.test', '/')], { services: [] }));
  expect(table.get('h:a.test')).toBe('"n/a|"');
  expect(problems[0]?.message).toBe('a.test/ leads nowhere: service "s" does not exist');
});

test('a change renders only what looked at it, and what nobody leads to any more goes', () => {
  const { plane } = render(ingress('a', 'a.test', '/'), ingress('b', 'b.test', '/'));
  const [slice] = world([]).endpointSlices as [EndpointSlice];
  plane.putSlice({ ...slice, endpoints: [{ addresses: ['10.0.0.9'] }] }, slice);
  expect(plane.outputs.flush()).toMatchObject({ set: { 'u:n/s:80': '[["10.0.0.9",8080]]' }, delete: [] });
  plane.putIngress(undefined, ingress('a', 'a.test', '/'));
  expect(plane.outputs.flush()).toMatchObject({ set: {}, delete: ['h:a.test'] });
  plane.putIngress(undefined, ingress('b', 'b.test', '/'));
  expect(plane.outputs.flush().delete.toSorted()).toEqual(['h:b.test', 'u:n/s:80']);
  expect(plane.keys()).toEqual([]);
});

test('whatever the order in which objects come, the same is served', () => {
  const objects = world([ingress('a', 'a.test', '/'), ingress('b', 'a.test', '/x')]);
  const late = new Plane(settings);
  for (const each of objects.endpointSlices) late.putSlice(each, undefined);
  for (const each of objects.ingresses.toReversed()) late.putIngress(each, undefined);
  late.outputs.flush();
  for (const each of objects.services) late.putService(each, undefined);
  late.outputs.flush();
  expect(late.outputs.values).toEqual(serve(objects).table);
});

test('the address of a service is told only where it is reachable', () => {
  const plain = world([ingress('a', 'a.test', '/')]);
  const services = plain.services.map((one) => ({ ...one, spec: { ...one.spec, clusterIP: '10.96.0.7' } }));
  const objects = { ...plain, services };
  expect(serve(objects, { reachesServices: true }).table.get('s:n/s:80')).toBe('["10.96.0.7",80]');
  expect(serve(objects).table.has('s:n/s:80')).toBe(false);
});

const withPolicy = (name: string, policy: object, more: object = {}) =>
  ingress(name, 'a.test', '/', { ...more, annotations: { 'skyarc.dev/route': JSON.stringify(policy) } });

test('rules of one path stand in the order of their conditions, the plain one last', () => {
  const { table, problems } = render(
    ingress('plain', 'a.test', '/'),
    withPolicy('cookie', { match: { cookies: [{ name: 'canary', op: 'PRESENT' }] } }),
    withPolicy('method', { match: { methods: ['POST'] } }),
    withPolicy('query', { match: { query: [{ name: 'v', value: '2' }] } }),
  );
  const rules = JSON.parse(table.get('h:a.test') ?? '') as { p: Record<string, string[][]> };
  expect(rules.p['']?.map(([name]) => name)).toEqual(['n/method', 'n/cookie', 'n/query', 'n/plain']);
  expect(problems).toEqual([]);
});

test.for([
  ['not JSON', '{', /cannot be read/],
  ['an unknown field', '{"snippet":"return 200"}', /Unrecognized key/],
  ['a weight beyond', '{"split":{"targets":[{"service":"s","port":80,"weight":1001}]}}', /0 to 1000/],
  ['a header in a value', '{"responseHeaders":{"set":[{"name":"A","value":"b\\r\\nC: d"}]}}', /printable/],
  ['a header of ours', '{"requestHeaders":{"set":[{"name":"Host","value":"x"}]}}', /managed by the gateway/],
  ['a missing secret', '{"basicAuth":{"secretName":"none"}}', /does not exist/],
] as const)('a policy with %s is reported, and nothing is served in its name', ([, text, message]) => {
  const { table, problems } = render(
    ingress('bad', 'a.test', '/', { annotations: { 'skyarc.dev/route': text } }),
    ingress('good', 'b.test', '/'),
  );
  expect(problems.map((problem) => problem.message)).toEqual([expect.stringMatching(message)]);
  expect(table.get('p:n/bad')).toBe('{"broken":true}');
  expect(table.get('h:b.test')).toBe('"n/good|n/s:80"');
});

function l4Service(name: string, at: string, listenPort: number): Service {
  return {
    metadata: {
      name,
      namespace: 'n',
      creationTimestamp: at,
      annotations: { 'skyarc.dev/l4': JSON.stringify([{ listenPort, servicePort: 80 }]) },
    },
    spec: { ports: [{ name: 'web', port: 80 }] },
  };
}

test('an L4 port goes to its oldest Service, within the range, to the ready endpoints', () => {
  const { table, problems } = serve(
    world([], {
      services: [l4Service('t', '2', 20_001), l4Service('s', '1', 20_001), l4Service('o', '3', 99)],
    }),
  );
  expect(table.get('l4:tcp-20001')).toBe('10.0.0.1:8080\n10.0.0.2:8080\n');
  expect(problems.map(({ message }) => message).toSorted()).toEqual([
    'TCP port 20001 is taken by the older Service n/s',
    "TCP port 99 is not in the gateway's range 20000-20009",
  ]);
});

test('the configuration of nginx refuses what could be read as syntax', () => {
  expect(gatewayConfigSchema.safeParse({ dataDir: '/x; evil' }).success).toBe(false);
  expect(gatewayConfigSchema.safeParse({ dataDir: '/x', user: 'a;b' }).success).toBe(false);
  expect(gatewayConfigSchema.safeParse({ dataDir: '/x', trustedProxies: ['1;2'] }).success).toBe(false);
  const config = gatewayConfigSchema.parse({ dataDir: '/x', host: '::1', trustedProxies: ['10.0.0.0/8'] });
  const conf = renderNginxConf(config, { asRoot: false, life: '0123456789ab' });
  expect(conf).toContain('listen [::1]:8080 default_server');
  expect(conf).toContain('set_real_ip_from 10.0.0.0/8;');
});

const confOf = (maxBodyBytes: number) =>
  renderNginxConf(gatewayConfigSchema.parse({ dataDir: '/x', maxBodyBytes }), {
    asRoot: false,
    life: '0123456789ab',
  });

test('a limit for all bodies leaves no request to the short way', () => {
  expect(confOf(0)).toContain('proxy_pass http://plain_kept;');
  expect(confOf(1)).not.toContain('proxy_pass http://plain_kept;');
});
