import type { Deployment, ReplicaSet } from '../kinds.ts';
import { sameTemplate } from '../template-hash.ts';
import { annotationKeys, byAge, desiredOf, replicasOf, rollingBounds } from './rolling.ts';

/** Annotations of a Deployment that its ReplicaSets do not inherit. */
const notInherited = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deprecated.deployment.rollback.to',
  ...Object.values(annotationKeys),
]);
const historyLimitBytes = 2_000;

export function revisionOf(object: ReplicaSet | Deployment | undefined): number {
  return Number(object?.metadata?.annotations?.[annotationKeys.revision] ?? 0) || 0;
}

/** The ReplicaSet of the Deployment's present template: the oldest of those with the same template. */
export function findNewest(deployment: Deployment, all: readonly ReplicaSet[]): ReplicaSet | undefined {
  return byAge(all).find(({ spec }) => sameTemplate(spec?.template, deployment.spec?.template));
}

/** Number of the revision that the newest ReplicaSet stands for: one above all older ones. */
export function nextRevision(old: readonly ReplicaSet[]): number {
  return Math.max(0, ...old.map(revisionOf)) + 1;
}

/** Annotations of a ReplicaSet that is to be the given revision; a rolled-back one remembers its old numbers. */
export function revisionAnnotations(
  deployment: Deployment,
  replicaSet: ReplicaSet | undefined,
  revision: number,
): Record<string, string> {
  const own = replicaSet?.metadata?.annotations ?? {};
  const annotations: Record<string, string> = { ...own };
  for (const [key, value] of Object.entries(deployment.metadata?.annotations ?? {})) {
    if (!notInherited.has(key)) annotations[key] = value;
  }
  const current = revisionOf(replicaSet);
  if (current >= revision) return annotations;
  annotations[annotationKeys.revision] = String(revision);
  if (current > 0) {
    const history = (own[annotationKeys.revisionHistory] ?? '').split(',').filter(Boolean);
    history.push(String(current));
    while (history.join(',').length > historyLimitBytes) history.shift();
    annotations[annotationKeys.revisionHistory] = history.join(',');
  }
  return annotations;
}

/** What a ReplicaSet is told of its Deployment's scale; proportional scaling starts from it. */
export function scaleAnnotations(deployment: Deployment): Record<string, string> {
  const desired = desiredOf(deployment);
  return {
    [annotationKeys.desiredReplicas]: String(desired),
    [annotationKeys.maxReplicas]: String(desired + rollingBounds(deployment).maxSurge),
  };
}

/** True when the Deployment was scaled since its ReplicaSets were last told. */
export function isScaling(deployment: Deployment, all: readonly ReplicaSet[]): boolean {
  return all.some((replicaSet) => {
    const told = replicaSet.metadata?.annotations?.[annotationKeys.desiredReplicas];
    return replicasOf(replicaSet) > 0 && told !== undefined && Number(told) !== desiredOf(deployment);
  });
}

/** Old, empty ReplicaSets beyond the history limit, lowest revision first. */
export function beyondHistory(deployment: Deployment, old: readonly ReplicaSet[]): ReplicaSet[] {
  const limit = deployment.spec?.revisionHistoryLimit ?? 10;
  const alive = old.filter(({ metadata }) => !metadata?.deletionTimestamp);
  return alive
    .toSorted((left, right) => revisionOf(left) - revisionOf(right))
    .slice(0, Math.max(0, alive.length - limit))
    .filter(
      (replicaSet) =>
        replicasOf(replicaSet) === 0 &&
        (replicaSet.status?.replicas ?? 0) === 0 &&
        (replicaSet.metadata?.generation ?? 0) <= (replicaSet.status?.observedGeneration ?? 0),
    );
}
