import { isTimeZone, lastCronTime, nextCronTime } from '../../client/cron.ts';
import { finishOf } from '../job/conditions.ts';
import { msOf, timestamp, type CronJob, type Job } from '../kinds.ts';

type CronJobStatus = NonNullable<CronJob['status']>;

export interface Note {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export interface CronPlan {
  readonly status: CronJobStatus;
  /** Finished Jobs beyond the history limits. */
  readonly forget: readonly Job[];
  /** Running Jobs that a new one replaces. */
  readonly replace: readonly Job[];
  /** The scheduled time, in milliseconds, of the Job to start now. */
  readonly startAtMs: number | undefined;
  readonly notes: readonly Note[];
  readonly againAfterMs: number | undefined;
}

export interface CronSnapshot {
  readonly cron: CronJob;
  /** All Jobs that the CronJob controls. */
  readonly jobs: readonly Job[];
  readonly now: number;
}

/** What a CronJob needs next (Kubernetes' CronJob controller v2). */
export function planCronJob({ cron, jobs, now }: CronSnapshot): CronPlan {
  const active = jobs.filter((job) => !finishOf(job));
  const notes = finishedNotes(cron, jobs);
  const status: CronJobStatus = {
    ...cron.status,
    active: active.map(referenceTo),
    lastSuccessfulTime: lastSuccess(cron, jobs),
  };
  const idle = {
    status,
    forget: beyondHistory(cron, jobs),
    replace: [],
    startAtMs: undefined,
    notes,
    againAfterMs: undefined,
  };
  if (!cron.spec || cron.metadata?.deletionTimestamp || cron.spec.suspend) return idle;
  const { schedule, timeZone, concurrencyPolicy } = cron.spec;
  if (timeZone !== undefined && !isTimeZone(timeZone)) {
    const message = `invalid timeZone: "${timeZone}"`;
    return { ...idle, notes: [...notes, { type: 'Warning', reason: 'UnknownTimeZone', message }] };
  }
  const next = nextCronTime(schedule, now, timeZone);
  const waiting = { ...idle, againAfterMs: next === undefined ? undefined : next - now };
  const dueMs = dueTime(cron, lastCronTime(schedule, now, timeZone));
  if (dueMs === undefined) return waiting;
  const deadlineMs = (cron.spec.startingDeadlineSeconds ?? Infinity) * 1_000;
  if (dueMs + deadlineMs < now) {
    const message = `Missed scheduled time to start a job: ${timestamp(dueMs)}`;
    return { ...waiting, notes: [...notes, { type: 'Warning', reason: 'MissSchedule', message }] };
  }
  if (jobs.some(({ metadata }) => metadata?.name === jobName(cron, dueMs))) {
    return { ...waiting, status: { ...status, lastScheduleTime: timestamp(dueMs) } };
  }
  if (concurrencyPolicy === 'Forbid' && active.length > 0) {
    const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
    return { ...waiting, notes: [...notes, { type: 'Normal', reason: 'JobAlreadyActive', message }] };
  }
  return { ...waiting, replace: concurrencyPolicy === 'Replace' ? active : [], startAtMs: dueMs };
}

/** The newest scheduled time that was not served yet; of several missed ones only this is. */
function dueTime({ status, metadata }: CronJob, lastMs: number | undefined): number | undefined {
  const servedMs = msOf(status?.lastScheduleTime ?? metadata?.creationTimestamp);
  return lastMs !== undefined && lastMs > servedMs ? lastMs : undefined;
}

/** The same for the same minute, so that a run can never be started twice. */
export function jobName({ metadata }: CronJob, scheduledMs: number): string {
  return `${metadata?.name ?? ''}-${Math.floor(scheduledMs / 60_000)}`;
}

function referenceTo({ metadata }: Job): NonNullable<CronJobStatus['active']>[number] {
  const { name, namespace, uid, resourceVersion } = metadata ?? {};
  return { apiVersion: 'batch/v1', kind: 'Job', name, namespace, uid, resourceVersion };
}

function lastSuccess({ status }: CronJob, jobs: readonly Job[]): string | undefined {
  const times = jobs.flatMap((job) =>
    finishOf(job)?.type === 'Complete' ? [job.status?.completionTime] : [],
  );
  const all = [status?.lastSuccessfulTime, ...times].filter((time) => time !== undefined);
  return all.toSorted((left, right) => msOf(left) - msOf(right)).at(-1);
}

/** Jobs that the status calls active and that have ended, or are gone. */
function finishedNotes({ status }: CronJob, jobs: readonly Job[]): Note[] {
  const byUid = new Map(jobs.map((job) => [job.metadata?.uid, job]));
  return (status?.active ?? []).flatMap(({ name = '', uid }): Note[] => {
    const job = byUid.get(uid);
    if (!job) return [{ type: 'Normal', reason: 'MissingJob', message: `Active job went missing: ${name}` }];
    const finish = finishOf(job);
    const message = `Saw completed job: ${name}, condition: ${finish?.type ?? ''}`;
    return finish ? [{ type: 'Normal', reason: 'SawCompletedJob', message }] : [];
  });
}

function beyondHistory({ spec }: CronJob, jobs: readonly Job[]): Job[] {
  const limits = { Complete: spec?.successfulJobsHistoryLimit, Failed: spec?.failedJobsHistoryLimit };
  return Object.entries(limits).flatMap(([type, limit]) => {
    const finished = jobs
      .filter((job) => finishOf(job)?.type === type && !job.metadata?.deletionTimestamp)
      .toSorted((left, right) => msOf(left.status?.startTime) - msOf(right.status?.startTime));
    return limit === undefined ? [] : finished.slice(0, Math.max(0, finished.length - limit));
  });
}
