import type { ServicePort } from './services.ts';

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
}

/** What is loaded for one service port: its chain's name and rule. */
export interface LoadedService {
  readonly chain: string;
  readonly element: string;
  readonly rule: string;
  /** Addresses that must be masqueraded when they reach themselves. */
  readonly hairpins: readonly string[];
}

/**
 * The whole table (nft(8)). Loading it replaces the old one in one transaction; connections that are
 * open live on in conntrack. It only ever adds: no chain of anybody else is touched.
 */
export function renderTable(options: RulesetOptions, services: ReadonlyMap<string, LoadedService>): string {
  const { instance, podCidr, serviceCidr, gateway } = options;
  const loaded = [...services.values()];
  const hairpins = [...new Set(loaded.flatMap((service) => service.hairpins))].sort();
  const open = options.openToPods.map(({ address, protocol, port }) => `${address} . ${protocol} . ${port}`);
  return `table ip ${instance}
delete table ip ${instance}
table ip ${instance} {
  map services {
    type ipv4_addr . inet_proto . inet_service : verdict
${elements(loaded.map(({ element, chain }) => `${element} : goto ${chain}`))}  }
  set hairpins {
    type ipv4_addr . ipv4_addr
${elements(hairpins.map((address) => `${address} . ${address}`))}  }
  set open_to_pods {
    type ipv4_addr . inet_proto . inet_service
${elements([`${gateway} . tcp . 53`, `${gateway} . udp . 53`, ...open])}  }
${loaded.map(({ chain, rule }) => `  chain ${chain} {\n    ${rule}\n  }\n`).join('')}  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ip daddr . meta l4proto . th dport vmap @services
  }
  chain output {
    type nat hook output priority -100; policy accept;
    ip daddr . meta l4proto . th dport vmap @services
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr . ip daddr @hairpins masquerade
    ip saddr ${podCidr} ip daddr != ${podCidr} masquerade
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
`;
}

/** The commands that lead from one set of services to another, one transaction; empty when they are equal. */
export function renderChange(
  instance: string,
  before: ReadonlyMap<string, LoadedService>,
  after: ReadonlyMap<string, LoadedService>,
): string {
  const table = `ip ${instance}`;
  const commands: string[] = [];
  for (const [key, { chain, element, rule }] of after) {
    const old = before.get(key);
    if (old?.rule === rule) continue;
    commands.push(old ? `flush chain ${table} ${chain}` : `add chain ${table} ${chain}`);
    commands.push(`add rule ${table} ${chain} ${rule}`);
    if (!old) commands.push(`add element ${table} services { ${element} : goto ${chain} }`);
  }
  for (const [key, { chain, element }] of before) {
    if (after.has(key)) continue;
    commands.push(`delete element ${table} services { ${element} : goto ${chain} }`);
    commands.push(`flush chain ${table} ${chain}`, `delete chain ${table} ${chain}`);
  }
  const [old, wanted] = [hairpinsOf(before), hairpinsOf(after)];
  const added = [...wanted].filter((address) => !old.has(address));
  const removed = [...old].filter((address) => !wanted.has(address));
  if (added.length > 0) commands.push(`add element ${table} hairpins { ${pairs(added)} }`);
  if (removed.length > 0) commands.push(`delete element ${table} hairpins { ${pairs(removed)} }`);
  return commands.length === 0 ? '' : `${commands.join('\n')}\n`;
}

/** What to load for a service port; a port without endpoints is not loaded, its packets are refused. */
export function renderService(service: ServicePort): [key: string, loaded: LoadedService] | undefined {
  const { clusterIp, protocol, port, endpoints, hasAffinity } = service;
  if (endpoints.length === 0) return undefined;
  const picker = hasAffinity ? 'jhash ip saddr' : 'numgen random';
  const targets = endpoints.map(({ address, port: target }, index) => `${index} : ${address} . ${target}`);
  const [only] = endpoints;
  const rule =
    endpoints.length === 1 && only
      ? `meta l4proto ${protocol} dnat to ${only.address}:${only.port}`
      : `meta l4proto ${protocol} dnat ip addr . port to ${picker} mod ${endpoints.length} map { ${targets.join(', ')} }`;
  const key = `${clusterIp}/${protocol}/${port}`;
  return [
    key,
    {
      chain: `svc_${clusterIp.replaceAll('.', '_')}_${protocol}_${port}`,
      element: `${clusterIp} . ${protocol} . ${port}`,
      rule,
      hairpins: [...new Set(endpoints.map(({ address }) => address))],
    },
  ];
}

function hairpinsOf(services: ReadonlyMap<string, LoadedService>): Set<string> {
  return new Set([...services.values()].flatMap(({ hairpins }) => hairpins));
}

function pairs(addresses: readonly string[]): string {
  return addresses.map((address) => `${address} . ${address}`).join(', ');
}

function elements(items: readonly string[]): string {
  return items.length === 0 ? '' : `    elements = { ${items.join(',\n      ')} }\n`;
}
