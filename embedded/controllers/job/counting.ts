import type { Job, Pod } from '../kinds.ts';
import { isFinished } from '../pods.ts';
import { judgeFailure } from './failure-policy.ts';
import { formatIndexes, parseIndexes } from './indexes.ts';

/** Held by every pod until its end is counted in the status of its Job. */
export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';
export const indexAnnotation = 'batch.kubernetes.io/job-completion-index';

type JobStatus = NonNullable<Job['status']>;

/** Ends counted in one status write, so that a status never grows too large. */
const maxUncounted = 500;

export interface Count {
  /** To be written before any finalizer in `release` is taken away. */
  readonly status: Pick<JobStatus, 'succeeded' | 'failed' | 'completedIndexes' | 'uncountedTerminatedPods'>;
  readonly succeeded: number;
  readonly failed: number;
  /** Pods whose end the status tells: their finalizer may go once it is written. */
  readonly release: readonly Pod[];
  /** Those among them that were not in the status before: whoever counts them must know that they still have it. */
  readonly added: readonly Pod[];
  /** True when there are more ends than one write takes. */
  readonly hasMore: boolean;
  /** Why a rule of podFailurePolicy fails the Job. */
  readonly failure?: string;
}

export function isTracked({ metadata }: Pod): boolean {
  return metadata?.finalizers?.includes(trackingFinalizer) ?? false;
}

export function isIndexed({ spec }: Job): boolean {
  return spec?.completionMode === 'Indexed';
}

/** The completion index of a pod of an Indexed Job; undefined when it has none. */
export function indexOf({ metadata }: Pod): number | undefined {
  const text = metadata?.annotations?.[indexAnnotation];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/**
 * Counts every end of a pod exactly once, however often and wherever this is stopped: a pod's uid is first
 * written among the uncounted ones, then its finalizer goes, and only when the finalizer is gone does the
 * uid leave the list and a counter go up, in one write (Kubernetes' job tracking with finalizers).
 */
export function countPods(job: Job, pods: readonly Pod[]): Count {
  const { status } = job;
  const tracked = new Map(pods.filter(isTracked).map((pod) => [pod.metadata?.uid ?? '', pod]));
  const listed = {
    succeeded: status?.uncountedTerminatedPods?.succeeded ?? [],
    failed: status?.uncountedTerminatedPods?.failed ?? [],
  };
  const known = new Set([...listed.succeeded, ...listed.failed]);
  const waiting = {
    succeeded: listed.succeeded.filter((uid) => tracked.has(uid)),
    failed: listed.failed.filter((uid) => tracked.has(uid)),
  };
  const completed = parseIndexes(status?.completedIndexes);
  const release: Pod[] = [];
  const added: Pod[] = [];
  let failure: string | undefined;
  let hasMore = false;
  for (const [uid, pod] of tracked) {
    if (known.has(uid)) {
      release.push(pod);
      continue;
    }
    const end = endOf(job, pod);
    if (!end) continue;
    if (waiting.succeeded.length + waiting.failed.length >= maxUncounted) {
      hasMore = true;
      break;
    }
    release.push(pod);
    added.push(pod);
    const index = indexOf(pod);
    if (end === 'failed') {
      const { action, message } = judgeFailure(job, pod);
      failure ??= message;
      if (action !== 'Ignore') waiting.failed.push(uid);
    } else if (!isIndexed(job)) waiting.succeeded.push(uid);
    // A set counts an index once by itself.
    else if (index !== undefined && index < (job.spec?.completions ?? 0)) completed.add(index);
  }
  const flushed = {
    succeeded: (status?.succeeded ?? 0) + listed.succeeded.filter((uid) => !tracked.has(uid)).length,
    failed: (status?.failed ?? 0) + listed.failed.filter((uid) => !tracked.has(uid)).length,
  };
  const succeeded = isIndexed(job) ? completed.size : flushed.succeeded;
  return {
    status: {
      succeeded: succeeded || undefined,
      failed: flushed.failed || undefined,
      completedIndexes: formatIndexes(completed) || undefined,
      uncountedTerminatedPods: {
        ...(waiting.succeeded.length > 0 && { succeeded: waiting.succeeded }),
        ...(waiting.failed.length > 0 && { failed: waiting.failed }),
      },
    },
    succeeded: succeeded + waiting.succeeded.length,
    failed: flushed.failed + waiting.failed.length,
    release,
    added,
    hasMore,
    failure,
  };
}

/** How a pod ended; undefined while it has not. A pod on its way out has failed, unless the Job waits for its end. */
function endOf({ spec }: Job, { metadata, status }: Pod): 'succeeded' | 'failed' | undefined {
  if (status?.phase === 'Succeeded') return 'succeeded';
  if (status?.phase === 'Failed') return 'failed';
  if (!metadata?.deletionTimestamp) return undefined;
  // With grace 0 nobody is left who could tell how it ended.
  const isLost = metadata.deletionGracePeriodSeconds === 0;
  return spec?.podReplacementPolicy === 'Failed' && !isLost ? undefined : 'failed';
}

/** On its way out, and not at its end yet. */
export function isTerminating(pod: Pod): boolean {
  return Boolean(pod.metadata?.deletionTimestamp) && !isFinished(pod);
}
