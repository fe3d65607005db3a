import { msOf, timestamp, type Job, type Pod } from '../kinds.ts';
import { isActive, isReady } from '../pods.ts';
import { rankForDeletion } from '../replicaset/ranking.ts';
import { backoffLeftMs, type Backoff } from './backoff.ts';
import { conditionOf, finishOf, withCondition, type Condition } from './conditions.ts';
import { parseIndexes } from './indexes.ts';
import { countPods, indexOf, isIndexed, isTerminating, type Count } from './counting.ts';

type JobStatus = NonNullable<Job['status']>;

export interface JobPlan {
  readonly status: JobStatus;
  /** Pods whose finalizer goes once the status is written. */
  readonly release: readonly Pod[];
  /** Pods whose end is told for the first time. */
  readonly added: readonly Pod[];
  /** How many pods to make; of an Indexed Job, for which indexes. */
  readonly create: number | readonly number[];
  /** Too many for what is asked: they go without being counted. */
  readonly surplus: readonly Pod[];
  /** Pods of a Job that has failed: they go, and count as failed. */
  readonly doomed: readonly Pod[];
  /** When to look again though nothing happens. */
  readonly againAfterMs: number | undefined;
}

export interface JobSnapshot {
  readonly job: Job;
  /** All pods that the Job controls. */
  readonly pods: readonly Pod[];
  readonly backoff: Backoff;
  readonly now: number;
}

/** What a Job needs next: the status to write and the pods to make, delete and release. */
export function planJob(snapshot: JobSnapshot): JobPlan {
  const { job, pods, now } = snapshot;
  const count = countPods(job, pods);
  const active = pods.filter(isActive);
  const verdict = verdictOf(snapshot, count, active);
  const isGoing = Boolean(job.metadata?.deletionTimestamp);
  const isSuspended = job.spec?.suspend === true;
  const isDone = verdict?.type === 'SuccessCriteriaMet';
  // Of a Job that has what it wants nobody is to blame for going.
  const rest = isDone ? { ...nothing, surplus: active } : nothing;
  const work = verdict || isGoing ? rest : manage(snapshot, { count, active });
  const doomed = verdict && !isDone ? active : [];
  let conditions = job.status?.conditions ?? [];
  let { startTime } = job.status ?? {};
  if (!startTime && !isSuspended) startTime = timestamp(now);
  if (verdict) {
    conditions = withCondition(conditions, verdict, now);
  } else {
    const suspended = conditionOf(job, 'Suspended');
    if (isSuspended && suspended?.status !== 'True') {
      const condition = {
        type: 'Suspended',
        status: 'True',
        reason: 'JobSuspended',
        message: 'Job suspended',
      };
      conditions = withCondition(conditions, condition, now);
    } else if (!isSuspended && suspended?.status === 'True') {
      const condition = { type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed' };
      conditions = withCondition(conditions, condition, now);
      startTime = timestamp(now);
    }
  }
  const terminating = pods.filter(isTerminating).length;
  const isQuiet = active.length + terminating + count.release.length === 0 && !count.hasMore;
  let completionTime: string | undefined;
  if (verdict && isQuiet) {
    if (isDone) completionTime = timestamp(now);
    conditions = withCondition(conditions, { ...verdict, type: isDone ? 'Complete' : 'Failed' }, now);
  }
  return {
    status: {
      ...job.status,
      ...count.status,
      active: active.length || undefined,
      ready: active.filter(isReady).length,
      terminating,
      startTime,
      completionTime: completionTime ?? job.status?.completionTime,
      conditions,
    },
    release: count.release,
    added: count.added,
    doomed,
    ...work,
    againAfterMs: soonest(work.againAfterMs, verdict ? undefined : deadlineLeftMs(job, startTime, now)),
  };
}

const nothing = { create: 0, surplus: [], againAfterMs: undefined } as const;

/** Failed or succeeded, decided now or before; undefined while the Job goes on. */
function verdictOf({ job, now }: JobSnapshot, count: Count, active: readonly Pod[]): Condition | undefined {
  const decided = conditionOf(job, 'FailureTarget') ?? conditionOf(job, 'SuccessCriteriaMet');
  if (decided?.status === 'True') return decided;
  if (count.failure) return failed('PodFailurePolicy', count.failure);
  const { completions, backoffLimit = 6 } = job.spec ?? {};
  if (count.failed > backoffLimit || hasRestartedTooOften(job, active))
    return failed('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  if ((deadlineLeftMs(job, job.status?.startTime, now) ?? 1) <= 0)
    return failed('DeadlineExceeded', 'Job was active longer than specified deadline');
  const isDone = completions === undefined ? count.succeeded > 0 : count.succeeded >= completions;
  if (!isDone || active.length > 0) return undefined;
  return {
    type: 'SuccessCriteriaMet',
    status: 'True',
    reason: 'CompletionsReached',
    message: 'Reached expected number of succeeded pods',
  };
}

function failed(reason: string, message: string): Condition {
  return { type: 'FailureTarget', status: 'True', reason, message };
}

/** Containers that restart in place count towards the limit too. */
function hasRestartedTooOften({ spec }: Job, active: readonly Pod[]): boolean {
  if (spec?.template.spec?.restartPolicy !== 'OnFailure') return false;
  const { backoffLimit = 6 } = spec;
  const restarts = active
    .flatMap(({ status }) => [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])])
    .reduce((sum, { restartCount }) => sum + restartCount, 0);
  return restarts > 0 && restarts >= backoffLimit;
}

function deadlineLeftMs({ spec }: Job, startTime: string | undefined, now: number): number | undefined {
  if (spec?.activeDeadlineSeconds === undefined || spec.suspend || !startTime) return undefined;
  return msOf(startTime) + spec.activeDeadlineSeconds * 1_000 - now;
}

function manage(
  { job, pods, backoff, now }: JobSnapshot,
  { count, active }: { count: Count; active: readonly Pod[] },
): Pick<JobPlan, 'create' | 'surplus' | 'againAfterMs'> {
  const { completions, parallelism = 1, podReplacementPolicy } = job.spec ?? {};
  if (job.spec?.suspend) return { ...nothing, surplus: active };
  const { keep, surplus: wrong } = isIndexed(job)
    ? oneOfEachIndex(job, active)
    : { keep: active, surplus: [] };
  const going = podReplacementPolicy === 'Failed' ? pods.filter(isTerminating).length : 0;
  let wanted = parallelism;
  // A work queue: one success means that the queue is empty, and the others only finish.
  if (completions === undefined)
    wanted = count.succeeded > 0 ? Math.min(keep.length, parallelism) : parallelism;
  else wanted = Math.max(0, Math.min(parallelism, completions - count.succeeded));
  const excess = keep.length - wanted;
  if (excess > 0 || wrong.length > 0)
    return { ...nothing, surplus: [...wrong, ...rankForDeletion(keep).slice(0, Math.max(0, excess))] };
  const missing = wanted - keep.length - going;
  if (missing <= 0) return nothing;
  const againAfterMs = backoffLeftMs(pods, backoff, now);
  if (againAfterMs > 0) return { ...nothing, againAfterMs };
  return { ...nothing, create: isIndexed(job) ? freeIndexes(snapshotIndexes(job, pods), missing) : missing };
}

/** Of two pods with the same index, or one with none, the index keeps the older. */
function oneOfEachIndex(job: Job, active: readonly Pod[]): { keep: Pod[]; surplus: Pod[] } {
  const keep = new Map<number, Pod>();
  const surplus: Pod[] = [];
  const byAge = active.toSorted((left, right) =>
    (left.metadata?.creationTimestamp ?? '').localeCompare(right.metadata?.creationTimestamp ?? ''),
  );
  for (const pod of byAge) {
    const index = indexOf(pod);
    if (index === undefined || index >= (job.spec?.completions ?? 0) || keep.has(index)) surplus.push(pod);
    else keep.set(index, pod);
  }
  return { keep: [...keep.values()], surplus };
}

function snapshotIndexes(job: Job, pods: readonly Pod[]): { total: number; taken: ReadonlySet<number> } {
  const waitsForEnd = job.spec?.podReplacementPolicy === 'Failed';
  const count = countPods(job, pods);
  const taken = new Set<number>();
  for (const pod of pods) {
    const index = indexOf(pod);
    if (index !== undefined && (isActive(pod) || (waitsForEnd && isTerminating(pod)))) taken.add(index);
  }
  for (const index of parseIndexes(count.status.completedIndexes)) taken.add(index);
  return { total: job.spec?.completions ?? 0, taken };
}

function freeIndexes(
  { total, taken }: { total: number; taken: ReadonlySet<number> },
  limit: number,
): number[] {
  const free: number[] = [];
  for (let index = 0; index < total && free.length < limit; index += 1)
    if (!taken.has(index)) free.push(index);
  return free;
}

function soonest(...waits: readonly (number | undefined)[]): number | undefined {
  const known = waits.filter((wait) => wait !== undefined);
  return known.length > 0 ? Math.max(1, Math.min(...known)) : undefined;
}

/** When a finished Job is to be deleted, in milliseconds from now; undefined when it stays. */
export function timeToLiveMs(job: Job, now: number): number | undefined {
  const { ttlSecondsAfterFinished } = job.spec ?? {};
  const finished = finishOf(job);
  if (ttlSecondsAfterFinished === undefined || !finished) return undefined;
  return msOf(finished.lastTransitionTime) + ttlSecondsAfterFinished * 1_000 - now;
}
