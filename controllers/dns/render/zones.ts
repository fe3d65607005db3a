import { isIP, isIPv4 } from 'node:net';
import { labels, managedByValue } from '@skyarc/lib/contracts';
import type { ZoneData, ZoneRecord } from '@skyarc/lib/dns';
import type { KindTable } from '@skyarc/lib/kube';
import type { DnsSettings } from '../config.ts';
import { gatewaysOf, hostsOf } from './ingresses.ts';

export interface ClusterObjects {
  readonly ingresses: readonly KindTable['ingresses'][];
  readonly ingressClasses: readonly KindTable['ingressclasses'][];
  readonly services: readonly KindTable['services'][];
}

export interface ZoneInput {
  readonly objects: ClusterObjects;
  /** False for a gateway that does not answer. */
  readonly isAlive: (address: string) => boolean;
  /** Of the zones' SOA: greater at each change. */
  readonly serial: number;
}

/** The zones as they are answered: hosts lead to living gateways, internal names to the apps' Services. */
export function renderZones(settings: DnsSettings, input: ZoneInput): ZoneData[] {
  const { zones, internal } = settings;
  const gateways = living(gatewaysOf(settings, input.objects), input.isAlive);
  const hosts = hostsOf(settings, input.objects);
  const longestZoneOf = (host: string) =>
    zones
      .filter(({ origin }) => host === origin || host.endsWith(`.${origin}`))
      .toSorted((left, right) => right.origin.length - left.origin.length)[0];
  const found = zones.map((zone) => {
    const { origin, wildcard, caa } = zone;
    const own = hosts.filter(({ host }) => longestZoneOf(host) === zone);
    const records: ZoneRecord[] = [
      ...caa.map((one): ZoneRecord => [origin, 'CAA', { ...one, issuerCritical: one.flags >= 128 }]),
      // A name below the wildcard would take its neighbours out of it (RFC 4592, 2.2.1), and leads nowhere else.
      ...(wildcard
        ? [...pointTo(origin, origin, gateways), ...pointTo(`*.${origin}`, origin, gateways)]
        : own.flatMap(({ host, addresses }) => pointTo(host, origin, living(addresses, input.isAlive)))),
    ];
    return renderZone(settings, { origin, gateways, records, serial: input.serial });
  });
  if (!internal) return found;
  const records = input.objects.services.flatMap((service) => renderApp(service, internal.origin));
  return [
    ...found,
    renderZone(settings, { origin: internal.origin, gateways, records, serial: input.serial }),
  ];
}

function renderZone(
  { nameServers, hostmaster, ttlSec }: DnsSettings,
  zone: { origin: string; gateways: readonly string[]; records: readonly ZoneRecord[]; serial: number },
): ZoneData {
  const { origin, gateways, records, serial } = zone;
  const servers =
    nameServers.length > 0
      ? nameServers
      : [{ name: `ns1.${origin}`, addresses: gateways.filter((address) => isIP(address)) }];
  const glue = servers
    .filter(({ name }) => name === origin || name.endsWith(`.${origin}`))
    .flatMap(({ name, addresses }) => addresses.map((each): ZoneRecord => [name, typeOf(each), each]));
  return {
    origin,
    ttl: ttlSec,
    negativeTtl: ttlSec,
    serial,
    nameServers: servers.map(({ name }) => name),
    hostmaster: hostmaster ?? `hostmaster.${origin}`,
    records: unique([...records, ...glue]),
  };
}

/** Addresses as they are; a name as an alias, where the zone's own name, which has other records, cannot be one. */
function pointTo(name: string, origin: string, targets: readonly string[]): ZoneRecord[] {
  const addresses = targets.filter((target) => isIP(target));
  if (addresses.length > 0) return addresses.map((each): ZoneRecord => [name, typeOf(each), each]);
  const [alias] = targets;
  return alias && name !== origin && alias !== name ? [[name, 'CNAME', alias]] : [];
}

/** `<app>.<team>.<origin>` for the Service of an app, with its ports by name. */
function renderApp({ metadata = {}, spec = {} }: KindTable['services'], origin: string): ZoneRecord[] {
  const team = metadata.labels?.[labels.team];
  if (!team || metadata.labels?.[labels.managedBy] !== managedByValue || metadata.deletionTimestamp)
    return [];
  const addresses = (spec.clusterIPs ?? [spec.clusterIP ?? '']).filter((address) => isIP(address));
  if (addresses.length === 0) return [];
  const owner = `${metadata.name ?? ''}.${team}.${origin}`;
  return [
    ...addresses.map((each): ZoneRecord => [owner, typeOf(each), each]),
    ...(spec.ports ?? []).flatMap(({ name, protocol = 'TCP', port }): ZoneRecord[] =>
      name
        ? [
            [
              `_${name}._${protocol.toLowerCase()}.${owner}`,
              'SRV',
              { priority: 0, weight: 100, port, target: owner },
            ],
          ]
        : [],
    ),
  ];
}

/** Those that answer; all of them when none does, as then it may be us who are cut off. */
function living(addresses: readonly string[], isAlive: ZoneInput['isAlive']): readonly string[] {
  const alive = addresses.filter(isAlive);
  return alive.length > 0 ? alive : addresses;
}

function typeOf(address: string): 'A' | 'AAAA' {
  return isIPv4(address) ? 'A' : 'AAAA';
}

function unique(records: readonly ZoneRecord[]): ZoneRecord[] {
  return [...new Map(records.map((record) => [JSON.stringify(record), record])).values()];
}
