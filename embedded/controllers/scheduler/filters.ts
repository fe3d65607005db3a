import type { Node, Pod } from '../kinds.ts';
import { matchesLabels, matchesRequirement, matchesSelector } from '../selectors.ts';
import { allocatableOf, requestsOf, type Amounts } from '../../client/pod-resources.ts';

/** A node with what runs on it, as the scheduler sees it. */
export interface NodeState {
  readonly node: Node;
  readonly pods: readonly Pod[];
  readonly requested: Amounts;
}

type Affinity = NonNullable<NonNullable<Pod['spec']>['affinity']>;
export type PodTerm = NonNullable<
  NonNullable<Affinity['podAffinity']>['requiredDuringSchedulingIgnoredDuringExecution']
>[number];
type NodeTerm = NonNullable<
  NonNullable<Affinity['nodeAffinity']>['requiredDuringSchedulingIgnoredDuringExecution']
>['nodeSelectorTerms'][number];
type Taint = NonNullable<NonNullable<Node['spec']>['taints']>[number];
type Toleration = NonNullable<NonNullable<Pod['spec']>['tolerations']>[number];

/** Why a pod cannot run on a node, in the words of kube-scheduler; empty when it can. */
export type Filter = (pod: Pod, state: NodeState, all: readonly NodeState[]) => string[];

/** In the order in which kube-scheduler runs them; the first that refuses names the reason. */
export const filters: readonly Filter[] = [
  unschedulable,
  nodeName,
  taints,
  nodeAffinity,
  ports,
  resources,
  podAffinity,
];

export function refusalOf(pod: Pod, state: NodeState, all: readonly NodeState[]): string[] {
  for (const filter of filters) {
    const reasons = filter(pod, state, all);
    if (reasons.length > 0) return reasons;
  }
  return [];
}

function unschedulable({ spec }: Pod, { node }: NodeState): string[] {
  if (!node.spec?.unschedulable) return [];
  const taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
  return tolerates(spec?.tolerations, taint) ? [] : ['node(s) were unschedulable'];
}

export function nodeName({ spec }: Pod, { node }: NodeState): string[] {
  const isFree = !spec?.nodeName || spec.nodeName === node.metadata?.name;
  return isFree ? [] : ["node(s) didn't match the requested node name"];
}

function taints({ spec }: Pod, { node }: NodeState): string[] {
  const refused = taintsOf(node).find(
    (taint) => taint.effect !== 'PreferNoSchedule' && !tolerates(spec?.tolerations, taint),
  );
  return refused ? [`node(s) had untolerated taint {${refused.key}: ${refused.value ?? ''}}`] : [];
}

/** A node that is not ready counts as tainted, also before anybody has written the taint. */
export function taintsOf({ spec, status }: Node): Taint[] {
  const taints = spec?.taints ?? [];
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status === 'True') return taints;
  const key = ready?.status === 'Unknown' ? 'node.kubernetes.io/unreachable' : 'node.kubernetes.io/not-ready';
  return taints.some((taint) => taint.key === key) ? taints : [...taints, { key, effect: 'NoSchedule' }];
}

export function tolerates(tolerations: readonly Toleration[] | undefined, taint: Taint): boolean {
  return (tolerations ?? []).some(
    ({ key, operator = 'Equal', value, effect }) =>
      (!effect || effect === taint.effect) &&
      (!key ? operator === 'Exists' : key === taint.key) &&
      (operator === 'Exists' || (value ?? '') === (taint.value ?? '')),
  );
}

export function nodeAffinity({ spec }: Pod, { node }: NodeState): string[] {
  const terms =
    spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const isMatch =
    matchesLabels(spec?.nodeSelector, node.metadata?.labels) &&
    (terms === undefined || terms.some((term) => matchesNodeTerm(term, node)));
  return isMatch ? [] : ["node(s) didn't match Pod's node affinity/selector"];
}

/** An empty term matches no node. */
export function matchesNodeTerm(
  { matchExpressions = [], matchFields = [] }: NodeTerm,
  { metadata }: Node,
): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  const fields = { 'metadata.name': metadata?.name ?? '' };
  return (
    matchExpressions.every((requirement) => matchesRequirement(requirement, metadata?.labels)) &&
    matchFields.every((requirement) => matchesRequirement(requirement, fields))
  );
}

function ports(pod: Pod, { pods }: NodeState): string[] {
  const wanted = hostPortsOf(pod);
  const taken = new Set(pods.flatMap(hostPortsOf));
  return wanted.some((port) => taken.has(port))
    ? ["node(s) didn't have free ports for the requested pod ports"]
    : [];
}

function hostPortsOf({ spec }: Pod): string[] {
  return (spec?.containers ?? [])
    .flatMap((container) => container.ports ?? [])
    .flatMap(({ hostPort, protocol = 'TCP' }) => (hostPort ? [`${protocol}/${hostPort}`] : []));
}

function resources(pod: Pod, { node, pods, requested }: NodeState): string[] {
  const allocatable = allocatableOf(node);
  const reasons = Object.entries(requestsOf(pod))
    .filter(([name, amount]) => amount > 0 && amount + (requested[name] ?? 0) > (allocatable[name] ?? 0))
    .map(([name]) => `Insufficient ${name}`);
  const maxPods = allocatable['pods'] ?? 110;
  return pods.length + 1 > maxPods ? ['Too many pods', ...reasons] : reasons;
}

function podAffinity(pod: Pod, state: NodeState, all: readonly NodeState[]): string[] {
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  const near = podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  const away = podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  if (!near.every((term) => hasCompany(term, pod, { state, all })))
    return ["node(s) didn't match pod affinity rules"];
  if (away.some((term) => matching(term, pod, neighbours(term, state, all)).length > 0)) {
    return ["node(s) didn't match pod anti-affinity rules"];
  }
  const isUnwelcome = all.some(({ node, pods }) =>
    pods.some((other) =>
      (other.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).some(
        (term) => sameTopology(term, node, state.node) && matching(term, other, [pod]).length > 0,
      ),
    ),
  );
  return isUnwelcome ? ["node(s) didn't satisfy existing pods anti-affinity rules"] : [];
}

/** The first pod of a group that wants to be near itself has nobody to be near to, and may go anywhere. */
function hasCompany(
  term: PodTerm,
  pod: Pod,
  where: { state: NodeState; all: readonly NodeState[] },
): boolean {
  if (matching(term, pod, neighbours(term, where.state, where.all)).length > 0) return true;
  const anywhere = where.all.flatMap(({ pods }) => pods);
  return matching(term, pod, anywhere).length === 0 && matching(term, pod, [pod]).length > 0;
}

function neighbours(term: PodTerm, state: NodeState, all: readonly NodeState[]): Pod[] {
  return all.filter(({ node }) => sameTopology(term, node, state.node)).flatMap(({ pods }) => pods);
}

/** Whether two nodes are in the same place, as the term counts places. */
export function sameTopology({ topologyKey }: PodTerm, left: Node, right: Node): boolean {
  const value = left.metadata?.labels?.[topologyKey];
  return value !== undefined && value === right.metadata?.labels?.[topologyKey];
}

/** Pods that an affinity term of `owner` means; without namespaces it means the owner's own. */
export function matching(
  { labelSelector, namespaces, namespaceSelector }: PodTerm,
  owner: Pod,
  pods: readonly Pod[],
): Pod[] {
  const isEverywhere = namespaceSelector !== undefined && Object.keys(namespaceSelector).length === 0;
  const home = namespaces?.length ? namespaces : [owner.metadata?.namespace ?? ''];
  return pods.filter(
    ({ metadata }) =>
      (isEverywhere || home.includes(metadata?.namespace ?? '')) &&
      matchesSelector(labelSelector, metadata?.labels),
  );
}
