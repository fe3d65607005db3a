import type { KindTable, KubeClient } from '@skyarc/lib/kube';
import type { RunSpec } from '../render/run-spec.ts';
import type { Diagnosis } from './pods.ts';

type Event = KindTable['events'];

/** A quota may be freed by what is being stopped just now. */
const passingMs = 20_000;

/**
 * Why the cluster makes no pod at all: a quota of the namespace, an admission policy. It says so in events on the
 * object that makes pods. Null when nothing was refused since the given time.
 */
export async function findRefusal(
  kube: KubeClient,
  spec: Pick<RunSpec, 'name' | 'namespace' | 'workload'>,
  sinceMs: number,
): Promise<Diagnosis | null> {
  const { items } = await kube
    .list('events', { namespace: spec.namespace, fieldSelector: 'reason=FailedCreate' })
    .catch(() => ({ items: [] as Event[] }));
  const newest = items
    // Events have whole seconds.
    .filter((event) => isAbout(spec, event) && timeOf(event) >= sinceMs - 1_000)
    .toSorted((a, b) => timeOf(b) - timeOf(a))[0];
  if (!newest) return null;
  return {
    trouble: 'REFUSED',
    sentence: sentenceOf(newest.message ?? ''),
    isSettled: Date.now() - sinceMs > passingMs,
  };
}

/** In words of a person for what is refused most: `exceeded quota: x, requested: a=1, used: a=2, limited: a=2`. */
function sentenceOf(message: string): string {
  const [, quota, requested, used, limited] =
    /exceeded quota: ([^,]+), requested: (.+), used: (.+), limited: (.+)$/.exec(message.trim()) ?? [];
  if (quota) {
    return `The cluster's quota "${quota}" refuses a new pod: it asks for ${requested}, ${used} is used of ${limited}; make the app smaller, stop something else or have the quota raised`;
  }
  const reason = /forbidden: (.+)$/.exec(message)?.[1] ?? message;
  return `The cluster refuses to make a pod: ${reason.replaceAll(/\s+/g, ' ').slice(0, 300)}`;
}

/** Replica sets are named after their Deployment with an ending without vowels. */
function isAbout({ name, workload }: Pick<RunSpec, 'name' | 'workload'>, { involvedObject }: Event): boolean {
  const { kind, name: object = '' } = involvedObject;
  if (workload === 'STATEFUL') return kind === 'StatefulSet' && object === name;
  const ending = object.startsWith(`${name}-`) ? object.slice(name.length + 1) : '';
  return kind === 'ReplicaSet' && /^[bcdfghjklmnpqrstvwxz0-9]{5,10}$/.test(ending);
}

function timeOf({ lastTimestamp, eventTime, firstTimestamp }: Event): number {
  return Date.parse(lastTimestamp ?? eventTime ?? firstTimestamp ?? '') || 0;
}
