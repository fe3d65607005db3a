import type { KindTable } from '../client/index.ts';
import { parseQuantity } from '../client/quantity.ts';

export type Pod = KindTable['pods'];
export type PodSpec = NonNullable<Pod['spec']>;
export type PodStatus = NonNullable<Pod['status']>;
export type PodContainer = PodSpec['containers'][number];
/** A container that was added to a running pod, to look into it. */
export type EphemeralContainer = PodContainer & { targetContainerName?: string };
export type PodCondition = NonNullable<PodStatus['conditions']>[number];
export type ContainerState = NonNullable<NonNullable<PodStatus['containerStatuses']>[number]['state']>;

/** A pod that has reached the kubelet: named, and with a spec. */
export interface PodIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export function identityOf(pod: Pod): PodIdentity {
  const { namespace = 'default', name = '', uid = '' } = pod.metadata ?? {};
  return { namespace, name, uid };
}

export function specOf(pod: Pod): PodSpec {
  return pod.spec ?? { containers: [] };
}

/** Init containers first, in order, then the others. */
export function allContainersOf(pod: Pod): PodContainer[] {
  const spec = specOf(pod);
  return [...(spec.initContainers ?? []), ...spec.containers];
}

/** An init container with `restartPolicy: Always` starts in its turn and runs as long as the pod (KEP-753). */
export function isSidecar(container: PodContainer): boolean {
  return container.restartPolicy === 'Always';
}

/** Seconds between SIGTERM and SIGKILL. */
export function graceSecondsOf(pod: Pod): number {
  return specOf(pod).terminationGracePeriodSeconds ?? 30;
}

export function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** Guaranteed, Burstable or BestEffort, by the rules of the Kubernetes documentation. */
export function qosClassOf(pod: Pod): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const resources = allContainersOf(pod).map((container) => container.resources ?? {});
  const named = resources.flatMap(({ limits = {}, requests = {} }) => [
    ...Object.entries(limits),
    ...Object.entries(requests),
  ]);
  const isSet = named.some(
    ([name, value]) => (name === 'cpu' || name === 'memory') && parseQuantity(value) > 0,
  );
  if (!isSet) return 'BestEffort';
  const isGuaranteed = resources.every(({ limits = {}, requests = {} }) =>
    ['cpu', 'memory'].every((name) => {
      const limit = limits[name];
      return limit !== undefined && parseQuantity(requests[name] ?? limit) === parseQuantity(limit);
    }),
  );
  return isGuaranteed ? 'Guaranteed' : 'Burstable';
}

/** The pod's host name: `spec.hostname` or its name, within the 63 bytes that Linux and DNS allow. */
export function hostnameOf(pod: Pod): string {
  return (pod.spec?.hostname ?? pod.metadata?.name ?? '').slice(0, 63).replace(/[-.]+$/, '');
}

/** RFC 3339 with seconds, as Kubernetes writes times. */
export function formatTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d+Z$/, 'Z');
}
