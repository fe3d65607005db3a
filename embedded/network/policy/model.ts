/** What the kernel holds for all network policies; each part has a name, so that two models can be compared. */
export interface PolicyModel {
  /** Elements of each named set by their text. */
  readonly sets: ReadonlyMap<string, PolicySet>;
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Addresses of pods that a policy isolates, with the chain that decides. */
  readonly ingress: ReadonlyMap<string, string>;
  readonly egress: ReadonlyMap<string, string>;
}

export interface PolicySet {
  readonly type: string;
  readonly elements: ReadonlySet<string>;
}

export const addressType = 'ipv4_addr';
export const portType = 'ipv4_addr . inet_proto . inet_service';
/** Pairs of an isolated pod's address with itself: a pod cannot be kept from itself. */
export const ownSet = 'own';

export const emptyModel: PolicyModel = {
  sets: new Map([[ownSet, { type: 'ipv4_addr . ipv4_addr', elements: new Set() }]]),
  chains: new Map(),
  ingress: new Map(),
  egress: new Map(),
};
