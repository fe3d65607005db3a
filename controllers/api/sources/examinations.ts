import {
  appSource,
  builtSource,
  examinationLifeMs,
  examinationResult,
  examineTask,
  newId,
  topics,
} from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import { enqueue, type ExaminationRecord } from '@skyarc/prisma/datacenter';
import type { Api } from '../api.ts';
import { invalid } from '../commands/refusals.ts';
import { sealCredentials } from '../commands/sealing.ts';
import { ensureTeam } from '../commands/teams.ts';
import { type CallContext, teamFilter, theTeam } from '../context.ts';
import type { Examination, ExaminationStatus } from '../generated/resolvers.ts';
import { appSourceOf, type CheckedSource, sourceInputs } from '../input/source.ts';
import { withoutNulls } from '../input/text.ts';
import { uploadOf } from './uploads.ts';

const maxUnfinished = 20;
/** A check that ends neither well nor badly for so long has lost its builder. */
const patienceMs = 900_000;

/** Begins the check of a source. Throws INVALID, EXHAUSTED when the team has many under way. */
export async function examineSource(api: Api, input: unknown, context: CallContext): Promise<Examination> {
  const what = 'Cannot check the source';
  const teamName = theTeam(context);
  const { source, buildpack, appId } = check(what, sourceInputs.examine, withoutNulls(input));
  await ensureTeam(api, teamName);
  const wanted = builtSource.safeParse(appSourceOf(source, await uploadOf(api, teamName, what, source)));
  if (!wanted.success) throw invalid(what, 'source', 'a service outside has no source; make the app at once');
  const { db } = api.repository;
  const now = Date.now();
  await db.examination.deleteMany({ where: { expiresAt: { lt: new Date(now) } } });
  const unfinished = await db.examination.count({
    where: {
      teamName,
      status: { in: ['QUEUED', 'RUNNING'] },
      createdAt: { gt: new Date(now - patienceMs) },
    },
  });
  if (unfinished >= maxUnfinished)
    throw new AppError('EXHAUSTED', `${what}: ${unfinished} checks are under way; wait for one to end`);
  const id = newId(api.config.dataCenter, 'examination');
  const data = {
    id,
    teamName,
    source: JSON.stringify(wanted.data),
    sourceSecret:
      sealCredentials(api.secretBox, id, source, null) ??
      (appId ? await credentialsOfApp(api, context, { appId, source, id }) : null),
    buildpack: buildpack || null,
    expiresAt: new Date(now + examinationLifeMs),
  };
  const row = await db.$transaction(async (tx) => {
    const body = examineTask.parse({ examinationId: id, team: teamName });
    await enqueue(tx, { id, topic: topics.examine, key: id, lane: teamName, body });
    return tx.examination.create({ data });
  });
  api.relay.kick();
  return present(row);
}

export async function findExamination(
  { repository }: Api,
  id: string,
  context: CallContext,
): Promise<Examination | null> {
  const where = { id, expiresAt: { gt: new Date() }, ...teamFilter(context) };
  const row = await repository.db.examination.findFirst({ where });
  return row && present(row);
}

/** What an app has stored for the same host, sealed for the examination. */
async function credentialsOfApp(
  { repository, secretBox }: Api,
  context: CallContext,
  { appId, source, id }: { appId: string; source: CheckedSource; id: string },
): Promise<string | null> {
  const remote = source.git ?? source.svn;
  const app = await repository.findApp(context, appId);
  if (!app) throw invalid('Cannot check the source', 'appId', 'the team has no such app');
  if (!app.sourceSecret || !remote || remote.password !== undefined) return null;
  const stored = appSource.safeParse(JSON.parse(app.source)).data;
  const url = stored?.kind === 'GIT' || stored?.kind === 'SVN' ? stored.url : null;
  const kept = sealCredentials(secretBox, appId, source, { sealed: app.sourceSecret, url });
  return kept && secretBox.seal(secretBox.open(kept, `source:${appId}`), `source:${id}`);
}

function present(row: ExaminationRecord): Examination {
  const { id, message, createdAt, finishedAt, expiresAt } = row;
  const result = row.result === null ? null : examinationResult.parse(JSON.parse(row.result));
  const isLost = finishedAt === null && createdAt.getTime() < Date.now() - patienceMs;
  const lost = { status: 'FAILED', message: 'No builder answered in time; try again' } as const;
  return {
    id,
    ...(isLost ? lost : { status: row.status as ExaminationStatus, message }),
    log: JSON.parse(row.log) as string[],
    revision: result?.revision ?? null,
    found: result?.found ?? null,
    modules: result?.modules ?? [],
    problems: result?.problems ?? [],
    createdAt,
    finishedAt,
    expiresAt,
  };
}
