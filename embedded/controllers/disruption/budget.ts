import { scaledValue } from '../deployment/rolling.ts';
import { msOf, timestamp, type DisruptionBudget, type Pod } from '../kinds.ts';
import { isFinished, isReady } from '../pods.ts';

type BudgetStatus = NonNullable<DisruptionBudget['status']>;

/** How long an eviction that the API allowed may take to show up as a deletion. */
const disruptionTimeoutMs = 2 * 60_000;

export interface BudgetSnapshot {
  readonly budget: DisruptionBudget;
  /** Pods that the budget's selector matches. */
  readonly pods: readonly Pod[];
  /** How many pods their controllers want in all. */
  readonly wanted: number;
  readonly now: number;
}

/** How many of the pods may go by eviction now (policy/v1 PodDisruptionBudget). */
export function budgetStatus(snapshot: BudgetSnapshot): BudgetStatus {
  const { budget, pods, now } = snapshot;
  const disruptedPods = stillComing(snapshot);
  const healthy = pods.filter(
    (pod) =>
      !pod.metadata?.deletionTimestamp &&
      !isFinished(pod) &&
      isReady(pod) &&
      !(pod.metadata?.name && pod.metadata.name in disruptedPods),
  ).length;
  const { expected, desired } = bounds(snapshot);
  const disruptionsAllowed = expected > 0 ? Math.max(0, healthy - desired) : 0;
  return {
    ...budget.status,
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: expected,
    disruptionsAllowed,
    disruptedPods: Object.keys(disruptedPods).length > 0 ? disruptedPods : undefined,
    observedGeneration: budget.metadata?.generation,
    conditions: conditionsOf(budget, disruptionsAllowed, now),
  };
}

function bounds({ budget, pods, wanted }: BudgetSnapshot): { expected: number; desired: number } {
  const { minAvailable, maxUnavailable } = budget.spec ?? {};
  if (maxUnavailable !== undefined) {
    return { expected: wanted, desired: Math.max(0, wanted - scaledValue(maxUnavailable, wanted, 'up')) };
  }
  if (typeof minAvailable === 'string') {
    return { expected: wanted, desired: scaledValue(minAvailable, wanted, 'up') };
  }
  return { expected: pods.length, desired: minAvailable ?? 0 };
}

/** Allowed evictions whose deletion is not seen yet; forgotten when it never comes. */
function stillComing({ budget, pods, now }: BudgetSnapshot): Record<string, string> {
  const alive = new Set(
    pods.filter(({ metadata }) => !metadata?.deletionTimestamp).map(({ metadata }) => metadata?.name),
  );
  return Object.fromEntries(
    Object.entries(budget.status?.disruptedPods ?? {}).filter(
      ([name, time]) => alive.has(name) && msOf(time) + disruptionTimeoutMs > now,
    ),
  );
}

/** When to look again for an eviction that never came; undefined when none is awaited. */
export function nextExpiryMs({ status }: DisruptionBudget, now: number): number | undefined {
  const times = Object.values(status?.disruptedPods ?? {}).map(
    (time) => msOf(time) + disruptionTimeoutMs - now,
  );
  return times.length > 0 ? Math.max(1, Math.min(...times)) : undefined;
}

function conditionsOf({ status, metadata }: DisruptionBudget, allowed: number, now: number) {
  const isAllowed = allowed > 0 ? 'True' : 'False';
  const known = status?.conditions?.find(({ type }) => type === 'DisruptionAllowed');
  return [
    ...(status?.conditions ?? []).filter(({ type }) => type !== 'DisruptionAllowed'),
    {
      type: 'DisruptionAllowed',
      status: isAllowed,
      reason: allowed > 0 ? 'SufficientPods' : 'InsufficientPods',
      message: '',
      observedGeneration: metadata?.generation,
      lastTransitionTime: known?.status === isAllowed ? known.lastTransitionTime : timestamp(now),
    },
  ];
}
