import { expect, test } from 'vitest';
import type { KindTable } from '../client/index.ts';
import { nthAddress, reverseZonesOf } from './addresses.ts';
import { renderServices, renderTable } from './ruleset.ts';
import { resolveServicePorts } from './services.ts';
import { renderTableChange } from './table.ts';

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
  renderServices([
    {
      clusterIp: '10.96.3.4',
      protocol: 'tcp',
      port: 80,
      affinitySec: undefined,
      endpoints: endpoints.map((address) => ({ address, port: 8080 })),
    },
  ]);

test('the table as it is loaded', async () => {
  const options = {
    instance: 'skyarc',
    podCidr: '10.88.0.0/16',
    serviceCidr: '10.96.0.0/16',
    gateway: '10.88.0.1',
    openToPods: [{ address: '10.88.0.1', protocol: 'tcp' as const, port: 6443 }],
    nodePortAddresses: ['127.0.0.0/8'],
  };
  await expect(renderTable(options, load('10.88.0.2', '10.88.0.3'))).toMatchFileSnapshot(
    'fixtures/table.nft',
  );
});

const change = (before: string[], after: string[]) =>
  renderTableChange('skyarc', load(...before), load(...after));

test('a change is only what changes', () => {
  expect(change(['10.88.0.2'], ['10.88.0.2'])).toBe('');
  expect(change(['10.88.0.2'], ['10.88.0.2', '10.88.0.3'])).toBe(
    `flush chain ip skyarc svc_10_96_3_4_tcp_80
add rule ip skyarc svc_10_96_3_4_tcp_80 meta l4proto tcp dnat ip addr . port to numgen random mod 2 map { 0 : 10.88.0.2 . 8080, 1 : 10.88.0.3 . 8080 }
add element ip skyarc hairpins { 10.88.0.3 . 10.88.0.3 }
`,
  );
  expect(change(['10.88.0.2'], [])).toBe(
    `delete element ip skyarc services { 10.96.3.4 . tcp . 80 : goto svc_10_96_3_4_tcp_80 }
delete element ip skyarc hairpins { 10.88.0.2 . 10.88.0.2 }
flush chain ip skyarc svc_10_96_3_4_tcp_80
delete chain ip skyarc svc_10_96_3_4_tcp_80
`,
  );
});

test('a slice leads nowhere but to addresses of pods and machines', () => {
  const addresses = [
    '127.0.0.1',
    '169.254.169.254',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    'x; flush',
    '10.1.2.3',
  ];
  const odd = slice(
    'web',
    { name: 'http', port: 8080 },
    addresses.map((each) => ({ addresses: [each] })),
  );
  expect(resolveServicePorts(web, [odd])[0]?.endpoints).toEqual([{ address: '10.1.2.3', port: 8080 }]);
});

test('node ports, traffic that stays local, early addresses, affinity', () => {
  const node: KindTable['services'] = {
    metadata: web.metadata,
    spec: {
      ...web.spec,
      type: 'NodePort',
      internalTrafficPolicy: 'Local',
      sessionAffinity: 'ClientIP',
      ports: [{ name: 'http', port: 80, nodePort: 30_080 }],
    },
  };
  const [inside, outside] = resolveServicePorts(node, [webSlice]);
  expect(inside).toMatchObject({ clusterIp: '10.96.3.4', affinitySec: 10_800, endpoints: [] });
  expect(outside).toMatchObject({ port: 30_080, endpoints: [{}, {}] });
  const early = { ...web, spec: { ...web.spec, publishNotReadyAddresses: true } };
  expect(resolveServicePorts(early, [webSlice])[0]?.endpoints).toHaveLength(3);
});

test('addresses', () => {
  expect(nthAddress('10.96.0.0/16', 10)).toBe('10.96.0.10');
  expect(() => nthAddress('10.96.0.0/33', 1)).toThrow('not an IPv4 network');
  expect(reverseZonesOf('10.96.0.0/16')).toEqual(['96.10.in-addr.arpa']);
  expect(reverseZonesOf('10.96.2.0/23')).toEqual(['2.96.10.in-addr.arpa', '3.96.10.in-addr.arpa']);
  expect(reverseZonesOf('10.0.0.0/8')).toEqual(['10.in-addr.arpa']);
});
