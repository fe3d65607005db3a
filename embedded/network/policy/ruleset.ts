import { emptyModel, type PolicyModel, type PolicySet } from './model.ts';

export interface PolicyTableOptions {
  /** Of the network; the table is `<instance>-policy`. */
  readonly instance: string;
  readonly podCidr: string;
  /** Where names are served: the one thing on this host that counts as a pod. */
  readonly names: { readonly address: string; readonly port: number };
}

export function policyTableOf(instance: string): string {
  return `${instance}-policy`;
}

/**
 * The whole table, which replaces the old one in one transaction. Pods are routed, so that all that passes
 * between them goes through `forward`, after services have been translated: policies see true addresses. What
 * the host itself sends does not, as Kubernetes wants it for a pod's own node.
 */
export function renderPolicyTable(options: PolicyTableOptions, model: PolicyModel): string {
  const { podCidr, names } = options;
  const table = policyTableOf(options.instance);
  const own = emptyModel.sets.get('own') as PolicySet;
  return `table ip ${table}
delete table ip ${table}
table ip ${table} {
  map ingress {
    type ipv4_addr : verdict
  }
  map egress {
    type ipv4_addr : verdict
  }
  set own {
    type ${own.type}
  }
  chain true_address {
    type filter hook prerouting priority raw; policy accept;
    ip saddr ${podCidr} fib saddr . iif oif missing drop
  }
  chain from_pods {
    type filter hook forward priority filter - 5; policy accept;
    ct state established,related accept
    ip saddr . ip daddr @own accept
    ip saddr vmap @egress
  }
  chain to_names {
    type filter hook input priority filter - 5; policy accept;
    ct state established,related accept
    ip daddr ${names.address} meta l4proto { 6, 17 } th dport ${names.port} ip saddr vmap @egress
  }
  chain to_pods {
    type filter hook forward priority filter + 5; policy accept;
    ct state established,related accept
    ip saddr . ip daddr @own accept
    ip daddr vmap @ingress
  }
}
${renderPolicyChange(options.instance, emptyModel, model)}`;
}

/** The commands that lead from one model to another, one transaction; empty when they are equal. */
export function renderPolicyChange(instance: string, before: PolicyModel, after: PolicyModel): string {
  const table = `ip ${policyTableOf(instance)}`;
  const make: string[] = [];
  const remove: string[] = [];
  // What is referred to must be there first, and go last.
  for (const [name, { type, elements }] of after.sets) {
    const old = before.sets.get(name);
    if (!old) make.push(`add set ${table} ${name} { type ${type}; }`);
    const { added, removed } = compare(old?.elements ?? new Set(), elements);
    if (removed.length > 0) make.push(`delete element ${table} ${name} { ${removed.join(', ')} }`);
    if (added.length > 0) make.push(`add element ${table} ${name} { ${added.join(', ')} }`);
  }
  for (const name of after.chains.keys()) {
    if (!before.chains.has(name)) make.push(`add chain ${table} ${name}`);
  }
  for (const [name, rules] of after.chains) {
    const old = before.chains.get(name);
    if (old && old.join('\n') === rules.join('\n')) continue;
    if (old) make.push(`flush chain ${table} ${name}`);
    for (const rule of rules) make.push(`add rule ${table} ${name} ${rule}`);
  }
  for (const direction of ['ingress', 'egress'] as const) {
    const { added, removed } = compare(verdicts(before[direction]), verdicts(after[direction]));
    if (removed.length > 0) make.push(`delete element ${table} ${direction} { ${removed.join(', ')} }`);
    if (added.length > 0) make.push(`add element ${table} ${direction} { ${added.join(', ')} }`);
  }
  const goneChains = [...before.chains.keys()].filter((name) => !after.chains.has(name));
  for (const name of goneChains) remove.push(`flush chain ${table} ${name}`);
  for (const name of goneChains) remove.push(`delete chain ${table} ${name}`);
  for (const name of before.sets.keys()) {
    if (!after.sets.has(name)) remove.push(`delete set ${table} ${name}`);
  }
  const commands = [...make, ...remove];
  return commands.length === 0 ? '' : `${commands.join('\n')}\n`;
}

function verdicts(chains: ReadonlyMap<string, string>): Set<string> {
  return new Set([...chains].map(([address, chain]) => `${address} : goto ${chain}`));
}

function compare(before: ReadonlySet<string>, after: ReadonlySet<string>) {
  return {
    added: [...after].filter((each) => !before.has(each)),
    removed: [...before].filter((each) => !after.has(each)),
  };
}
