import type { Pod, StatefulSet } from '../kinds.ts';
import { isAvailable, isFinished, isReady } from '../pods.ts';

export type StatefulSetStatus = NonNullable<StatefulSet['status']>;

export type StatefulSetAction =
  | { readonly type: 'create'; readonly ordinal: number; readonly revision: 'current' | 'update' }
  | { readonly type: 'delete'; readonly pod: Pod };

export interface StatefulSetPlan {
  readonly actions: readonly StatefulSetAction[];
  readonly status: StatefulSetStatus;
}

export interface StatefulSetState {
  readonly set: StatefulSet;
  /** All pods that the set owns. */
  readonly pods: readonly Pod[];
  /** Names of the revision that is being left and of the one that is wanted; equal when nothing rolls. */
  readonly currentRevision: string;
  readonly updateRevision: string;
  readonly now?: number;
}

export const revisionLabel = 'controller-revision-hash';

/** The number at the end of a StatefulSet's pod's name; undefined for a name that is not of the set. */
export function ordinalOf(set: StatefulSet, podName = ''): number | undefined {
  const prefix = `${set.metadata?.name ?? ''}-`;
  const ordinal = podName.slice(prefix.length);
  return podName.startsWith(prefix) && /^(0|[1-9]\d*)$/.test(ordinal) ? Number(ordinal) : undefined;
}

/**
 * What a StatefulSet needs next. OrderedReady takes one step and waits until the pod is available;
 * Parallel takes all at once; updates go one by one from the highest ordinal down to the partition.
 */
export function planStatefulSet(state: StatefulSetState): StatefulSetPlan {
  const status = statusOf(state);
  const actions = state.set.metadata?.deletionTimestamp ? [] : [...steps(state, status)];
  return { actions, status: completed(state.set, status) };
}

function* steps(state: StatefulSetState, status: StatefulSetStatus): Generator<StatefulSetAction> {
  const { set, pods, now } = state;
  const inOrder = set.spec?.podManagementPolicy !== 'Parallel';
  const start = set.spec?.ordinals?.start ?? 0;
  const end = start + (set.spec?.replicas ?? 1);
  const byOrdinal = new Map(pods.map((pod) => [ordinalOf(set, pod.metadata?.name) ?? -1, pod]));
  const available = (pod: Pod) => isHealthy(pod) && isAvailable(pod, set.spec?.minReadySeconds, now);

  for (let ordinal = start; ordinal < end; ordinal += 1) {
    const pod = byOrdinal.get(ordinal);
    if (!pod) {
      yield { type: 'create', ordinal, revision: needsCurrent(set, status, ordinal) ? 'current' : 'update' };
      if (inOrder) return;
    } else if (isFinished(pod) && !isTerminating(pod)) {
      yield { type: 'delete', pod };
      if (inOrder) return;
    } else if (inOrder && !available(pod)) return;
  }

  const condemned = [...byOrdinal]
    .filter(([ordinal]) => ordinal < start || ordinal >= end)
    .toSorted(([left], [right]) => right - left)
    .map(([, pod]) => pod);
  // An unhealthy pod may always go, but only the first of them while order is kept.
  const firstUnhealthy = condemned.toReversed().find((pod) => !isHealthy(pod));
  for (const pod of condemned) {
    if (inOrder && (isTerminating(pod) || (!available(pod) && pod !== firstUnhealthy))) return;
    if (isTerminating(pod)) continue;
    yield { type: 'delete', pod };
    if (inOrder) return;
  }

  if (set.spec?.updateStrategy?.type === 'OnDelete') return;
  const partition = set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  for (let ordinal = end - 1; ordinal >= start + partition; ordinal -= 1) {
    const pod = byOrdinal.get(ordinal);
    if (!pod) return;
    if (revisionOf(pod) !== state.updateRevision && !isTerminating(pod)) {
      yield { type: 'delete', pod };
      return;
    }
    if (!available(pod)) return;
  }
}

/** Pods below the partition, or not yet reached by the update, come back as they were. */
function needsCurrent(set: StatefulSet, status: StatefulSetStatus, ordinal: number): boolean {
  if (set.spec?.updateStrategy?.type === 'OnDelete') return false;
  const start = set.spec?.ordinals?.start ?? 0;
  const partition = set.spec?.updateStrategy?.rollingUpdate?.partition;
  return ordinal < start + (partition ?? status.currentReplicas ?? 0);
}

function statusOf({ set, pods, currentRevision, updateRevision, now }: StatefulSetState): StatefulSetStatus {
  const live = pods.filter((pod) => !isTerminating(pod));
  const ready = pods.filter((pod) => pod.status?.phase === 'Running' && isReady(pod));
  return {
    ...set.status,
    observedGeneration: set.metadata?.generation,
    replicas: pods.length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => isAvailable(pod, set.spec?.minReadySeconds, now)).length,
    currentReplicas: live.filter((pod) => revisionOf(pod) === currentRevision).length,
    updatedReplicas: live.filter((pod) => revisionOf(pod) === updateRevision).length,
    currentRevision,
    updateRevision,
  };
}

/** An update is over when every pod is updated and ready: the wanted revision becomes the current one. */
function completed(set: StatefulSet, status: StatefulSetStatus): StatefulSetStatus {
  const isOver =
    set.spec?.updateStrategy?.type !== 'OnDelete' &&
    status.updatedReplicas === status.replicas &&
    status.readyReplicas === status.replicas;
  return isOver
    ? { ...status, currentReplicas: status.updatedReplicas, currentRevision: status.updateRevision }
    : status;
}

function revisionOf(pod: Pod): string | undefined {
  return pod.metadata?.labels?.[revisionLabel];
}

function isTerminating(pod: Pod): boolean {
  return pod.metadata?.deletionTimestamp !== undefined;
}

function isHealthy(pod: Pod): boolean {
  return pod.status?.phase === 'Running' && isReady(pod) && !isTerminating(pod);
}
