import type { OperationKind } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { isAlreadyExists, type KindTable } from '@skyarc/lib/kube';
import type { OperationJournal } from '@skyarc/prisma/datacenter';
import type { WorkerContext } from '../context.ts';
import { diagnose, lastLines, type Pod, tellingLine } from '../diagnose/index.ts';
import { endOf } from '../jobs/end.ts';
import { explainEnd } from '../jobs/explain.ts';
import { jobNameOf, renderJob } from '../render/job.ts';
import type { RunSpec } from '../render/run-spec.ts';
import { failure } from './failure.ts';
import { listJobs, listPods } from './objects.ts';
import { throwIfOver } from './roll-out.ts';

const lookEveryMs = 1_000;
/** So long before its deadline an operation leaves a run that goes well to itself. */
const leaveBeforeMs = 15_000;

export interface JobRunRequest {
  readonly spec: RunSpec;
  readonly journal: OperationJournal;
  readonly signal: AbortSignal;
}

/** Operations that run a JOB once; a CRON_JOB is run by its schedule, and by hand. */
const running: readonly OperationKind[] = ['DEPLOY', 'UPGRADE', 'ROLLBACK', 'START', 'RESTART', 'RUN'];

/** What an operation means for a job, once its objects are there; answers what to say of it. */
export async function carryOutJob(
  context: WorkerContext,
  request: JobRunRequest & { readonly kind: OperationKind },
): Promise<string> {
  const { kind, spec } = request;
  if (kind === 'STOP') {
    await endRuns(context, request);
    return 'The app is stopped';
  }
  if (kind === 'RUN' || (spec.workload === 'JOB' && running.includes(kind))) return runJob(context, request);
  if (spec.workload === 'JOB') return 'The settings are kept for the next run';
  const { schedule, suspended } = spec.job;
  return suspended || spec.replicas === 0
    ? `Version ${spec.version.number} is deployed, its schedule is suspended`
    : `Version ${spec.version.number} runs by its schedule "${schedule}"`;
}

/**
 * Makes one run and follows it to its end; answers what to say of it. Called again after a crash it goes on
 * with the same run. Throws INVALID when the run fails; a canceled operation takes its run with it.
 */
async function runJob(context: WorkerContext, request: JobRunRequest): Promise<string> {
  const { kube, watch } = context;
  const { spec, journal } = request;
  const name = jobNameOf(spec.name, journal.operation.id);
  await makeJob(context, request);
  journal.say(`Run ${name} has begun`);
  try {
    for (;;) {
      const deadlineAt = await throwIfOver(context, journal);
      const job = await kube.find('jobs', name, spec.namespace);
      if (!job) return await readRecord(context, { appId: spec.id, name });
      const end = endOf(job);
      if (end?.status === 'SUCCEEDED') return `Run ${name} succeeded after ${secondsOf(job, end.at)} s`;
      const pods = (await listPods(kube, spec)).filter((pod) => isOf(pod, job));
      if (end) throw await explain(context, request, { job, pods });
      const diagnosis = await diagnose(kube, spec, pods.filter(isWaiting));
      if (diagnosis?.isSettled && diagnosis.trouble !== 'NOT_READY') throw failure(diagnosis.sentence);
      if (deadlineAt.getTime() - Date.now() < leaveBeforeMs) {
        return `Run ${name} goes on; the history of runs will tell how it ends`;
      }
      await watch.next(spec.id, lookEveryMs, request.signal);
    }
  } catch (error) {
    // Who comes after us goes on with the run; an operation that ends does not leave one without an owner.
    request.signal.throwIfAborted();
    if (isEnd(error)) await kube.delete('jobs', name, spec.namespace).catch(() => undefined);
    throw error;
  }
}

/** Ends runs that go on and waits until their pods are gone. */
async function endRuns(context: WorkerContext, request: JobRunRequest): Promise<void> {
  const { spec, journal, signal } = request;
  for (const job of await listJobs(context.kube, spec)) {
    if (!endOf(job)) await context.kube.delete('jobs', job.metadata?.name ?? '', spec.namespace);
  }
  while ((await listPods(context.kube, spec)).some((pod) => !hasEnded(pod))) {
    await throwIfOver(context, journal);
    await context.watch.next(spec.id, lookEveryMs, signal);
  }
}

/** A run that has left a record was made before, also when its Job is gone by now. */
async function makeJob(context: WorkerContext, { spec, journal }: JobRunRequest): Promise<void> {
  const job = renderJob(spec, context.renderOptions, journal.operation.id);
  const name = job.metadata?.name ?? '';
  if (await context.db.jobRun.findUnique({ where: { appId_name: { appId: spec.id, name } } })) return;
  try {
    await context.kube.create('jobs', job);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

async function readRecord({ db }: WorkerContext, run: { appId: string; name: string }): Promise<string> {
  const row = await db.jobRun.findUnique({ where: { appId_name: run } });
  if (row?.status === 'SUCCEEDED') return `Run ${run.name} succeeded`;
  throw failure(row?.message ?? `Run ${run.name} was removed before it ended`);
}

async function explain(
  { kube }: WorkerContext,
  { journal }: JobRunRequest,
  { job, pods }: { job: KindTable['jobs']; pods: readonly Pod[] },
): Promise<AppError> {
  const sentence = explainEnd(job, pods);
  const failed = pods.find((pod) => pod.status?.phase === 'Failed');
  const lines = failed ? await lastLines(kube, failed) : [];
  if (lines.length > 0) journal.say(`Last lines of ${failed?.metadata?.name}:`, 'warn');
  for (const line of lines) journal.say(`  ${line}`, 'warn');
  const telling = tellingLine(lines);
  return failure(telling ? `${sentence}; its last line was: ${telling.slice(0, 300)}` : sentence);
}

/** The operation is over for the run, and not only interrupted: the run failed keeps its Job for its logs. */
function isEnd(error: unknown): boolean {
  return error instanceof AppError && (error.code === 'CANCELED' || error.code === 'TIMEOUT');
}

function isOf(pod: Pod, job: KindTable['jobs']): boolean {
  return (pod.metadata?.ownerReferences ?? []).some(({ uid }) => uid === job.metadata?.uid);
}

function isWaiting(pod: Pod): boolean {
  return pod.status?.phase === 'Pending';
}

function hasEnded({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

function secondsOf({ status, metadata }: KindTable['jobs'], end: Date): number {
  const begin = Date.parse(status?.startTime ?? metadata?.creationTimestamp ?? '');
  return Math.max(0, Math.round((end.getTime() - begin) / 1_000));
}
