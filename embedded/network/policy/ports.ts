import type { KindTable } from '../../client/index.ts';

type PolicyPort = NonNullable<
  NonNullable<NonNullable<KindTable['networkpolicies']['spec']>['ingress']>[number]['ports']
>[number];

/** Protocol numbers (IANA), so that nothing depends on /etc/protocols. */
export const protocols = { TCP: 6, UDP: 17, SCTP: 132 } as const;
export type PolicyProtocol = keyof typeof protocols;

export function isProtocol(text: string): text is PolicyProtocol {
  return text in protocols;
}

/** A port by its name, which each pod resolves for itself. */
export interface NamedPort {
  readonly name: string;
  readonly protocol: PolicyProtocol;
}

type Range = readonly [first: number, last: number];

/**
 * Matches (nft(8)) of a rule's ports, any of which lets pass; `['']` when the rule names none. What cannot be
 * understood matches nothing.
 */
export function matchPorts(
  ports: readonly PolicyPort[] | undefined,
  setOf: (named: NamedPort) => string,
): readonly string[] {
  if (!ports || ports.length === 0) return [''];
  const ranges = new Map<PolicyProtocol, Range[]>();
  const matches = new Set<string>();
  for (const { protocol = 'TCP', port, endPort } of ports) {
    if (!isProtocol(protocol)) continue;
    // IntOrString: the client's types know it as an object.
    const value: number | string | undefined = port;
    if (value === undefined) matches.add(`meta l4proto ${protocols[protocol]}`);
    else if (typeof value === 'string') {
      matches.add(`ip daddr . meta l4proto . th dport @${setOf({ name: value, protocol })}`);
    } else if (isPort(value) && isPort(endPort ?? value) && (endPort ?? value) >= value) {
      ranges.set(protocol, [...(ranges.get(protocol) ?? []), [value, endPort ?? value]]);
    }
  }
  for (const [protocol, some] of ranges) {
    const texts = merge(some).map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
    matches.add(`${protocol.toLowerCase()} dport { ${texts.join(', ')} }`);
  }
  return [...matches];
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 65_535;
}

/** The same ports without overlap, which nft refuses. */
function merge(ranges: readonly Range[]): Range[] {
  const merged: [number, number][] = [];
  for (const [first, last] of ranges.toSorted((left, right) => left[0] - right[0])) {
    const before = merged.at(-1);
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else merged.push([first, last]);
  }
  return merged;
}
