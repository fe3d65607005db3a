import { createHash } from 'node:crypto';
import { isIPv4 } from 'node:net';
import type { KindTable } from '../../client/index.ts';
import { matchesSelector } from '../../controllers/selectors.ts';
import type { TableModel, TableSet } from '../table.ts';
import { matchPorts, protocols, type NamedPort, type PolicyProtocol } from './ports.ts';

type Policy = KindTable['networkpolicies'];
type PolicySpec = NonNullable<Policy['spec']>;
type Peer = NonNullable<NonNullable<PolicySpec['ingress']>[number]['_from']>[number];
type Direction = 'ingress' | 'egress';
type Labels = Readonly<Record<string, string>>;

/** A pod as policies see it. */
export interface PolicyPod {
  readonly namespace: string;
  readonly address: string;
  readonly labels: Labels;
  readonly ports: readonly (NamedPort & { readonly port: number })[];
  /** False for what stands for a pod, as peer of others, and cannot be isolated itself. */
  readonly isIsolatable: boolean;
}

export interface PolicyObjects {
  readonly policies: readonly Policy[];
  readonly pods: readonly PolicyPod[];
  /** Labels of each namespace. */
  readonly namespaces: ReadonlyMap<string, Labels>;
}

/**
 * Network policies (networking.k8s.io/v1) as sets and chains. A pod that policies select for a direction gets
 * the chain of just that choice of policies, which lets pass what one of them allows and refuses the rest.
 */
export function renderPolicies(objects: PolicyObjects): TableModel {
  return new Rendering(objects).render();
}

const portType = 'type ipv4_addr . inet_proto . inet_service';

class Rendering {
  private readonly objects: PolicyObjects;
  private readonly podsOf: ReadonlyMap<string, readonly PolicyPod[]>;
  private readonly sets = new Map<string, TableSet>();
  private readonly chains = new Map<string, readonly string[]>();

  constructor(objects: PolicyObjects) {
    this.objects = objects;
    this.podsOf = Map.groupBy(objects.pods, ({ namespace }) => namespace);
  }

  render(): TableModel {
    const ingress = this.renderDirection('ingress');
    const egress = this.renderDirection('egress');
    const own = new Set([...ingress.keys(), ...egress.keys()].map((address) => `${address} . ${address}`));
    const elements = new Map([
      ['ingress', verdicts(ingress)],
      ['egress', verdicts(egress)],
      // A pod cannot be kept from itself.
      ['own', own],
    ]);
    return { sets: this.sets, chains: this.chains, elements };
  }

  private renderDirection(direction: Direction): Map<string, string> {
    const chainsOf = new Map<string, string[]>();
    for (const policy of this.objects.policies) {
      const { namespace = '' } = policy.metadata ?? {};
      if (!policy.spec || !typesOf(policy.spec).has(direction)) continue;
      const { podSelector = {} } = policy.spec;
      const selected = (this.podsOf.get(namespace) ?? []).filter(
        (pod) => pod.isIsolatable && matchesSelector(podSelector, pod.labels),
      );
      if (selected.length === 0) continue;
      const chain = this.renderPolicy(policy, policy.spec, direction);
      for (const { address } of selected) {
        const chains = chainsOf.get(address);
        if (chains) chains.push(chain);
        else chainsOf.set(address, [chain]);
      }
    }
    return new Map([...chainsOf].map(([address, chains]) => [address, this.renderChoice(direction, chains)]));
  }

  /** The chain of all pods that the same policies select. */
  private renderChoice(direction: Direction, policies: readonly string[]): string {
    const sorted = policies.toSorted();
    const name = `${direction}_${hashOf(sorted.join(' '))}`;
    if (!this.chains.has(name)) {
      const jumps = sorted.filter((chain) => this.chains.get(chain)?.length).map((chain) => `jump ${chain}`);
      this.chains.set(name, [...jumps, 'reject with icmp admin-prohibited']);
    }
    return name;
  }

  /** The chain of one policy's rules: accepts what one of them allows. */
  private renderPolicy(policy: Policy, spec: PolicySpec, direction: Direction): string {
    const { namespace = '', name = '' } = policy.metadata ?? {};
    const chain = nameOf(`${direction === 'ingress' ? 'in' : 'out'}_${namespace}/${name}`);
    const rules =
      direction === 'ingress'
        ? (spec.ingress ?? []).map((rule) => ({ peers: peersOf(rule), ports: rule.ports }))
        : (spec.egress ?? []).map((rule) => ({ peers: rule.to, ports: rule.ports }));
    const lines = rules.flatMap(({ peers, ports }) => {
      const who = peers?.length ? peers.flatMap((peer) => this.matchPeer(peer, namespace, direction)) : [''];
      const what = matchPorts(ports, (named) => this.portSet(named));
      return who.flatMap((one) => what.map((other) => [one, other, 'accept'].filter(Boolean).join(' ')));
    });
    this.chains.set(chain, [...new Set(lines)]);
    return chain;
  }

  /** Matches of a peer's addresses; none when it can match nothing. */
  private matchPeer(peer: Peer, namespace: string, direction: Direction): string[] {
    const field = direction === 'ingress' ? 'ip saddr' : 'ip daddr';
    const { ipBlock, namespaceSelector, podSelector } = peer;
    if (!ipBlock) return [`${field} @${this.podSet(namespace, namespaceSelector, podSelector)}`];
    if (!isNetwork(ipBlock.cidr)) return [];
    const but = (ipBlock.except ?? []).filter(isNetwork).map((network) => `${field} != ${network}`);
    return [[`${field} ${ipBlock.cidr}`, ...but].join(' ')];
  }

  /** The set of pods that selectors choose; the same selectors share one. */
  private podSet(
    namespace: string,
    namespaceSelector: Peer['namespaceSelector'],
    podSelector: Peer['podSelector'],
  ): string {
    const where = namespaceSelector ?? namespace;
    const name = `pods_${hashOf(JSON.stringify([where, podSelector ?? {}]))}`;
    if (!this.sets.has(name)) {
      const namespaces = namespaceSelector
        ? [...this.objects.namespaces].flatMap(([each, labels]) =>
            matchesSelector(namespaceSelector, labels) ? [each] : [],
          )
        : [namespace];
      const chosen = namespaces
        .flatMap((each) => this.podsOf.get(each) ?? [])
        .filter(({ labels }) => matchesSelector(podSelector ?? {}, labels));
      this.sets.set(name, {
        declaration: 'type ipv4_addr',
        elements: new Set(chosen.map(({ address }) => address)),
      });
    }
    return name;
  }

  /** Every pod's own number of a named port. */
  private portSet({ name, protocol }: NamedPort): string {
    const set = `port_${protocol.toLowerCase()}_${/^[a-z0-9-]{1,15}$/.test(name) ? name : hashOf(name)}`;
    if (!this.sets.has(set)) {
      const elements = this.objects.pods.flatMap(({ address, ports }) =>
        ports
          .filter((port) => port.name === name && port.protocol === protocol)
          .map(({ port }) => `${address} . ${protocols[protocol]} . ${port}`),
      );
      this.sets.set(set, { declaration: portType, elements: new Set(elements) });
    }
    return set;
  }
}

function verdicts(chains: ReadonlyMap<string, string>): Set<string> {
  return new Set([...chains].map(([address, chain]) => `${address} : goto ${chain}`));
}

/** What a policy is about; without `policyTypes`, ingress always and egress when it has rules for it. */
function typesOf({ policyTypes, egress }: PolicySpec): Set<Direction> {
  if (policyTypes?.length)
    return new Set(policyTypes.map((type) => (type === 'Egress' ? 'egress' : 'ingress')));
  return new Set(egress?.length ? ['ingress', 'egress'] : ['ingress']);
}

/** The client's types say `_from` for what is `from` on the wire. */
function peersOf(rule: object): readonly Peer[] | undefined {
  return (rule as { from?: Peer[] }).from;
}

function isNetwork(text: string): boolean {
  const [address = '', prefix = ''] = text.split('/');
  return isIPv4(address) && /^\d{1,2}$/.test(prefix) && Number(prefix) <= 32;
}

/** A name that nft takes: the text itself unless it is too long. */
function nameOf(text: string): string {
  return text.length <= 120 ? text : `${text.slice(0, 100)}.${hashOf(text)}`;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/** A pod as policies see it; undefined for one without an address of its own, or that has ended. */
export function policyPodOf(
  pod: KindTable['pods'],
  address = pod.status?.podIP ?? '',
): PolicyPod | undefined {
  const { metadata = {}, spec, status } = pod;
  const hasEnded = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  if (!isIPv4(address) || spec?.hostNetwork || hasEnded) return undefined;
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const ports = [...(spec?.containers ?? []), ...sidecars].flatMap((container) =>
    (container.ports ?? []).flatMap(({ name, protocol = 'TCP', containerPort }) =>
      name ? [{ name, protocol: protocol as PolicyProtocol, port: containerPort }] : [],
    ),
  );
  const { namespace = '', labels = {} } = metadata;
  return { namespace, address, labels, ports, isIsolatable: true };
}
