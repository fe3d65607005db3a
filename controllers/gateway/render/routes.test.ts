import { expect, test } from 'vitest';
import { gatewayConfigSchema } from '../config.ts';
import type { GatewayObjects } from './model.ts';
import { renderNginxConf } from './nginx-conf.ts';
import { renderModel } from './routes.ts';
import { diffTables, renderTable } from './table.ts';

type Ingress = GatewayObjects['ingresses'][number];

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

function world(ingresses: Ingress[], more: Partial<GatewayObjects> = {}): GatewayObjects {
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

const render = (...ingresses: Ingress[]) => renderModel(world(ingresses), 'skyarc');

test('a named port leads to the port of that name in the slices, in a stable order', () => {
  const model = render(ingress('a', 'a.test', '/'));
  expect(model.routes).toEqual([{ host: 'a.test', match: 'prefix', path: '', backend: 'n/s:80' }]);
  expect(model.backends.get('n/s:80')?.endpoints).toEqual([
    ['10.0.0.1', 8080],
    ['10.0.0.2', 8080],
  ]);
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
  const model = render(ingress('bad', host, '/'), ingress('good', 'good.test', '/'));
  expect(model.routes.map((route) => route.host)).toEqual(['good.test']);
  expect(model.problems.map(({ reason, ingress: of }) => `${of.metadata?.name} ${reason}`)).toEqual([
    'bad InvalidHost',
  ]);
});

test.for(['relative', '/a b', '/a//b', '/a/../b', '/a/.', '/a%2Fb', '/a\nb', '/a?b', '/a#b'])(
  'path %j is skipped and reported',
  (path) => {
    const model = render(ingress('bad', 'a.test', path));
    expect(model.routes).toEqual([]);
    expect(model.problems[0]?.reason).toBe('InvalidPath');
  },
);

test('the oldest Ingress keeps a place, whatever the order of the list', () => {
  const younger = ingress('younger', 'a.test', '/x/', { creationTimestamp: '2026-02-01T00:00:00Z' });
  const older = ingress('older', 'a.test', '/x');
  const model = render(younger, older);
  expect(model.routes).toHaveLength(1);
  expect(model.problems.map(({ ingress: of, reason }) => `${of.metadata?.name} ${reason}`)).toEqual([
    'younger Conflict',
  ]);
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
    renderModel(
      world(all, {
        ingressClasses: [
          { metadata: { name: 'fast', annotations }, spec: { controller: 'skyarc.dev/gateway' } },
        ],
      }),
      'skyarc',
    )
      .routes.map(({ host }) => host.replace('.test', ''))
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
  const model = renderModel(world([ingress('a', 'a.test', '/')], { services: [] }), 'skyarc');
  expect(model.routes[0]?.backend).toBe('');
  expect(model.problems[0]?.message).toBe('a.test/ leads nowhere: service "s" does not exist');
});

test('a change says only what differs', () => {
  const settings = { reachesServices: false };
  const one = renderTable(render(ingress('a', 'a.test', '/'), ingress('b', 'b.test', '/')), settings);
  const two = renderTable(render(ingress('b', 'b.test', '/x')), settings);
  const change = diffTables(one, two);
  expect([Object.keys(change.set), change.delete]).toEqual([['h:b.test'], ['h:a.test']]);
  expect(diffTables(two, two)).toMatchObject({ set: {}, delete: [] });
});

test('the address of a service is told only where it is reachable', () => {
  const world_ = world([ingress('a', 'a.test', '/')]);
  const services = world_.services.map((one) => ({ ...one, spec: { ...one.spec, clusterIP: '10.96.0.7' } }));
  const model = renderModel({ ...world_, services }, 'skyarc');
  expect(renderTable(model, { reachesServices: true }).get('s:n/s:80')).toBe('["10.96.0.7",80]');
  expect(renderTable(model, { reachesServices: false }).has('s:n/s:80')).toBe(false);
});

test('the configuration of nginx refuses what could be read as syntax', () => {
  expect(gatewayConfigSchema.safeParse({ dataDir: '/x; evil' }).success).toBe(false);
  expect(gatewayConfigSchema.safeParse({ dataDir: '/x', user: 'a;b' }).success).toBe(false);
  expect(gatewayConfigSchema.safeParse({ dataDir: '/x', trustedProxies: ['1;2'] }).success).toBe(false);
  const config = gatewayConfigSchema.parse({ dataDir: '/x', host: '::1', trustedProxies: ['10.0.0.0/8'] });
  const conf = renderNginxConf(config, false);
  expect(conf).toContain('listen [::1]:8080 default_server');
  expect(conf).toContain('set_real_ip_from 10.0.0.0/8;');
});
