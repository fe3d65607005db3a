import type { Deployment, ReplicaSet } from '../kinds.ts';

export const annotationKeys = {
  revision: 'deployment.kubernetes.io/revision',
  revisionHistory: 'deployment.kubernetes.io/revision-history',
  desiredReplicas: 'deployment.kubernetes.io/desired-replicas',
  maxReplicas: 'deployment.kubernetes.io/max-replicas',
};

/** An absolute number, or a percentage of the total rounded up or down. */
export function scaledValue(value: number | string | undefined, total: number, round: 'up' | 'down'): number {
  if (typeof value !== 'string') return value ?? 0;
  const number = Number.parseInt(value, 10) || 0;
  if (!value.endsWith('%')) return number;
  const exact = (number * total) / 100;
  return round === 'up' ? Math.ceil(exact) : Math.floor(exact);
}

export function desiredOf(deployment: Deployment): number {
  return deployment.spec?.replicas ?? 1;
}

export function replicasOf(replicaSet: ReplicaSet | undefined): number {
  return replicaSet?.spec?.replicas ?? 0;
}

export function totalReplicas(replicaSets: readonly (ReplicaSet | undefined)[]): number {
  return replicaSets.reduce((sum, replicaSet) => sum + replicasOf(replicaSet), 0);
}

export function isRolling(deployment: Deployment): boolean {
  return (deployment.spec?.strategy?.type ?? 'RollingUpdate') === 'RollingUpdate';
}

/**
 * How many pods a rollout may have above the wanted number (rounded up) and how many may be missing
 * (rounded down); both are 0 for Recreate, and they are never both 0 for RollingUpdate.
 */
export function rollingBounds(deployment: Deployment): { maxSurge: number; maxUnavailable: number } {
  const desired = desiredOf(deployment);
  if (!isRolling(deployment)) return { maxSurge: 0, maxUnavailable: 0 };
  const { maxSurge = '25%', maxUnavailable = '25%' } = deployment.spec?.strategy?.rollingUpdate ?? {};
  const surge = scaledValue(maxSurge, desired, 'up');
  const unavailable = scaledValue(maxUnavailable, desired, 'down');
  return {
    maxSurge: surge,
    maxUnavailable: Math.min(surge === 0 && unavailable === 0 ? 1 : unavailable, desired),
  };
}

/** How large the newest ReplicaSet may be now. */
export function newReplicaSetSize(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  newest: ReplicaSet | undefined,
): number {
  const desired = desiredOf(deployment);
  if (!isRolling(deployment)) return desired;
  const room = desired + rollingBounds(deployment).maxSurge - totalReplicas(all);
  return replicasOf(newest) + Math.max(0, Math.min(room, desired - replicasOf(newest)));
}

/** A ReplicaSet and the size it should get. */
export interface Resize {
  readonly replicaSet: ReplicaSet;
  readonly replicas: number;
}

/** How a rolling update shrinks the old ReplicaSets now, without losing availability: broken pods first. */
export function shrinkOld(
  deployment: Deployment,
  old: readonly ReplicaSet[],
  newest: ReplicaSet | undefined,
): Resize[] {
  const all = newest ? [...old, newest] : [...old];
  const minAvailable = desiredOf(deployment) - rollingBounds(deployment).maxUnavailable;
  const newestUnavailable = replicasOf(newest) - (newest?.status?.availableReplicas ?? 0);
  const mayRemove = totalReplicas(all) - minAvailable - newestUnavailable;
  if (totalReplicas(old) === 0 || mayRemove <= 0) return [];

  const sizes = new Map(byAge(old).map((replicaSet) => [replicaSet, replicasOf(replicaSet)]));
  let removed = 0;
  for (const [replicaSet, size] of sizes) {
    const broken = size - (replicaSet.status?.availableReplicas ?? 0);
    const count = Math.max(0, Math.min(mayRemove - removed, broken));
    sizes.set(replicaSet, size - count);
    removed += count;
  }
  const available = all.reduce((sum, { status }) => sum + (status?.availableReplicas ?? 0), 0);
  let spare = available - minAvailable;
  for (const [replicaSet, size] of sizes) {
    const count = Math.max(0, Math.min(size, spare));
    sizes.set(replicaSet, size - count);
    spare -= count;
  }
  return [...sizes]
    .map(([replicaSet, replicas]) => ({ replicaSet, replicas }))
    .filter(({ replicaSet, replicas }) => replicas !== replicasOf(replicaSet));
}

/** How a change of scale in the middle of a rollout is shared: in proportion to size, the rest to the largest. */
export function scaleProportionally(deployment: Deployment, active: readonly ReplicaSet[]): Resize[] {
  const desired = desiredOf(deployment);
  const allowed = desired > 0 ? desired + rollingBounds(deployment).maxSurge : 0;
  const toAdd = allowed - totalReplicas(active);
  const sorted = active.toSorted(
    (left, right) => replicasOf(right) - replicasOf(left) || (toAdd > 0 ? -1 : 1) * compareAge(left, right),
  );
  let added = 0;
  const resizes = sorted.map((replicaSet) => {
    const share = proportionOf(replicaSet, deployment, { toAdd, added });
    added += share;
    return { replicaSet, replicas: replicasOf(replicaSet) + share };
  });
  const [largest] = resizes;
  if (largest) largest.replicas = Math.max(0, largest.replicas + toAdd - added);
  return resizes;
}

function proportionOf(
  replicaSet: ReplicaSet,
  deployment: Deployment,
  { toAdd, added }: { toAdd: number; added: number },
): number {
  const size = replicasOf(replicaSet);
  if (size === 0 || toAdd === 0 || toAdd === added) return 0;
  const left = toAdd - added;
  const share = fractionOf(replicaSet, deployment);
  return toAdd > 0 ? Math.min(share, left) : Math.max(share, left);
}

function fractionOf(replicaSet: ReplicaSet, deployment: Deployment): number {
  const desired = desiredOf(deployment);
  const size = replicasOf(replicaSet);
  if (desired === 0) return -size;
  const annotated = Number(replicaSet.metadata?.annotations?.[annotationKeys.maxReplicas]);
  const before = annotated || deployment.status?.replicas || 0;
  if (before === 0) return 0;
  return Math.round((size * (desired + rollingBounds(deployment).maxSurge)) / before) - size;
}

export function byAge(replicaSets: readonly ReplicaSet[]): ReplicaSet[] {
  return replicaSets.toSorted(compareAge);
}

/** Older first; names decide between equals, so that every run decides alike. */
function compareAge(left: ReplicaSet, right: ReplicaSet): number {
  const [mine = '', other = ''] = [left.metadata?.creationTimestamp, right.metadata?.creationTimestamp];
  if (mine !== other) return mine < other ? -1 : 1;
  return (left.metadata?.name ?? '') < (right.metadata?.name ?? '') ? -1 : 1;
}
