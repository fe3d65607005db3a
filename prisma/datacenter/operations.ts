import {
  appSource,
  autoscaling,
  buildTask,
  newId,
  type OperationKind,
  type OperationStepName,
  runtimeTask,
  topics,
} from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import type { App, Operation } from '../generated/datacenter/client.ts';
import type { DataCenterDatabase, DataCenterTransaction } from './open.ts';
import { enqueue } from './outbox.ts';

export interface NewOperation {
  readonly app: Pick<App, 'id'>;
  readonly kind: OperationKind;
  readonly actor: string;
  /** The version that a ROLLBACK or UPGRADE leads to. */
  readonly versionId?: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
  /** Operations that must have succeeded before the worker begins with this one. */
  readonly afterIds?: readonly string[];
  /** The same for all operations that one wish began. */
  readonly batchId?: string;
  /** Written in the same transaction, e.g. the record's new replica count. */
  readonly also?: (tx: DataCenterTransaction, operation: Operation) => Promise<void>;
}

const stepsOf: Readonly<Record<OperationKind, readonly OperationStepName[]>> = {
  DEPLOY: ['FETCH', 'DETECT', 'BUILD', 'PUBLISH', 'APPLY', 'ROLL_OUT'],
  START: ['APPLY', 'ROLL_OUT'],
  STOP: ['APPLY', 'ROLL_OUT'],
  RESTART: ['APPLY', 'ROLL_OUT'],
  UPGRADE: ['APPLY', 'ROLL_OUT'],
  ROLLBACK: ['APPLY', 'ROLL_OUT'],
  SCALE: ['APPLY', 'ROLL_OUT'],
  CONFIGURE: ['APPLY', 'ROLL_OUT'],
  RUN: ['APPLY', 'ROLL_OUT'],
  GREY_START: ['APPLY', 'ROLL_OUT'],
  GREY_PROMOTE: ['APPLY', 'ROLL_OUT'],
  GREY_ABORT: ['APPLY', 'CLEAN_UP'],
  DELETE: ['APPLY', 'CLEAN_UP'],
};

/** Room that an operation has beyond the build's and the start's own limits, in seconds. */
const slackSeconds = 300;
/** How long a build may wait for a builder: its own time begins after that. */
const queueMs = 24 * 3_600_000;

/** Time of an operation from its beginning, without what it waits for a builder, in milliseconds. */
export function limitMsOf(
  app: Pick<App, 'buildTimeoutSec' | 'startTimeoutSec' | 'replicas'>,
  isBuild: boolean,
): number {
  return ((isBuild ? app.buildTimeoutSec : 0) + app.startTimeoutSec * app.replicas + slackSeconds) * 1000;
}

/**
 * Begins an operation: claims the app for it, writes its steps and the task that carries it out, all in
 * one transaction, so that a crash leaves all or nothing. A DEPLOY also makes its Build, unless the app is a
 * third-party one, of which nothing is built.
 * Throws CONFLICT while another operation has the app or what the app is does not allow this one, NOT_FOUND when
 * there is no such app.
 */
export async function createOperation(db: DataCenterDatabase, wanted: NewOperation): Promise<Operation> {
  return db.$transaction((tx) => addOperation(tx, wanted));
}

/** The same in a transaction that does more, e.g. begins several operations or none. */
export async function addOperation(tx: DataCenterTransaction, wanted: NewOperation): Promise<Operation> {
  const id = newId(wanted.app.id.split('.')[0] as string, 'op');
  const app = await claim(tx, wanted, id);
  const build = wanted.kind === 'DEPLOY' && !isExternal(app) ? await nextBuild(tx, app) : undefined;
  const steps = wanted.kind === 'DEPLOY' && !build ? stepsOf.START : stepsOf[wanted.kind];
  const limitMs = limitMsOf(app, build !== undefined) + (build ? queueMs : 0);
  const operation = await tx.operation.create({
    data: {
      id,
      appId: app.id,
      appName: app.name,
      groupId: app.groupId,
      teamName: app.teamName,
      kind: wanted.kind,
      actor: wanted.actor,
      buildId: build?.id,
      versionId: wanted.versionId,
      arguments: JSON.stringify(wanted.arguments ?? {}),
      deadlineAt: new Date(Date.now() + limitMs),
      afterIds: JSON.stringify(wanted.afterIds ?? []),
      batchId: wanted.batchId,
      steps: { create: steps.map((name, position) => ({ name, position })) },
    },
  });
  await wanted.also?.(tx, operation);
  const task = { operationId: id, appId: app.id, team: app.teamName };
  await enqueue(tx, {
    id: `${id}.begin`,
    topic: build ? topics.build : topics.runtime,
    key: app.id,
    // Builders are few: a team with many builds makes nobody else wait for them all.
    lane: build ? app.teamName : '',
    body: build ? buildTask.parse({ ...task, buildId: build.id }) : runtimeTask.parse(task),
  });
  return operation;
}

async function claim(tx: DataCenterTransaction, wanted: NewOperation, operationId: string): Promise<App> {
  const { count } = await tx.app.updateMany({
    where: { id: wanted.app.id, activeOperationId: null },
    data: { activeOperationId: operationId },
  });
  const app = await tx.app.findUnique({ where: { id: wanted.app.id } });
  if (!app) throw new AppError('NOT_FOUND', `There is no app ${wanted.app.id}`);
  if (count === 1) {
    const refusal = refusalOf(wanted.kind, app);
    // Thrown inside the transaction: the claim is undone with it.
    if (refusal) throw new AppError('CONFLICT', `Cannot ${verbs[wanted.kind]} app "${app.name}": ${refusal}`);
    return app;
  }
  const active = app.activeOperationId
    ? await tx.operation.findUnique({ where: { id: app.activeOperationId } })
    : null;
  throw new AppError(
    'CONFLICT',
    `Cannot ${verbs[wanted.kind]} app "${app.name}": ${active?.kind.toLowerCase() ?? 'another operation'} by ${active?.actor ?? 'someone'} is still running; wait for it or cancel it`,
    { details: { operationId: app.activeOperationId } },
  );
}

const verbs: Readonly<Record<OperationKind, string>> = {
  DEPLOY: 'deploy',
  START: 'start',
  STOP: 'stop',
  RESTART: 'restart',
  UPGRADE: 'upgrade',
  ROLLBACK: 'roll back',
  SCALE: 'scale',
  CONFIGURE: 'configure',
  RUN: 'run',
  GREY_START: 'start a grey release of',
  GREY_PROMOTE: 'promote the grey release of',
  GREY_ABORT: 'abort the grey release of',
  DELETE: 'delete',
};

/** Why an operation does not fit what the app is now; undefined when it does. */
function refusalOf(kind: OperationKind, app: App): string | undefined {
  const changesVersion = kind === 'DEPLOY' || kind === 'UPGRADE' || kind === 'ROLLBACK';
  if (app.greyVersionId && (changesVersion || kind === 'GREY_START')) {
    return 'a grey release is under way; promote or abort it first';
  }
  if (!app.greyVersionId && (kind === 'GREY_PROMOTE' || kind === 'GREY_ABORT')) return 'there is none';
  if (kind === 'SCALE' && autoscaling.safeParse(JSON.parse(app.autoscaling ?? 'null')).data?.enabled) {
    return 'its autoscaling rule decides the number of pods; change the rule, or switch it off';
  }
  return undefined;
}

/** A service outside of the cluster. */
function isExternal({ source }: App): boolean {
  return appSource.safeParse(JSON.parse(source)).data?.kind === 'EXTERNAL';
}

async function nextBuild(tx: DataCenterTransaction, app: App): Promise<{ id: string }> {
  const { _max } = await tx.build.aggregate({ where: { appId: app.id }, _max: { number: true } });
  const id = newId(app.id.split('.')[0] as string, 'build');
  return tx.build.create({
    data: { id, appId: app.id, number: (_max.number ?? 0) + 1 },
    select: { id: true },
  });
}
