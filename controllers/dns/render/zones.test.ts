import { ZoneSet } from '@skyarc/lib/dns';
import type { KindTable } from '@skyarc/lib/kube';
import { expect, test } from 'vitest';
import { dnsConfigSchema, type DnsConfig } from '../config.ts';
import { RateLimit } from '../rate-limit.ts';
import { renderZones, type ClusterObjects } from './zones.ts';

const ingress = (
  hosts: readonly string[],
  addresses: readonly object[],
  spec: object = { ingressClassName: 'skyarc' },
): KindTable['ingresses'] => ({
  metadata: { name: hosts[0], namespace: 'skyarc-blue' },
  spec: { ...spec, rules: hosts.map((host) => ({ host })) },
  status: { loadBalancer: { ingress: addresses as { ip?: string }[] } },
});
const app = (labels: Record<string, string>, clusterIP: string): KindTable['services'] => ({
  metadata: { name: 'shop', namespace: 'skyarc-blue', labels },
  spec: { clusterIP, ports: [{ name: 'http', port: 80 }] },
});
const ownLabels = { 'app.kubernetes.io/managed-by': 'skyarc', 'skyarc.dev/team': 'blue' };

const objects: ClusterObjects = {
  ingresses: [
    ingress(
      ['80.shop.blue.apps.example.com', 'shop.example.org'],
      [{ ip: '192.0.2.1' }, { ip: '2001:db8::1' }],
    ),
    ingress(['shop.example.org', '*.wild.example.org', 'Bad Host'], [{ ip: '192.0.2.2' }]),
    ingress(['new.example.org'], []),
    ingress(['foreign.example.org'], [{ ip: '192.0.2.9' }], { ingressClassName: 'other' }),
    ingress(['unclassed.example.org'], [{ ip: '192.0.2.9' }], {}),
  ],
  ingressClasses: [],
  services: [
    app(ownLabels, '10.96.0.7'),
    app({ 'skyarc.dev/team': 'red' }, '10.96.0.8'),
    app(ownLabels, 'None'),
  ],
};
const config: DnsConfig = {
  zones: [
    { origin: 'apps.example.com', caa: [{ tag: 'issue', value: 'ca.example.net' }] },
    { origin: 'example.org', wildcard: false },
  ],
  publicAddresses: ['192.0.2.77'],
  internal: { origin: 'skyarc.internal' },
};

const byText = (left: unknown, right: unknown) => String(left).localeCompare(String(right));

function answersOf(input: DnsConfig, isAlive: (address: string) => boolean = () => true, from = objects) {
  const zones = new ZoneSet(renderZones(dnsConfigSchema.parse(input), { objects: from, isAlive, serial: 7 }));
  return (name: string, type = 'A') => {
    const found = zones.resolve({ name, type });
    if (!found) return 'FOREIGN';
    return found.code === 3 ? 'NXDOMAIN' : (found.answers ?? []).map(({ data }) => data).toSorted(byText);
  };
}

test('a wildcard zone leads every name to all gateways, another one its hosts to theirs', () => {
  const ask = answersOf(config);
  const all = ['192.0.2.1', '192.0.2.2'];
  expect(ask('80.shop.blue.apps.example.com')).toEqual(all);
  expect(ask('any.thing.apps.example.com')).toEqual(all);
  expect(ask('apps.example.com')).toEqual(all);
  expect(ask('any.apps.example.com', 'AAAA')).toEqual(['2001:db8::1']);
  expect(ask('any.apps.example.com', 'TXT')).toEqual([]);
  expect(ask('ns1.apps.example.com')).toEqual(all);
  expect(ask('shop.example.org')).toEqual(all);
  expect(ask('x.wild.example.org')).toEqual(['192.0.2.2']);
  expect(ask('new.example.org')).toEqual(['192.0.2.77']);
  for (const name of ['foreign', 'unclassed', 'absent']) expect(ask(`${name}.example.org`)).toBe('NXDOMAIN');
  expect(ask('example.org')).toEqual([]);
  expect(ask('apps.example.com', 'CAA')).toEqual([expect.objectContaining({ value: 'ca.example.net' })]);
  expect(ask('example.net')).toBe('FOREIGN');
});

test('gateways that do not answer are left out, unless none does', () => {
  expect(answersOf(config, (address) => address !== '192.0.2.1')('x.apps.example.com')).toEqual([
    '192.0.2.2',
  ]);
  expect(answersOf(config, () => false)('x.apps.example.com')).toEqual(['192.0.2.1', '192.0.2.2']);
});

test('apps by team in the internal zone; a gateway that has a name is an alias; servers of other zones', () => {
  const ask = answersOf(config);
  expect(ask('shop.blue.skyarc.internal')).toEqual(['10.96.0.7']);
  expect(ask('_http._tcp.shop.blue.skyarc.internal', 'SRV')).toHaveLength(1);
  expect(ask('shop.red.skyarc.internal')).toBe('NXDOMAIN');
  const named = answersOf(
    { ...config, publicAddresses: ['lb.example.net'], nameServers: [{ name: 'ns.example.net' }] },
    undefined,
    { ...objects, ingresses: [] },
  );
  expect(named('x.apps.example.com')).toEqual(['lb.example.net']);
  expect(named('apps.example.com')).toEqual([]);
  expect(named('apps.example.com', 'NS')).toEqual(['ns.example.net']);
});

test('answers to one network are bounded; who is real gets a truncated one', () => {
  let now = 0;
  const limit = new RateLimit({ samePerSec: 2, allPerSec: 10, slip: 2 }, () => now);
  const many = (count: number, client: string, name: string) =>
    Array.from({ length: count }, () => limit.take(client, name));
  expect(many(10, '192.0.2.1', 'a')).toEqual(Array(10).fill('send'));
  expect(many(4, '192.0.2.200', 'a')).toEqual(['drop', 'truncate', 'drop', 'truncate']);
  expect(many(1, '198.51.100.1', 'a')).toEqual(['send']);
  const names = Array.from({ length: 60 }, (_, i) => limit.take('192.0.2.1', `n${i}`));
  expect(names.filter((verdict) => verdict === 'send')).toHaveLength(40);
  now = 5_000;
  expect(many(1, '192.0.2.1', 'a')).toEqual(['send']);
  expect(limit.take('2001:db8:0:1::1', 'x')).toBe('send');
  for (let i = 0; i < 60_000; i += 1) limit.take(`10.${i >> 8}.${i & 255}.1`, 'x');
  expect(limit.size).toBeLessThanOrEqual(50_001);
});
