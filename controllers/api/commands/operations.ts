import type { OperationKind } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { createOperation } from '@skyarc/prisma/datacenter';
import type { Api } from '../api.ts';
import type { CallContext } from '../context.ts';
import { check } from '@skyarc/lib/input';
import { inputs } from '../input.ts';
import type { AppRecord, OperationRecord } from '../records.ts';

/** Throws NOT_FOUND for an app of nobody or of another team. */
export async function getApp(api: Api, id: string, context: CallContext): Promise<AppRecord> {
  const app = await api.repository.findApp(context, id);
  if (!app) throw new AppError('NOT_FOUND', 'There is no such app');
  return app;
}

type SimpleKind = Extract<OperationKind, 'DEPLOY' | 'START' | 'STOP' | 'RESTART' | 'DELETE'>;

/** Why an operation makes no sense now, or undefined. */
const refusals: Readonly<Record<SimpleKind, (app: AppRecord) => string | undefined>> = {
  DEPLOY: () => undefined,
  START: (app) =>
    app.currentVersionId === null
      ? 'it has no version yet; deploy it first'
      : app.desired === 'RUNNING'
        ? 'it is started already'
        : undefined,
  STOP: (app) => (app.desired === 'STOPPED' ? 'it is stopped already' : undefined),
  RESTART: (app) => (app.desired === 'STOPPED' ? 'it is stopped; start it' : undefined),
  DELETE: () => undefined,
};

/**
 * Begins an operation that needs nothing but the app. What its owner wants is recorded by the worker when it
 * has succeeded, so a failed start leaves a stopped app stopped. Throws CONFLICT while another one runs.
 */
export async function beginOperation(
  api: Api,
  kind: SimpleKind,
  id: string,
  context: CallContext,
): Promise<OperationRecord> {
  const app = await getApp(api, id, context);
  const refusal = app.activeOperationId === null ? refusals[kind](app) : undefined;
  if (refusal) throw new AppError('CONFLICT', `Cannot ${kind.toLowerCase()} app "${app.name}": ${refusal}`);
  return begin(api, app, { kind, actor: context.actor });
}

export async function rollbackApp(
  api: Api,
  { id, versionId }: { readonly id: string; readonly versionId: string },
  context: CallContext,
): Promise<OperationRecord> {
  const app = await getApp(api, id, context);
  const what = `Cannot roll back app "${app.name}"`;
  const version = await api.repository.findVersion(versionId);
  if (version?.appId !== id) throw new AppError('NOT_FOUND', `${what}: it has no such version`);
  if (app.currentVersionId === versionId && app.desired === 'RUNNING') {
    throw new AppError('CONFLICT', `${what}: version ${version.number} is the current one`);
  }
  return begin(api, app, { kind: 'ROLLBACK', actor: context.actor, versionId });
}

export async function scaleApp(
  api: Api,
  { id, replicas }: { readonly id: string; readonly replicas: number },
  context: CallContext,
): Promise<OperationRecord> {
  const app = await getApp(api, id, context);
  const what = `Cannot scale app "${app.name}"`;
  const count = check(what, inputs.replicas, replicas);
  if (!app.currentVersionId) {
    throw new AppError('CONFLICT', `${what}: it has no version yet; set the number in its settings`);
  }
  return begin(api, app, {
    kind: 'SCALE',
    actor: context.actor,
    arguments: { replicas: count },
    also: async (tx) => {
      const where = { id, teamName: app.teamName };
      await tx.app.update({ where, data: { replicas: count, revision: { increment: 1 } } });
    },
  });
}

/** Asks it to stop; one that is final stays as it is. */
export async function cancelOperation(api: Api, id: string, context: CallContext): Promise<OperationRecord> {
  const operation = await api.repository.requestCancel(context, id);
  if (!operation) throw new AppError('NOT_FOUND', 'Cannot cancel: there is no such operation');
  announceOperation(api, operation);
  return operation;
}

/** Lets the task go out and tells who watches. */
export function announceOperation(api: Api, { id, appId, teamName }: OperationRecord): void {
  api.relay.kick();
  api.changes.announce(teamName, { kind: 'operation', id, appId });
}

type Wanted = Omit<Parameters<typeof createOperation>[1], 'app'>;

async function begin(api: Api, app: AppRecord, wanted: Wanted): Promise<OperationRecord> {
  const operation = await createOperation(api.repository.db, { app, ...wanted });
  announceOperation(api, operation);
  return operation;
}
