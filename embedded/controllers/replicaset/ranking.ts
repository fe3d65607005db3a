import { podCondition, isReady } from '../pods.ts';
import { msOf, type Pod } from '../kinds.ts';

const phaseRank: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 };

/**
 * Pods in the order in which a ReplicaSet gives them up, first to go first: unassigned, not running,
 * not ready, lower deletion cost, more siblings on the node, younger readiness, more restarts, younger
 * (Kubernetes' ActivePodsWithRanks). `siblings` are the pods of all ReplicaSets of the same Deployment.
 */
export function rankForDeletion(
  pods: readonly Pod[],
  siblings: readonly Pod[] = pods,
  now = Date.now(),
): Pod[] {
  const perNode = new Map<string, number>();
  for (const { spec } of siblings) {
    if (spec?.nodeName) perNode.set(spec.nodeName, (perNode.get(spec.nodeName) ?? 0) + 1);
  }
  const keys = new Map(pods.map((pod) => [pod, sortKeyOf(pod, perNode, now)]));
  return pods.toSorted((left, right) => compare(keys.get(left) ?? [], keys.get(right) ?? []));
}

function sortKeyOf(pod: Pod, perNode: ReadonlyMap<string, number>, now: number): (number | string)[] {
  const ready = isReady(pod);
  return [
    pod.spec?.nodeName ? 1 : 0,
    phaseRank[pod.status?.phase ?? 'Pending'] ?? 0,
    ready ? 1 : 0,
    Number(pod.metadata?.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? 0) || 0,
    -(perNode.get(pod.spec?.nodeName ?? '') ?? 0),
    ready ? logAge(podCondition(pod, 'Ready')?.lastTransitionTime, now) : 0,
    -restartsOf(pod),
    logAge(pod.metadata?.creationTimestamp, now),
    pod.metadata?.uid ?? '',
  ];
}

/** Ages are compared by order of magnitude, so that among pods of about the same age the choice is spread. */
function logAge(time: string | undefined, now: number): number {
  const seconds = (now - msOf(time)) / 1000;
  return seconds <= 0 ? 0 : Math.floor(Math.log2(seconds + 1));
}

function restartsOf(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map(({ restartCount }) => restartCount));
}

function compare(left: readonly (number | string)[], right: readonly (number | string)[]): number {
  for (const [index, mine] of left.entries()) {
    const other = right[index] ?? 0;
    if (mine !== other) return mine < other ? -1 : 1;
  }
  return 0;
}
