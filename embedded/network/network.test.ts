import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { decode, encode, type Answer, type Packet } from 'dns-packet';
import { expect, test } from 'vitest';
import { createLogger } from '@skyarc/lib/log';
import type { KindTable } from '../client/index.ts';
import { nthAddress } from './addresses.ts';
import { ClusterNames, type NameSource } from './dns/records.ts';
import { startDnsServer } from './dns/server.ts';
import { Upstream } from './dns/upstream.ts';
import { renderChange, renderService, renderTable } from './ruleset.ts';
import { resolveServicePorts } from './services.ts';

const web: KindTable['services'] = {
  metadata: { name: 'web', namespace: 'shop' },
  spec: { clusterIP: '10.96.3.4', ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
};
const db: KindTable['services'] = {
  metadata: { name: 'db', namespace: 'shop' },
  spec: { clusterIP: 'None', ports: [{ name: 'sql', port: 5432 }] },
};
const slice = (service: string, port: object, endpoints: object[]) =>
  ({
    metadata: { namespace: 'shop', labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    ports: [port],
    endpoints,
  }) as KindTable['endpointslices'];
const webSlice = slice('web', { name: 'http', port: 8080, protocol: 'TCP' }, [
  { addresses: ['10.88.0.3'], conditions: { ready: true } },
  { addresses: ['10.88.0.2'] },
  { addresses: ['10.88.0.9'], conditions: { ready: false, serving: true, terminating: true } },
]);
const dbSlice = slice('db', { name: 'sql', port: 5432, protocol: 'TCP' }, [
  { addresses: ['10.88.0.7'], hostname: 'db-0' },
  { addresses: ['10.88.0.8'], hostname: 'db-1', conditions: { ready: false } },
]);
const external: KindTable['services'] = {
  metadata: { name: 'ext', namespace: 'shop' },
  spec: { type: 'ExternalName', externalName: 'example.com' },
};
const source: NameSource = {
  findService: (namespace, name) =>
    namespace === 'shop' ? [web, db, external].find(({ metadata }) => metadata?.name === name) : undefined,
  slicesOf: (service) => (service === web ? [webSlice] : service === db ? [dbSlice] : []),
  findServiceByIp: (address) => (address === '10.96.3.4' ? web : undefined),
  findEndpointName: (address) => (address === '10.88.0.7' ? { hostname: 'db-0', service: db } : undefined),
  hasNamespace: (namespace) => namespace === 'shop',
};
const names = new ClusterNames(source, 'cluster.local');
const dataOf = (name: string, type: string) => {
  const found = names.resolve(name, type);
  return (
    found && (found.exists ? found.answers.map((answer) => (answer as { data: unknown }).data) : 'NXDOMAIN')
  );
};

test.each<[string, string, unknown]>([
  ['web.shop.svc.cluster.local', 'A', ['10.96.3.4']],
  ['WEB.Shop.svc.cluster.local', 'A', ['10.96.3.4']],
  ['web.shop.svc.cluster.local', 'AAAA', []],
  ['absent.shop.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['web.other.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['shop.svc.cluster.local', 'A', []],
  ['x.web.shop.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['db.shop.svc.cluster.local', 'A', ['10.88.0.7']],
  ['db-0.db.shop.svc.cluster.local', 'A', ['10.88.0.7']],
  ['db-1.db.shop.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['ext.shop.svc.cluster.local', 'A', ['example.com']],
  ['10-88-0-2.shop.pod.cluster.local', 'A', ['10.88.0.2']],
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
  ['9.9.9.9.in-addr.arpa', 'PTR', undefined],
  ['example.com', 'A', undefined],
])('name %s %s', (name, type, expected) => {
  expect(dataOf(name, type)).toEqual(expected);
});

test('ready endpoints are translated; ending ones only when no other is left', () => {
  expect(resolveServicePorts(web, [webSlice])[0]?.endpoints).toEqual([
    { address: '10.88.0.2', port: 8080 },
    { address: '10.88.0.3', port: 8080 },
  ]);
  const ending = { ...webSlice, endpoints: webSlice.endpoints?.slice(2) };
  expect(resolveServicePorts(web, [ending])[0]?.endpoints).toEqual([{ address: '10.88.0.9', port: 8080 }]);
  expect(resolveServicePorts(db, [dbSlice])).toEqual([]);
});

const load = (...endpoints: string[]) =>
  new Map(
    [
      renderService({
        clusterIp: '10.96.3.4',
        protocol: 'tcp',
        port: 80,
        hasAffinity: false,
        endpoints: endpoints.map((address) => ({ address, port: 8080 })),
      }),
    ].filter((entry) => entry !== undefined),
  );

test('the table as it is loaded', async () => {
  const options = {
    instance: 'skyarc',
    podCidr: '10.88.0.0/16',
    serviceCidr: '10.96.0.0/16',
    gateway: '10.88.0.1',
    openToPods: [{ address: '10.88.0.1', protocol: 'tcp' as const, port: 6443 }],
  };
  await expect(renderTable(options, load('10.88.0.2', '10.88.0.3'))).toMatchFileSnapshot(
    'fixtures/table.nft',
  );
});

test('a change is only what changes', () => {
  expect(renderChange('skyarc', load('10.88.0.2'), load('10.88.0.2'))).toBe('');
  expect(renderChange('skyarc', load('10.88.0.2'), load('10.88.0.2', '10.88.0.3'))).toBe(
    `flush chain ip skyarc svc_10_96_3_4_tcp_80
add rule ip skyarc svc_10_96_3_4_tcp_80 meta l4proto tcp dnat ip addr . port to numgen random mod 2 map { 0 : 10.88.0.2 . 8080, 1 : 10.88.0.3 . 8080 }
add element ip skyarc hairpins { 10.88.0.3 . 10.88.0.3 }
`,
  );
  expect(renderChange('skyarc', load('10.88.0.2'), load())).toBe(
    `delete element ip skyarc services { 10.96.3.4 . tcp . 80 : goto svc_10_96_3_4_tcp_80 }
flush chain ip skyarc svc_10_96_3_4_tcp_80
delete chain ip skyarc svc_10_96_3_4_tcp_80
delete element ip skyarc hairpins { 10.88.0.2 . 10.88.0.2 }
`,
  );
});

test('addresses', () => {
  expect(nthAddress('10.96.0.0/16', 10)).toBe('10.96.0.10');
  expect(() => nthAddress('10.96.0.0/33', 1)).toThrow('not an IPv4 network');
});

test('the server answers over UDP and TCP, with EDNS, forwards, and says when nobody answers', async () => {
  const log = createLogger('test');
  const upstream = new Upstream({ resolvConf: '/dev/null', ownAddress: '127.0.0.1' });
  const server = await startDnsServer({
    host: '127.0.0.1',
    port: 0,
    domain: 'cluster.local',
    names,
    upstream,
    log,
  });
  const port = Number(server.url.split(':').at(-1));
  try {
    const opt = { type: 'OPT', name: '.', udpPayloadSize: 4096, flags: 0, options: [] } as unknown as Answer;
    const query: Packet = {
      type: 'query',
      id: 4711,
      flags: 0x100,
      questions: [{ type: 'A', name: 'web.shop.svc.cluster.local' }],
      additionals: [opt],
    };
    for (const ask of [askUdp, askTcp]) {
      const reply = decode(await ask(port, encode(query)));
      expect(reply).toMatchObject({
        id: 4711,
        rcode: 'NOERROR',
        flag_aa: true,
        flag_rd: true,
        flag_ra: true,
      });
      expect(reply.answers?.[0]).toMatchObject({ data: '10.96.3.4', ttl: 5 });
      expect(reply.additionals?.[0]).toMatchObject({ type: 'OPT', udpPayloadSize: 1232 });
    }
    const absent = await askUdp(
      port,
      encode({ ...query, questions: [{ type: 'A', name: 'no.shop.svc.cluster.local' }] }),
    );
    expect(decode(absent)).toMatchObject({
      rcode: 'NXDOMAIN',
      authorities: [{ type: 'SOA', name: 'cluster.local' }],
    });
    const foreign = await askUdp(port, encode({ ...query, questions: [{ type: 'A', name: 'example.com' }] }));
    expect(decode(foreign)).toMatchObject({ rcode: 'SERVFAIL' });
    await askUdp(port, Buffer.from('garbage'), 100).then(
      () => expect.unreachable(),
      (error: Error) => expect(error.message).toBe('no answer'),
    );
  } finally {
    await server.stop();
  }
});

function askUdp(port: number, query: Buffer, timeoutMs = 2_000): Promise<Buffer> {
  const socket = createSocket('udp4');
  return new Promise<Buffer>((resolve, reject) => {
    setTimeout(() => reject(new Error('no answer')), timeoutMs).unref();
    socket.once('message', resolve).send(query, port, '127.0.0.1');
  }).finally(() => socket.close());
}

function askTcp(port: number, query: Buffer): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1' });
  const length = Buffer.alloc(2);
  length.writeUInt16BE(query.length);
  // The message comes in two pieces, as it may.
  socket.write(Buffer.concat([length, query.subarray(0, 5)]), () => socket.write(query.subarray(5)));
  return new Promise<Buffer>((resolve, reject) => {
    socket.once('error', reject).once('data', (data) => resolve(data.subarray(2)));
  }).finally(() => socket.destroy());
}
