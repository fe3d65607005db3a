import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDnsServer, parseQuery, ZoneSet, type DnsQuery } from '@skyarc/lib/dns';
import { decode, encode, type DecodedPacket } from 'dns-packet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KindTable } from '../../client/index.ts';
import { AnswerCache } from './cache.ts';
import { renderMetrics } from './metrics.ts';
import { renderZones, type NamesObjects } from './render.ts';
import { Resolver } from './resolver.ts';
import type { NamesState } from './state.ts';

const slice = (service: string, port: object, endpoints: object[]) =>
  ({
    metadata: { namespace: 'shop', labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    ports: [port],
    endpoints,
  }) as KindTable['endpointslices'];
const external = (name: string, externalName: string): KindTable['services'] => ({
  metadata: { name, namespace: 'shop' },
  spec: { type: 'ExternalName', externalName },
});

const objects: NamesObjects = {
  services: [
    {
      metadata: { name: 'web', namespace: 'shop' },
      spec: { clusterIP: '10.96.3.4', ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    },
    {
      metadata: { name: 'db', namespace: 'shop' },
      spec: { clusterIP: 'None', ports: [{ name: 'sql', port: 5432 }] },
    },
    {
      metadata: { name: 'early', namespace: 'shop' },
      spec: { clusterIP: 'None', publishNotReadyAddresses: true },
    },
    { metadata: { name: 'idle', namespace: 'shop' }, spec: { clusterIP: 'None' } },
    external('ext', 'Example.com.'),
    external('inner', 'web.shop.svc.cluster.local'),
    external('loop', 'loop.shop.svc.cluster.local'),
  ],
  slices: [
    slice('db', { name: 'sql', port: 5432, protocol: 'TCP' }, [
      { addresses: ['10.88.0.7'], hostname: 'db-0' },
      { addresses: ['10.88.0.8'], hostname: 'db-1', conditions: { ready: false } },
    ]),
    slice('early', {}, [{ addresses: ['10.88.0.9'], hostname: 'early-0', conditions: { ready: false } }]),
  ],
  pods: [
    { metadata: { name: 'a', namespace: 'shop' }, status: { podIP: '10.88.0.2', phase: 'Running' } },
    { metadata: { name: 'b', namespace: 'shop' }, status: { podIP: '10.88.0.3', phase: 'Succeeded' } },
  ],
  namespaces: ['shop', 'empty'],
};
const networks = ['10.88.0.0/16', '10.96.0.0/16'];
const zones = renderZones(objects, { domain: 'cluster.local', networks, dnsAddress: '10.96.0.10' });
const set = new ZoneSet(zones);
const answerTo = (name: string, type: string) => {
  const found = set.resolve({ name, type });
  if (!found) return 'FOREIGN';
  return found.code === 3
    ? 'NXDOMAIN'
    : found.code === 2
      ? 'SERVFAIL'
      : (found.answers ?? []).map(({ data }) => data);
};

test.each<[string, string, unknown]>([
  ['web.shop.svc.cluster.local', 'A', ['10.96.3.4']],
  ['WEB.Shop.svc.cluster.local', 'A', ['10.96.3.4']],
  ['web.shop.svc.cluster.local', 'AAAA', []],
  ['absent.shop.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['web.other.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['web.empty.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['empty.svc.cluster.local', 'A', []],
  ['_tcp.web.shop.svc.cluster.local', 'A', []],
  ['x.web.shop.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['web.shop.svc.cluster.local.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['db.shop.svc.cluster.local', 'A', ['10.88.0.7']],
  ['db-0.db.shop.svc.cluster.local', 'A', ['10.88.0.7']],
  ['db-1.db.shop.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['early-0.early.shop.svc.cluster.local', 'A', ['10.88.0.9']],
  ['idle.shop.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['ext.shop.svc.cluster.local', 'A', ['example.com']],
  ['inner.shop.svc.cluster.local', 'A', ['web.shop.svc.cluster.local', '10.96.3.4']],
  ['inner.shop.svc.cluster.local', 'CNAME', ['web.shop.svc.cluster.local']],
  ['loop.shop.svc.cluster.local', 'A', 'SERVFAIL'],
  ['10-88-0-2.shop.pod.cluster.local', 'A', ['10.88.0.2']],
  ['10-88-0-3.shop.pod.cluster.local', 'A', 'NXDOMAIN'],
  ['10-88-0-2.empty.pod.cluster.local', 'A', 'NXDOMAIN'],
  [
    '_http._tcp.web.shop.svc.cluster.local',
    'SRV',
    [{ priority: 0, weight: 100, port: 80, target: 'web.shop.svc.cluster.local' }],
  ],
  [
    '_sql._tcp.db.shop.svc.cluster.local',
    'SRV',
    [{ priority: 0, weight: 100, port: 5432, target: 'db-0.db.shop.svc.cluster.local' }],
  ],
  ['_sql._udp.db.shop.svc.cluster.local', 'SRV', 'NXDOMAIN'],
  ['4.3.96.10.in-addr.arpa', 'PTR', ['web.shop.svc.cluster.local']],
  ['7.0.88.10.in-addr.arpa', 'PTR', ['db-0.db.shop.svc.cluster.local']],
  ['99.0.88.10.in-addr.arpa', 'PTR', 'NXDOMAIN'],
  ['9.9.9.9.in-addr.arpa', 'PTR', 'FOREIGN'],
  ['dns-version.cluster.local', 'TXT', ['1.1.0']],
  ['cluster.local', 'NS', ['ns.dns.cluster.local']],
  ['example.com', 'A', 'FOREIGN'],
])('name %s %s', (name, type, expected) => {
  expect(answerTo(name, type)).toEqual(expected);
});

/** What the server that is asked by ours was asked, and what it says. */
const upstream = {
  queries: [] as string[],
  replies: new Map<string, object>(),
  stop: async () => undefined as void,
  port: 0,
};
let folder: string;
let state: NamesState;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hecdns-'));
  const server = await startDnsServer({
    host: '127.0.0.1',
    port: 0,
    handle: (query, { isTcp }) => {
      upstream.queries.push(`${query.name} ${query.type} ${isTcp ? 'tcp' : 'udp'}`);
      const reply = upstream.replies.get(query.key);
      return reply ? { code: 0, ...reply } : { code: 2 };
    },
  });
  upstream.port = Number(server.url.split(':').at(-1));
  upstream.stop = () => server.stop();
  await writeFile(join(folder, 'resolv.conf'), '# none\n');
  state = {
    zones,
    aliases: [{ origin: 'apps.internal', target: '{1}.{2}.svc.cluster.local' }],
    forward: {
      resolvConf: join(folder, 'resolv.conf'),
      ownAddress: '127.0.0.1',
      stubs: [
        { origin: 'com', servers: [`127.0.0.1:${upstream.port}`] },
        // Port 9 answers nobody.
        { origin: 'failover.com', servers: ['127.0.0.1:9', `127.0.0.1:${upstream.port}`] },
      ],
    },
  };
});

afterAll(async () => {
  await upstream.stop();
  await rm(folder, { recursive: true });
});

function queryFor(name: string, type = 'A', edns?: number): DnsQuery {
  const opt = { type: 'OPT', name: '.', udpPayloadSize: edns, flags: 0, options: [] };
  const bytes = encode({
    type: 'query',
    id: 4711,
    flags: 0x100,
    questions: [{ name, type: type as 'A' }],
    additionals: edns ? [opt as never] : [],
  });
  return parseQuery(bytes) as DnsQuery;
}

async function ask(resolver: Resolver, query: DnsQuery, limitBytes = 1232): Promise<DecodedPacket> {
  return decode((await resolver.answer(query, { limitBytes })) as Buffer);
}

const a = (name: string, data: string, ttl = 60) => ({ name, type: 'A', ttl, data });
const soa = (minimum: number) => ({
  name: 'com',
  type: 'SOA',
  ttl: 900,
  data: { mname: 'ns.com', rname: 'who.com', serial: 1, refresh: 1, retry: 1, expire: 1, minimum },
});

test("answers of others are kept as long as they say, with the asker's spelling and time that goes down", async () => {
  const resolver = new Resolver(state);
  upstream.queries.length = 0;
  upstream.replies.set('one.com', { answers: [a('one.com', '192.0.2.1', 30), a('one.com', '192.0.2.2', 2)] });
  await ask(resolver, queryFor('one.com'));
  const again = await ask(resolver, queryFor('ONE.com'));
  expect(again).toMatchObject({ id: 4711, flag_ra: true, flag_aa: false, questions: [{ name: 'ONE.com' }] });
  expect(again.answers).toHaveLength(2);
  expect(again.additionals).toEqual([]);
  await new Promise((done) => setTimeout(done, 1_100));
  expect(
    (await ask(resolver, queryFor('one.com', 'A', 4096))).answers?.map((each) => 'ttl' in each && each.ttl),
  ).toEqual([29, 1]);
  expect(upstream.queries).toEqual(['one.com A udp']);
  await new Promise((done) => setTimeout(done, 1_000));
  await Promise.all([ask(resolver, queryFor('one.com')), ask(resolver, queryFor('one.com'))]);
  expect(upstream.queries).toHaveLength(2);
  expect(renderMetrics(resolver).split('\n')).toEqual([
    'coredns_dns_requests_total 5',
    'coredns_cache_entries 1',
    'coredns_cache_requests_total 5',
    'coredns_cache_hits_total 2',
    `coredns_forward_requests_total{to="127.0.0.1:${upstream.port}"} 2`,
    `coredns_forward_healthcheck_failures_total{to="127.0.0.1:${upstream.port}"} 0`,
    '',
  ]);
});

test('types whose numbers differ as letters do, and labels with dots, are other questions', async () => {
  const resolver = new Resolver(state);
  upstream.queries.length = 0;
  upstream.replies.set('kind.com', { authorities: [soa(60)] });
  for (const type of ['UNKNOWN_65', 'UNKNOWN_97']) await ask(resolver, queryFor('kind.com', type));
  expect(upstream.queries).toEqual(['kind.com UNKNOWN_65 udp', 'kind.com UNKNOWN_97 udp']);
  const dotted = Buffer.from(queryFor('kind.com').bytes);
  // One label of eight bytes instead of two, and the root.
  dotted.writeUInt8(8, 12);
  dotted.write('.', 17);
  // The other server repeats it as two labels: that answers another question.
  await expect(resolver.answer(parseQuery(dotted) as DnsQuery, { limitBytes: 512 })).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  });
  await ask(resolver, queryFor('kind.com'));
  expect(upstream.queries).toHaveLength(4);
});

test('a "no" is kept by its SOA, and not without one', async () => {
  const resolver = new Resolver(state);
  upstream.queries.length = 0;
  upstream.replies.set('no.com', { code: 3, authorities: [soa(60)] });
  upstream.replies.set('empty.com', { authorities: [soa(60)] });
  upstream.replies.set('bare.com', { code: 3 });
  for (const name of ['no.com', 'no.com', 'empty.com', 'empty.com', 'bare.com', 'bare.com'])
    await ask(resolver, queryFor(name));
  expect(upstream.queries).toEqual(['no.com A udp', 'empty.com A udp', 'bare.com A udp', 'bare.com A udp']);
  expect(await ask(resolver, queryFor('no.com'))).toMatchObject({
    rcode: 'NXDOMAIN',
    authorities: [{ ttl: 900 }],
  });
});

test('a long answer is fetched over TCP, and cut to what the asker takes', async () => {
  const resolver = new Resolver(state);
  upstream.queries.length = 0;
  const answers = Array.from({ length: 100 }, (_, i) => a('long.com', `192.0.2.${i}`));
  upstream.replies.set('long.com', { answers });
  expect(await ask(resolver, queryFor('long.com'), 512)).toMatchObject({ flag_tc: true, answers: [] });
  expect((await ask(resolver, queryFor('long.com'), 65_535)).answers).toHaveLength(100);
  expect(upstream.queries).toEqual(['long.com A udp', 'long.com A tcp']);
});

test('a server that fails is passed over, and the last answer helps when all do', async () => {
  const resolver = new Resolver(state);
  upstream.replies.set('x.failover.com', { answers: [a('x.failover.com', '192.0.2.1', 1)] });
  const began = Date.now();
  expect((await ask(resolver, queryFor('x.failover.com'))).answers).toHaveLength(1);
  await new Promise((done) => setTimeout(done, 1_000));
  upstream.replies.delete('x.failover.com');
  expect((await ask(resolver, queryFor('x.failover.com'))).answers).toEqual([
    expect.objectContaining({ data: '192.0.2.1', ttl: 30 }),
  ]);
  expect(Date.now() - began).toBeLessThan(3_500);
  await expect(resolver.answer(queryFor('nobody.org'), { limitBytes: 512 })).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  });
});

test('an external name comes with its addresses, an alias with those of its target, and ours go nowhere', async () => {
  const resolver = new Resolver(state);
  upstream.queries.length = 0;
  upstream.replies.set('example.com', { answers: [a('example.com', '192.0.2.9')] });
  const dataOf = async (name: string, type = 'A') => {
    const reply = await resolver.answer(queryFor(name, type), { limitBytes: 512 });
    return 'code' in reply ? [reply.code, ...(reply.answers ?? []).map(({ data }) => data)] : reply;
  };
  expect(await dataOf('ext.shop.svc.cluster.local')).toEqual([0, 'example.com', '192.0.2.9']);
  expect(await dataOf('web.shop.apps.internal')).toEqual([0, 'web.shop.svc.cluster.local', '10.96.3.4']);
  expect(await dataOf('_http._tcp.web.shop.apps.internal', 'SRV')).toHaveLength(3);
  expect(await dataOf('absent.shop.apps.internal')).toEqual([3]);
  expect(await dataOf('shop.apps.internal')).toEqual([0]);
  expect(await dataOf('absent.cluster.local')).toEqual([3]);
  expect(await dataOf('1.0.88.10.in-addr.arpa', 'PTR')).toEqual([3]);
  expect(await dataOf('cluster.local', 'AXFR')).toEqual([5]);
  expect(await dataOf('example.com', 'ANY')).toEqual([0, { cpu: 'RFC8482', os: '' }]);
  expect(upstream.queries).toEqual(['example.com A udp']);
});

test('the cache is bounded', () => {
  const cache = new AnswerCache(2);
  const answer = encode({ type: 'response', answers: [a('x.com', '192.0.2.1') as never] });
  for (const key of ['a', 'b', 'c']) cache.store(key, answer);
  expect([cache.size, cache.find('a'), cache.find('c')?.holdsMs]).toEqual([2, undefined, 60_000]);
});
