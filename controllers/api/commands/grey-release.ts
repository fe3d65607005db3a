import { AppError } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import type { Api } from '../api.ts';
import type { CallContext } from '../context.ts';
import { grey } from '../input/team.ts';
import { withoutNulls } from '../input/text.ts';
import { parseGrey } from '../present/run.ts';
import type { OperationRecord } from '../records.ts';
import { begin, cannot, getApp } from './operations.ts';
import { type AppChange, applyChange } from './update-app.ts';

/** Runs a version beside the current one; the worker names it in the record once it runs. */
export async function startGreyRelease(
  api: Api,
  { id, versionId, input }: { readonly id: string; readonly versionId: string; readonly input: unknown },
  context: CallContext,
): Promise<OperationRecord> {
  const app = await getApp(api, id, context);
  const what = cannot('GREY_START', app);
  const release = check(what, grey, withoutNulls(input));
  const refuse = (why: string): never => {
    throw new AppError('CONFLICT', `${what}: ${why}`);
  };
  const version = await api.repository.findVersion(versionId);
  if (version?.appId !== id) throw new AppError('NOT_FOUND', `${what}: it has no such version`);
  if (app.workload !== 'STATELESS')
    refuse(`only a STATELESS app can run two versions; it is ${app.workload}`);
  if (app.desired !== 'RUNNING' || !app.currentVersionId) refuse('it does not run; start it first');
  if (app.currentVersionId === versionId) refuse(`version ${version.number} is the current one`);
  const greyRelease = JSON.stringify(release);
  return begin(api, app, {
    kind: 'GREY_START',
    actor: context.actor,
    versionId,
    arguments: release,
    also: async (tx) => {
      await tx.app.update({ where: { id }, data: { greyRelease, revision: { increment: 1 } } });
    },
  });
}

/** Changes the share of a candidate that runs. */
export async function updateGreyRelease(
  api: Api,
  { id, input }: { readonly id: string; readonly input: unknown },
  context: CallContext,
): Promise<AppChange> {
  const app = await getApp(api, id, context);
  const what = `Cannot change the grey release of app "${app.name}"`;
  const release = check(what, grey, withoutNulls(input));
  if (!app.greyVersionId || !parseGrey(app.greyRelease))
    throw new AppError('CONFLICT', `${what}: there is none`);
  return applyChange(api, context, { app, what, isRendered: true }, async (tx) => {
    const data = { greyRelease: JSON.stringify(release), revision: { increment: 1 } };
    // A promotion or an end of it may have been faster.
    const { count } = await tx.app.updateMany({ where: { id, greyVersionId: app.greyVersionId }, data });
    if (count === 0) throw new AppError('CONFLICT', `${what}: there is none any more`);
  });
}

export async function endGreyRelease(
  api: Api,
  kind: 'GREY_PROMOTE' | 'GREY_ABORT',
  id: string,
  context: CallContext,
): Promise<OperationRecord> {
  const app = await getApp(api, id, context);
  const versionId = kind === 'GREY_PROMOTE' ? (app.greyVersionId ?? undefined) : undefined;
  return begin(api, app, { kind, actor: context.actor, ...(versionId ? { versionId } : {}) });
}

/** One run of a job, now. */
export async function runApp(api: Api, id: string, context: CallContext): Promise<OperationRecord> {
  const app = await getApp(api, id, context);
  const what = cannot('RUN', app);
  if (app.workload !== 'JOB' && app.workload !== 'CRON_JOB')
    throw new AppError('CONFLICT', `${what}: only a JOB or CRON_JOB is run; it is ${app.workload}`);
  if (!app.currentVersionId)
    throw new AppError('CONFLICT', `${what}: it has no version yet; deploy it first`);
  return begin(api, app, { kind: 'RUN', actor: context.actor });
}
