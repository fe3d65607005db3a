import { msOf, timestamp, type Deployment, type ReplicaSet } from '../kinds.ts';
import { desiredOf, rollingBounds } from './rolling.ts';

export type DeploymentStatus = NonNullable<Deployment['status']>;
export type Condition = NonNullable<DeploymentStatus['conditions']>[number];

/** Reasons of the Progressing condition, which `kubectl rollout status` reads. */
export const reasons = {
  created: 'NewReplicaSetCreated',
  found: 'FoundNewReplicaSet',
  updated: 'ReplicaSetUpdated',
  available: 'NewReplicaSetAvailable',
  timedOut: 'ProgressDeadlineExceeded',
  paused: 'DeploymentPaused',
  resumed: 'DeploymentResumed',
  createError: 'ReplicaSetCreateError',
} as const;

export function conditionOf(status: DeploymentStatus | undefined, type: string): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** Conditions with this one in; same status and reason leave it as it was, same status keeps its transition time. */
export function withCondition(
  conditions: readonly Condition[] = [],
  next: Pick<Condition, 'type' | 'status' | 'reason' | 'message'>,
  now = Date.now(),
): Condition[] {
  const current = conditions.find(({ type }) => type === next.type);
  if (current?.status === next.status && current.reason === next.reason) return [...conditions];
  const at = timestamp(now);
  const lastTransitionTime = current?.status === next.status ? (current.lastTransitionTime ?? at) : at;
  return [
    ...conditions.filter(({ type }) => type !== next.type),
    { ...next, lastUpdateTime: at, lastTransitionTime },
  ];
}

/** A huge deadline is Kubernetes' way of saying none. */
export function hasDeadline({ spec }: Deployment): boolean {
  const seconds = spec?.progressDeadlineSeconds;
  return seconds !== undefined && seconds !== 2 ** 31 - 1;
}

/** Numbers and the Available condition, from the ReplicaSets' own status. */
export function countStatus(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  newest: ReplicaSet | undefined,
): DeploymentStatus {
  const sum = (field: 'replicas' | 'readyReplicas' | 'availableReplicas') =>
    all.reduce((total, { status }) => total + (status?.[field] ?? 0), 0);
  const available = sum('availableReplicas');
  const wanted = desiredOf(deployment);
  const enough = available >= wanted - rollingBounds(deployment).maxUnavailable;
  const total = all.reduce((count, { spec }) => count + (spec?.replicas ?? 0), 0);
  return {
    observedGeneration: deployment.metadata?.generation,
    collisionCount: deployment.status?.collisionCount,
    replicas: sum('replicas'),
    updatedReplicas: newest?.status?.replicas ?? 0,
    readyReplicas: sum('readyReplicas'),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, total - available),
    conditions: withCondition(deployment.status?.conditions, {
      type: 'Available',
      status: enough ? 'True' : 'False',
      reason: enough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
      message: `Deployment ${enough ? 'has' : 'does not have'} minimum availability.`,
    }),
  };
}

/** Every pod is of the newest template, available, and no old one is left. */
export function isComplete(deployment: Deployment, status: DeploymentStatus | undefined): boolean {
  const wanted = desiredOf(deployment);
  return (
    (status?.updatedReplicas ?? 0) === wanted &&
    (status?.replicas ?? 0) === wanted &&
    (status?.availableReplicas ?? 0) === wanted &&
    (status?.observedGeneration ?? 0) >= (deployment.metadata?.generation ?? 0)
  );
}

function hasProgressed(deployment: Deployment, next: DeploymentStatus): boolean {
  const last = deployment.status ?? {};
  const oldPods = (status: DeploymentStatus) => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (next.updatedReplicas ?? 0) > (last.updatedReplicas ?? 0) ||
    oldPods(next) < oldPods(last) ||
    (next.readyReplicas ?? 0) > (last.readyReplicas ?? 0) ||
    (next.availableReplicas ?? 0) > (last.availableReplicas ?? 0)
  );
}

/** Milliseconds until the rollout's deadline; undefined when nothing is due, negative when it has passed. */
export function deadlineInMs(deployment: Deployment, status: DeploymentStatus, now = Date.now()) {
  const progressing = conditionOf(status, 'Progressing');
  const isOver = progressing?.reason === reasons.available || progressing?.reason === reasons.timedOut;
  if (
    !progressing ||
    isOver ||
    deployment.spec?.paused ||
    !hasDeadline(deployment) ||
    isComplete(deployment, status)
  )
    return undefined;
  return msOf(progressing.lastUpdateTime) + (deployment.spec?.progressDeadlineSeconds ?? 0) * 1000 - now;
}

/** The status in the middle or at the end of a rollout: progress, completion or a passed deadline. */
export function rolloutStatus(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  newest: ReplicaSet | undefined,
): DeploymentStatus {
  const status = countStatus(deployment, all, newest);
  const others = (status.conditions ?? []).filter(({ type }) => type !== 'Progressing');
  const current = conditionOf(deployment.status, 'Progressing');
  const wasComplete = status.replicas === status.updatedReplicas && current?.reason === reasons.available;
  const failure = failureOf(all, newest);
  if (!hasDeadline(deployment)) status.conditions = others;
  else if (!wasComplete) status.conditions = withProgress(deployment, status, newest);
  status.conditions = (status.conditions ?? []).filter(({ type }) => type !== 'ReplicaFailure');
  if (failure) status.conditions = withCondition(keepFailure(deployment, status), failure);
  return status;
}

function keepFailure(deployment: Deployment, status: DeploymentStatus): Condition[] {
  const known = conditionOf(deployment.status, 'ReplicaFailure');
  return [...(status.conditions ?? []), ...(known ? [known] : [])];
}

function withProgress(
  deployment: Deployment,
  status: DeploymentStatus,
  newest: ReplicaSet | undefined,
): Condition[] {
  const { conditions = [] } = status;
  const what = newest ? `ReplicaSet "${newest.metadata?.name}"` : `Deployment "${deployment.metadata?.name}"`;
  const current = conditionOf(status, 'Progressing');
  if (isComplete(deployment, status)) {
    const message = `${what} has successfully progressed.`;
    return withCondition(conditions, {
      type: 'Progressing',
      status: 'True',
      reason: reasons.available,
      message,
    });
  }
  if (hasProgressed(deployment, status)) {
    // Every step renews the update time, from which the deadline counts.
    const at = timestamp();
    return [
      ...conditions.filter(({ type }) => type !== 'Progressing'),
      {
        type: 'Progressing',
        status: 'True',
        reason: reasons.updated,
        message: `${what} is progressing.`,
        lastUpdateTime: at,
        lastTransitionTime: current?.status === 'True' ? current.lastTransitionTime : at,
      },
    ];
  }
  if ((deadlineInMs(deployment, status) ?? 1) <= 0) {
    const message = `${what} has timed out progressing.`;
    return withCondition(conditions, {
      type: 'Progressing',
      status: 'False',
      reason: reasons.timedOut,
      message,
    });
  }
  return [...conditions];
}

function failureOf(all: readonly ReplicaSet[], newest: ReplicaSet | undefined): Condition | undefined {
  const candidates = newest ? [newest, ...all] : all;
  return candidates
    .flatMap(({ status }) => status?.conditions ?? [])
    .find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
}

/** The Progressing condition that pausing or resuming calls for; undefined when it is right already. */
export function pauseCondition(deployment: Deployment) {
  const current = conditionOf(deployment.status, 'Progressing');
  if (!hasDeadline(deployment) || current?.reason === reasons.timedOut) return undefined;
  const wasPaused = current?.reason === reasons.paused;
  const isPaused = deployment.spec?.paused === true;
  if (isPaused === wasPaused) return undefined;
  return {
    type: 'Progressing',
    status: 'Unknown',
    reason: isPaused ? reasons.paused : reasons.resumed,
    message: `Deployment is ${isPaused ? 'paused' : 'resumed'}`,
  };
}
