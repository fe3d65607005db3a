import { operationKind, type OperationKind, runtimeTask, type RuntimeTask } from '@skyarc/lib/contracts';
import { AppError, messageOf, toAppError } from '@skyarc/lib/errors';
import type { EventLogClient } from '@skyarc/lib/eventlog-client';
import { check } from '@skyarc/lib/input';
import type { Delivery } from '@skyarc/lib/mq-client';
import { type DataCenterTransaction, OperationJournal } from '@skyarc/prisma/datacenter';
import type { AppLocks } from './app-locks.ts';
import type { WorkerContext } from './context.ts';
import { type AppRef, findDeployed, keepDeployed, restartedAtOf } from './deployed.ts';
import { operateExternal } from './external/operate.ts';
import { externalServiceOf } from './external/record.ts';
import { awaitTurn } from './order/order.ts';
import { readRunSpec } from './records.ts';
import { renderApp, type Rendered } from './render/app.ts';
import { activeRule } from './render/autoscaling.ts';
import { isJob, type RunSpec } from './render/run-spec.ts';
import { pruneClaims } from './steps/claims.ts';
import { failure } from './steps/failure.ts';
import { awaitLeave, candidateRun, checkCandidate, greyRecordOf, planOf } from './steps/grey.ts';
import { applyObjects, pruneObjects } from './steps/objects.ts';
import { removeRunning, removeTraces } from './steps/remove.ts';
import { restore } from './steps/restore.ts';
import { carryOutJob } from './steps/run-job.ts';
import { resizeInPlace } from './steps/resize.ts';
import { rollOut, throwIfOver } from './steps/roll-out.ts';

/** Codes that say: not now; the task comes again. Everything else ends the operation. */
const passing = new Set(['UNAVAILABLE', 'TIMEOUT', 'CONFLICT', 'EXHAUSTED', 'UNAUTHENTICATED']);
const retryAfterMs = 3_000;
/** Kinds that leave a stopped app stopped. */
const keepingDesire: ReadonlySet<OperationKind> = new Set([
  'SCALE',
  'CONFIGURE',
  'RESTART',
  'RUN',
  'GREY_ABORT',
]);
const isNamespace = ({ resource }: Rendered): boolean => resource === 'namespaces';
/** An error of our own may be a race; one that returns is a bug and ends the operation. */
const bugAttempts = 3;

/** Carries out operations, one step after the other; every step may be repeated after a crash. */
export class WorkerController {
  private readonly context: WorkerContext;
  private readonly eventlog: Pick<EventLogClient, 'remove'>;
  private readonly locks: AppLocks;

  constructor(context: WorkerContext, eventlog: Pick<EventLogClient, 'remove'>, locks: AppLocks) {
    this.context = context;
    this.eventlog = eventlog;
    this.locks = locks;
  }

  /** Handles one delivery of topic `runtime`; throws only when it is to come again. */
  async handle(
    delivery: Pick<Delivery, 'body' | 'attempt' | 'signal'>,
    stopping: AbortSignal,
  ): Promise<void> {
    const task = check('Cannot read the task', runtimeTask, delivery.body);
    const signal = AbortSignal.any([delivery.signal, stopping]);
    await this.locks.with(task.appId, () => this.carryOut(task, delivery.attempt, signal));
  }

  private async carryOut(task: RuntimeTask, attempt: number, signal: AbortSignal): Promise<void> {
    const { db, sink, log } = this.context;
    const journal = await OperationJournal.open(db, task.operationId, sink);
    if (!journal) return;
    const { id, kind, appName } = journal.operation;
    if (!(await this.mayBegin(journal, attempt))) return;
    try {
      await journal.start();
      await throwIfOver(this.context, journal);
      await this.run(operationKind.parse(kind), journal, signal);
      log.info({ operation: id, kind, app: appName }, 'operation succeeded');
    } catch (error) {
      // The task was taken from us, or we are stopping: whoever comes next goes on.
      signal.throwIfAborted();
      await this.end(journal, error, attempt);
    }
  }

  /** False when an operation that comes before it failed, or it was canceled; throws while it has to wait. */
  private async mayBegin(journal: OperationJournal, attempt: number): Promise<boolean> {
    try {
      await awaitTurn(this.context.db, journal.operation, attempt);
      return true;
    } catch (error) {
      if (passing.has(toAppError(error).code)) throw error;
      await journal.fail(error);
      return false;
    }
  }

  private async run(kind: OperationKind, journal: OperationJournal, signal: AbortSignal): Promise<void> {
    if (kind === 'DELETE') return this.delete(journal, signal);
    const { db, kube, secretBox, renderOptions } = this.context;
    const { operation } = journal;
    const app = await db.app.findUnique({ where: { id: operation.appId }, include: { team: true } });
    if (!app) throw new AppError('NOT_FOUND', `App "${operation.appName}" is gone`);
    const ref: AppRef = { id: app.id, name: app.name, team: app.teamName, namespace: app.team.namespace };
    const keepsDesire = keepingDesire.has(kind);
    const desired = kind === 'STOP' ? 'STOPPED' : keepsDesire ? app.desired : 'RUNNING';
    if (externalServiceOf(app)) return operateExternal(this.context, { kind, ref, desired, journal });
    let spec: RunSpec | undefined;
    let objects: Rendered[] = [];
    const prepare = async () => {
      const restartedAt =
        kind === 'RESTART' ? operation.createdAt.toISOString() : restartedAtOf(await findDeployed(kube, ref));
      spec = await readRunSpec(db, secretBox, {
        appId: app.id,
        ...(await planOf(db, operation, app)),
        restartedAt,
        isStopped: desired === 'STOPPED',
      });
      if (kind === 'GREY_START') await checkCandidate(db, spec);
      objects = renderApp(spec, renderOptions);
      return spec;
    };
    let resized = 0;
    await journal.step('APPLY', async () => {
      const { version } = await prepare();
      if (desired === 'RUNNING') await this.context.images?.check(spec as RunSpec);
      let writes = await applyObjects(kube, objects.filter(isNamespace));
      await this.context.pullSecrets?.ensure(ref);
      resized = await resizeInPlace(kube, { app: ref, objects, journal });
      if (resized > 0) journal.say(resizedSentence(resized));
      writes += await applyObjects(
        kube,
        objects.filter((object) => !isNamespace(object)),
      );
      await this.context.tls.settle(ref.namespace, app.id);
      return `Version ${version.number} applied, ${writes} of ${objects.length} objects changed`;
    });
    let said: string | null = null;
    if (kind !== 'GREY_ABORT')
      await journal.step('ROLL_OUT', async () => {
        const made = spec as RunSpec;
        if (!isJob(made)) {
          await rollOut(this.context, { spec: made, objects, journal, signal });
          const candidate = candidateRun(made, objects);
          if (candidate) await rollOut(this.context, { ...candidate, journal, signal });
          return;
        }
        // A job is deployed once its objects are there; how its runs end is another matter.
        await keepDeployed(kube, ref, objects);
        await db.$transaction((tx) => recordSuccess(tx, { kind, spec: made, desired }));
        said = await carryOutJob(this.context, { kind, spec: made, journal, signal });
      });
    if (kind === 'GREY_PROMOTE') {
      spec = { ...(spec as RunSpec), grey: null };
      objects = renderApp(spec, renderOptions);
      await applyObjects(kube, objects);
    }
    const made = spec as RunSpec;
    await keepDeployed(kube, ref, objects);
    if (kind === 'GREY_PROMOTE' || kind === 'GREY_ABORT') await awaitLeave(signal);
    await pruneObjects(kube, ref, objects);
    await pruneClaims(this.context, ref, made.volumes);
    await journal.finish('SUCCEEDED', said ?? sentenceOf(kind, made, resized), (tx) =>
      recordSuccess(tx, { kind, spec: made, desired }),
    );
  }

  private async delete(journal: OperationJournal, signal: AbortSignal): Promise<void> {
    const { db } = this.context;
    const { appId, appName } = journal.operation;
    const app = await db.app.findUnique({ where: { id: appId }, include: { team: true } });
    await journal.step('APPLY', async () => {
      if (!app) return;
      await throwIfMounted(db, app);
      const ref: AppRef = { id: app.id, name: app.name, team: app.teamName, namespace: app.team.namespace };
      await removeRunning(this.context, { app: ref, journal, signal });
    });
    await journal.step('CLEAN_UP', () => removeTraces(this.context, this.eventlog, appId));
    await journal.finish('SUCCEEDED', `App "${appName}" is deleted`, async (tx) => {
      await tx.app.deleteMany({ where: { id: appId } });
    });
  }

  /** Leaves the cluster as it was before and ends the operation; throws when the task is to come again. */
  private async end(journal: OperationJournal, error: unknown, attempt: number): Promise<void> {
    const { log } = this.context;
    const known = toAppError(error);
    const { id, kind, deadlineAt, appName } = journal.operation;
    const mayRetry = known.details['final'] !== true && deadlineAt.getTime() > Date.now();
    const isPassing = passing.has(known.code) || (known.code === 'INTERNAL' && attempt < bugAttempts);
    if (mayRetry && isPassing) {
      log.warn({ operation: id, kind, app: appName, reason: messageOf(error) }, 'operation waits');
      throw new AppError(known.code, known.message, { cause: error, details: { retryAfterMs } });
    }
    log.warn(
      { operation: id, kind, app: appName, code: known.code, reason: messageOf(error) },
      'operation failed',
    );
    const restored = kind === 'DELETE' ? null : await this.restore(journal);
    if (restored === 'previous') journal.say('The previous state is kept', 'warn');
    await journal.fail(error);
  }

  private async restore(journal: OperationJournal): Promise<'previous' | 'nothing' | null> {
    const { db } = this.context;
    const app = await db.app.findUnique({ where: { id: journal.operation.appId }, include: { team: true } });
    if (!app) return null;
    return restore(this.context, {
      id: app.id,
      name: app.name,
      team: app.teamName,
      namespace: app.team.namespace,
    });
  }
}

/** Its data would be taken from under another app's pods. */
async function throwIfMounted(
  db: WorkerContext['db'],
  app: { readonly id: string; readonly name: string },
): Promise<void> {
  const mount = await db.volume.findFirst({
    where: { appId: { not: app.id }, source: { appId: app.id } },
    include: { app: true, source: true },
  });
  if (!mount) return;
  throw failure(
    `App "${app.name}" cannot be deleted: app "${mount.app.name}" mounts its volume "${mount.source?.name}"; take it from there first`,
  );
}

async function recordSuccess(
  tx: DataCenterTransaction,
  { kind, spec, desired }: { kind: OperationKind; spec: RunSpec; desired: string },
): Promise<void> {
  await tx.app.updateMany({
    where: { id: spec.id },
    data: { desired, currentVersionId: spec.version.id, ...greyRecordOf(kind, spec) },
  });
  if (desired === 'RUNNING') {
    await tx.version.updateMany({ where: { id: spec.version.id }, data: { deployedAt: new Date() } });
  }
}

function resizedSentence(pods: number): string {
  const which = pods === 1 ? 'One pod was' : `${pods} pods were`;
  return `${which} resized in place, without a restart; what an app read of its limits at its start stays as it was`;
}

function sentenceOf(kind: OperationKind, spec: RunSpec, resized: number): string {
  const { version, replicas, grey } = spec;
  if (replicas === 0)
    return kind === 'STOP' ? 'The app is stopped' : 'The settings are kept for the next start';
  const rule = activeRule(spec);
  const fixed = replicas === 1 ? 'one pod' : `${replicas} pods`;
  const pods = rule ? `${rule.minReplicas} to ${rule.maxReplicas} pods` : fixed;
  const how = resized > 0 ? ', resized in place' : '';
  const beside = grey ? `, version ${grey.version.number} beside it for ${grey.release.percent} %` : '';
  return `Version ${version.number} runs with ${pods}${how}${beside}`;
}
