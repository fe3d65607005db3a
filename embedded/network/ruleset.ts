import type { ServicePort } from './services.ts';
import { emptyTable, renderTableChange, type TableModel, type TableSet } from './table.ts';

export interface RulesetOptions {
  /** Names the table. */
  readonly instance: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
  readonly gateway: string;
  /** Ports of this host that pods may reach, as `address`, `protocol`, `port`. */
  readonly openToPods: readonly {
    readonly address: string;
    readonly protocol: 'tcp' | 'udp';
    readonly port: number;
  }[];
  /** Networks of this host's addresses on which node ports are open. */
  readonly nodePortAddresses: readonly string[];
}

/** Begins the names of sets that remember which client is with which endpoint. */
export const affinityPrefix = 'client_';
const maxClients = 65_536;

/**
 * The whole table (nft(8)). Loading it replaces the old one in one transaction; connections that are
 * open live on in conntrack. It only ever adds: no chain of anybody else is touched.
 */
export function renderTable(options: RulesetOptions, model: TableModel): string {
  const { instance, podCidr, serviceCidr, gateway } = options;
  const open = options.openToPods.map(({ address, protocol, port }) => `${address} . ${protocol} . ${port}`);
  const translate = [
    'ip daddr . meta l4proto . th dport vmap @services',
    ...options.nodePortAddresses.map(
      (network) => `ip daddr ${network} fib daddr type local meta l4proto . th dport vmap @node_ports`,
    ),
  ].join('\n    ');
  return `table ip ${instance}
delete table ip ${instance}
table ip ${instance} {
  map services {
    type ipv4_addr . inet_proto . inet_service : verdict
  }
  map node_ports {
    type inet_proto . inet_service : verdict
  }
  set hairpins {
    type ipv4_addr . ipv4_addr
  }
  set loopback_links {
    type ifname
  }
  set open_to_pods {
    type ipv4_addr . inet_proto . inet_service
${elements([`${gateway} . tcp . 53`, `${gateway} . udp . 53`, ...open])}  }
  chain loopback {
    type filter hook prerouting priority raw; policy accept;
    iifname @loopback_links ip daddr 127.0.0.0/8 drop
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ${translate}
  }
  chain output {
    type nat hook output priority -100; policy accept;
    ${translate}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr . ip daddr @hairpins masquerade
    ip saddr ${podCidr} ip daddr != ${podCidr} masquerade
    ip saddr 127.0.0.0/8 ip daddr ${podCidr} masquerade
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state established,related accept
    ip daddr ${serviceCidr} reject with icmp port-unreachable
  }
  chain local {
    type filter hook output priority filter; policy accept;
    ip daddr ${serviceCidr} reject with icmp port-unreachable
  }
  chain input {
    type filter hook input priority filter; policy accept;
    iifname "lo" accept
    ip saddr != ${podCidr} accept
    ct state established,related accept
    ip daddr . meta l4proto . th dport @open_to_pods accept
    ip daddr ${gateway} icmp type echo-request accept
    reject with icmp admin-prohibited
  }
}
${renderTableChange(instance, emptyTable, model)}`;
}

/** What to load for services; a port without endpoints is not loaded, its packets are refused. */
export function renderServices(services: readonly ServicePort[]): TableModel {
  const sets = new Map<string, TableSet>();
  const chains = new Map<string, readonly string[]>();
  const [clusterIps, nodePorts, hairpins] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (const service of services) {
    const { clusterIp, protocol, port, endpoints } = service;
    if (endpoints.length === 0) continue;
    const chain = `${clusterIp ? `svc_${clusterIp.replaceAll('.', '_')}` : 'node'}_${protocol}_${port}`;
    if (clusterIp) clusterIps.add(`${clusterIp} . ${protocol} . ${port} : goto ${chain}`);
    else nodePorts.add(`${protocol} . ${port} : goto ${chain}`);
    for (const { address } of endpoints) hairpins.add(`${address} . ${address}`);
    if (service.affinitySec === undefined) chains.set(chain, [pickAny(service)]);
    else renderAffinity(chain, service, { sets, chains });
  }
  const filled = new Map([
    ['services', clusterIps],
    ['node_ports', nodePorts],
    ['hairpins', hairpins],
  ]);
  return { sets, chains, elements: filled };
}

function pickAny({ protocol, endpoints }: ServicePort): string {
  const targets = endpoints.map(({ address, port: target }, index) => `${index} : ${address} . ${target}`);
  const [only] = endpoints;
  return endpoints.length === 1 && only
    ? `meta l4proto ${protocol} dnat to ${only.address}:${only.port}`
    : `meta l4proto ${protocol} dnat ip addr . port to numgen random mod ${endpoints.length} map { ${targets.join(', ')} }`;
}

/** Each endpoint remembers its clients; who is remembered goes there again, and is remembered anew. */
function renderAffinity(
  chain: string,
  { protocol, endpoints, affinitySec }: ServicePort,
  into: { sets: Map<string, TableSet>; chains: Map<string, readonly string[]> },
): void {
  const members = endpoints.map(({ address, port }) => {
    const member = `${chain}_${address.replaceAll('.', '_')}_${port}`;
    // Another time is another set: one cannot be changed.
    const set = `${affinityPrefix}${affinitySec}_${member}`;
    const declaration = `type ipv4_addr; flags dynamic,timeout; timeout ${affinitySec}s; size ${maxClients}`;
    into.sets.set(set, { declaration, elements: new Set() });
    into.chains.set(member, [
      `update @${set} { ip saddr }`,
      `meta l4proto ${protocol} dnat to ${address}:${port}`,
    ]);
    return { member, set };
  });
  const picks = members.map(({ member }, index) => `${index} : goto ${member}`);
  into.chains.set(chain, [
    ...members.map(({ member, set }) => `ip saddr @${set} goto ${member}`),
    `numgen random mod ${members.length} vmap { ${picks.join(', ')} }`,
  ]);
}

function elements(items: readonly string[]): string {
  return `    elements = { ${items.join(',\n      ')} }\n`;
}
