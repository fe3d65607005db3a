import { controllerReference } from './owners.ts';
import { msOf, type Pod, type PodTemplate } from './kinds.ts';
import type { KubeObject, Resource } from '../client/index.ts';

type PodCondition = NonNullable<NonNullable<Pod['status']>['conditions']>[number];

export function podCondition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

/** Neither finished nor being deleted. */
export function isActive(pod: Pod): boolean {
  return !isFinished(pod) && !pod.metadata?.deletionTimestamp;
}

export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

export function isReady(pod: Pod): boolean {
  return podCondition(pod, 'Ready')?.status === 'True';
}

/** Ready for at least so long without a break. */
export function isAvailable(pod: Pod, minReadySeconds = 0, now = Date.now()): boolean {
  if (!isReady(pod)) return false;
  return (
    minReadySeconds === 0 ||
    msOf(podCondition(pod, 'Ready')?.lastTransitionTime) + minReadySeconds * 1000 <= now
  );
}

/** Milliseconds until the first of these ready pods becomes available by age alone; undefined when none will. */
export function nextAvailabilityMs(
  pods: readonly Pod[],
  minReadySeconds: number | undefined,
  now = Date.now(),
): number | undefined {
  if (!minReadySeconds) return undefined;
  const waits = pods
    .filter((pod) => isReady(pod) && !isAvailable(pod, minReadySeconds, now))
    .map((pod) => msOf(podCondition(pod, 'Ready')?.lastTransitionTime) + minReadySeconds * 1000 - now);
  return waits.length > 0 ? Math.max(1, Math.min(...waits)) : undefined;
}

/** A pod as the template says, owned by its controller; name and generateName are the caller's. */
export function podFromTemplate(
  template: PodTemplate | undefined,
  owner: { resource: Resource; object: KubeObject },
): Pod & { metadata: NonNullable<Pod['metadata']>; spec: NonNullable<Pod['spec']> } {
  const { labels, annotations, finalizers } = structuredClone(template?.metadata ?? {});
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: owner.object.metadata?.namespace,
      labels: { ...labels },
      annotations: { ...annotations },
      finalizers,
      ownerReferences: [controllerReference(owner.resource, owner.object)],
    },
    spec: structuredClone(template?.spec) ?? { containers: [] },
  };
}
