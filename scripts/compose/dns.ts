import { start, type DnsConfig } from '@skyarc/controllers/dns';
import { AppError } from '@skyarc/lib/errors';
import type { StartedProcess } from './processes.ts';
import type { Topology } from './topology.ts';

/** Names of apps for other networks; undefined where none was asked for. With SKYARC_DNS_INDEX another one beside it. */
export function dnsConfigOf({
  dns,
  ports,
  kubeconfig,
  domain,
  publicAddresses,
}: Topology): DnsConfig | undefined {
  if (!dns.listen) return undefined;
  return {
    kubeconfig,
    ...dns.listen,
    statusPort: ports.dnsStatus + dns.index,
    zones: [{ origin: domain }, ...dns.zones.map((origin) => ({ origin, wildcard: false }))],
    publicAddresses: [...publicAddresses],
    ...(dns.probePort > 0 ? { probe: { port: dns.probePort } } : {}),
    internal: { origin: dns.internalZone },
  };
}

/** The dns in a process of its own. */
export async function startDns(topology: Topology): Promise<StartedProcess> {
  const config = dnsConfigOf(topology);
  if (!config) {
    throw new AppError('INVALID', 'Cannot start dns: set SKYARC_DNS_LISTEN to the address to answer on');
  }
  const running = await start(config);
  return { stop: () => running.stop(), facts: { about: `names at ${running.url}` } };
}
