import { matchesLabels } from '../selectors.ts';
import { isAvailable, isReady } from '../pods.ts';
import { timestamp, type Pod, type ReplicaSet } from '../kinds.ts';

type Status = NonNullable<ReplicaSet['status']>;

/** The status that the pods give a ReplicaSet; `failure` is what kept this round from making or deleting pods. */
export function statusOf(
  replicaSet: ReplicaSet,
  pods: readonly Pod[],
  failure?: { reason: 'FailedCreate' | 'FailedDelete'; message: string },
): Status {
  const template = replicaSet.spec?.template?.metadata?.labels;
  const minReadySeconds = replicaSet.spec?.minReadySeconds ?? 0;
  return {
    ...replicaSet.status,
    replicas: pods.length,
    fullyLabeledReplicas: pods.filter((pod) => matchesLabels(template, pod.metadata?.labels)).length,
    readyReplicas: pods.filter((pod) => isReady(pod)).length,
    availableReplicas: pods.filter((pod) => isAvailable(pod, minReadySeconds)).length,
    observedGeneration: replicaSet.metadata?.generation,
    conditions: conditionsOf(replicaSet, failure),
  };
}

function conditionsOf(
  { status }: ReplicaSet,
  failure: { reason: string; message: string } | undefined,
): Status['conditions'] {
  const others = (status?.conditions ?? []).filter(({ type }) => type !== 'ReplicaFailure');
  const known = status?.conditions?.find(({ type }) => type === 'ReplicaFailure');
  if (!failure) return others;
  if (known?.reason === failure.reason) return [...others, known];
  return [...others, { type: 'ReplicaFailure', status: 'True', lastTransitionTime: timestamp(), ...failure }];
}
