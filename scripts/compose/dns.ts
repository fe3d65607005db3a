import type { DnsConfig } from '@skyarc/controllers/dns';
import type { Topology } from './topology.ts';

/** Names of apps for other networks; undefined where none was asked for. */
export function dnsConfigOf({
  dns,
  ownPorts,
  kubeconfig,
  domain,
  publicAddresses,
}: Topology): DnsConfig | undefined {
  if (!dns.listen) return undefined;
  return {
    kubeconfig,
    ...dns.listen,
    statusPort: ownPorts.dnsStatus,
    zones: [{ origin: domain }, ...dns.zones.map((origin) => ({ origin, wildcard: false }))],
    publicAddresses: [...publicAddresses],
    ...(dns.probePort > 0 ? { probe: { port: dns.probePort } } : {}),
    internal: { origin: dns.internalZone },
  };
}
