import { AppError } from '@skyarc/lib/errors';
import type { KubeClient } from '@skyarc/lib/kube';
import type { OperationJournal } from '@skyarc/prisma/datacenter';
import type { WorkerContext } from '../context.ts';
import {
  diagnose,
  type Diagnosis,
  findRefusal,
  isReady,
  lastLines,
  type Pod,
  tellingLine,
} from '../diagnose/index.ts';
import { type Rendered, type Workload, workloadAmong } from '../render/app.ts';
import { activeRule } from '../render/autoscaling.ts';
import { templateOf } from '../render/labels.ts';
import type { RunSpec } from '../render/run-spec.ts';
import { failure } from './failure.ts';
import { applyObjects, listPods } from './objects.ts';

/** The cluster tells of changes; this is for what it does not tell. */
const lookEveryMs = 1_000;

export interface RollOut {
  readonly spec: RunSpec;
  readonly objects: readonly Rendered[];
  readonly journal: OperationJournal;
  readonly signal: AbortSignal;
}

interface Progress {
  readonly isDone: boolean;
  readonly ready: number;
  /** Wanted ones. */
  readonly replicas: number;
}

/**
 * Waits until all wanted pods are of the new template and ready, and no others are left. Throws INVALID
 * with a diagnosis when they will not be, CANCELED and TIMEOUT by the operation's own limits.
 */
export async function rollOut(context: WorkerContext, run: RollOut): Promise<void> {
  const { kube, watch } = context;
  const { spec, journal } = run;
  const workload = workloadAmong(run.objects);
  if (!workload) throw new AppError('INTERNAL', `App "${spec.name}" has no workload`);
  const beganAt = Date.now();
  let said = '';
  let unready = null as Diagnosis | null;
  for (;;) {
    await throwIfOver(context, journal);
    const progress = await look(kube, workload, run);
    if (progress.isDone) return;
    const made = newPods(await listPods(kube, spec), workload);
    const pods = made.filter((pod) => !isReady(pod));
    const sentence = `${progress.ready} of ${progress.replicas} pods ready`;
    if (sentence !== said && spec.replicas > 0) journal.say(sentence);
    said = sentence;
    let found = spec.replicas > 0 ? await diagnose(kube, spec, pods) : null;
    if (made.length < spec.replicas) found ??= await findRefusal(kube, spec, beganAt);
    const diagnosis = withCause(found, unready);
    if (diagnosis?.trouble === 'NOT_READY') unready = diagnosis;
    if (diagnosis?.isSettled) throw await explain(kube, run, pods, diagnosis);
    if (diagnosis) sayOnce(journal, diagnosis.sentence);
    await watch.next(spec.id, lookEveryMs, run.signal);
  }
}

/** A pod that was ended for never becoming ready, or fails a probe, is explained by the cause seen before. */
function withCause(found: Diagnosis | null, before: Diagnosis | null): Diagnosis | null {
  if (!found || !before) return found;
  if (found.isBySignal) return { ...before, isSettled: true };
  const isVaguer = found.trouble === 'NOT_READY' && !found.isCause && before.isCause;
  return isVaguer ? { ...before, isSettled: found.isSettled } : found;
}

/** Ends the wait when a person or the clock ended the operation; answers when the clock will. */
export async function throwIfOver({ db }: WorkerContext, journal: OperationJournal): Promise<Date> {
  const row = await db.operation.findUnique({ where: { id: journal.operation.id } });
  if (!row || (row.status !== 'RUNNING' && row.status !== 'QUEUED')) {
    throw new AppError('CANCELED', 'The operation was ended elsewhere');
  }
  if (row.cancelRequested) throw new AppError('CANCELED', row.cancelReason ?? 'Canceled on request');
  if (row.deadlineAt.getTime() < Date.now()) {
    throw new AppError('TIMEOUT', 'The operation did not end within its time', { details: { final: true } });
  }
  return row.deadlineAt;
}

async function look(kube: KubeClient, workload: Workload, run: RollOut): Promise<Progress> {
  const { name, namespace } = workload.object.metadata ?? {};
  const live = await kube.find(workload.resource, name ?? '', namespace);
  if (
    !live ||
    templateOf(live) !== templateOf(workload.object) ||
    (live.spec?.replicas !== run.spec.replicas && !activeRule(run.spec))
  ) {
    // Somebody else wrote to it, or removed it: level-triggered, so write again.
    await applyObjects(kube, run.objects);
    return { isDone: false, ready: 0, replicas: run.spec.replicas };
  }
  // A rule may change the number meanwhile: what it wants now counts.
  const replicas = live.spec?.replicas ?? 1;
  const { status = {} } = live;
  if ((status.observedGeneration ?? 0) < (live.metadata?.generation ?? 0))
    return { isDone: false, ready: 0, replicas };
  const isNew = (status.updatedReplicas ?? 0) === replicas || (replicas === 0 && !status.updatedReplicas);
  const isAvailable = (status.availableReplicas ?? status.readyReplicas ?? 0) === replicas;
  const isDone = isNew && isAvailable && (status.replicas ?? 0) === replicas;
  const ready = Math.min(status.updatedReplicas ?? 0, status.readyReplicas ?? 0);
  if (!isDone || replicas > 0) return { isDone, ready, replicas };
  return { isDone: (await listPods(kube, run.spec)).length === 0, ready: 0, replicas };
}

function newPods(pods: readonly Pod[], workload: Workload): Pod[] {
  const wanted = templateOf(workload.object);
  return pods.filter((pod) => templateOf(pod) === wanted);
}

async function explain(
  kube: KubeClient,
  run: RollOut,
  pods: readonly Pod[],
  diagnosis: Diagnosis,
): Promise<AppError> {
  const withLog = ['EXITED', 'OUT_OF_MEMORY', 'NOT_READY'].includes(diagnosis.trouble);
  for (const pod of withLog ? pods.slice(0, 1) : []) {
    const lines = await lastLines(kube, pod);
    if (lines.length === 0) continue;
    run.journal.say(`Last lines of ${pod.metadata?.name}:`, 'warn');
    for (const line of lines) run.journal.say(`  ${line}`, 'warn');
    if (diagnosis.trouble === 'EXITED') {
      return failure(`${diagnosis.sentence}; its last line was: ${(tellingLine(lines) ?? '').slice(0, 300)}`);
    }
  }
  return failure(diagnosis.sentence);
}

const saidBy = new WeakMap<OperationJournal, Set<string>>();

function sayOnce(journal: OperationJournal, sentence: string): void {
  // Ages and counts in a sentence do not make it news.
  const gist = sentence.replaceAll(/\d+/g, '#');
  const said = saidBy.get(journal) ?? new Set();
  saidBy.set(journal, said);
  if (said.has(gist)) return;
  said.add(gist);
  journal.say(sentence, 'warn');
}
