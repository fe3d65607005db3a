import { renderTableChange, emptyTable, type TableModel } from '../table.ts';

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
export function renderPolicyTable(options: PolicyTableOptions, model: TableModel): string {
  const { podCidr, names } = options;
  const table = policyTableOf(options.instance);
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
    type ipv4_addr . ipv4_addr
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
${renderPolicyChange(options.instance, emptyTable, model)}`;
}

/** The commands that lead from one model to another, one transaction; empty when they are equal. */
export function renderPolicyChange(instance: string, before: TableModel, after: TableModel): string {
  return renderTableChange(policyTableOf(instance), before, after);
}
