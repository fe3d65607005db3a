import { type LogOutputKind, logOutputKinds, newId } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import type { LogOutputRecord } from '@skyarc/prisma/datacenter';
import { z } from 'zod';
import type { Api } from '../api.ts';
import { type CallContext, theTeam } from '../context.ts';
import type { LogOutput, LogOutputInput, MutationResolvers, QueryResolvers } from '../generated/resolvers.ts';
import { withoutNulls } from '../input/text.ts';
import { audited } from '../resolvers/mutations.ts';

const maxOutputs = 10;
const what = 'Cannot save the output';

const common = z.object({
  name: z.string().trim().min(1, 'An output has a name').max(80, 'A name has at most 80 characters'),
  enabled: z.boolean().default(true),
  secret: z.string().min(1).max(4_096, 'A secret has at most 4096 characters').optional(),
});

export function createLogOutputQueries(api: Api): QueryResolvers {
  return { logOutputs: (_parent, _args, context) => listOutputs(api, context) };
}

export function createLogOutputMutations(api: Api): MutationResolvers {
  return audited(api, {
    saveLogOutput: (_parent, { input }, context) => saveOutput(api, input, context),
    deleteLogOutput: (_parent, { id }, context) => deleteOutput(api, id, context),
  });
}

/** Null: of the data centre. */
const ownerOf = (context: CallContext): string | null => (context.teams === 'all' ? null : theTeam(context));

async function listOutputs({ repository }: Api, context: CallContext): Promise<LogOutput[]> {
  const where = { teamName: ownerOf(context) };
  return (await repository.db.logOutput.findMany({ where, orderBy: { name: 'asc' } })).map(present);
}

async function saveOutput(api: Api, raw: LogOutputInput, context: CallContext): Promise<LogOutput> {
  const teamName = ownerOf(context);
  const { db } = api.repository;
  const before = raw.id ? await getOutput(api, raw.id, context) : null;
  if (!before && (await db.logOutput.count({ where: { teamName } })) >= maxOutputs)
    throw new AppError('EXHAUSTED', `${what}: there are ${maxOutputs} already`);
  const given = withoutNulls(raw) as Record<string, unknown>;
  const { name, enabled, secret } = check(what, common, given);
  const settings = JSON.stringify(check(what, logOutputKinds[raw.kind] as z.ZodType, given));
  const id = before?.id ?? newId(api.config.dataCenter, 'logoutput');
  // A stored secret must not be taken to another place.
  const isSamePlace = before?.kind === raw.kind && before.settings === settings;
  const kept = isSamePlace ? before.secret : null;
  const sealed = secret === undefined ? kept : api.secretBox.seal(secret, `logoutput:${id}`);
  const row = { name, kind: raw.kind, settings, secret: sealed, enabled };
  const saved = await db.logOutput.upsert({
    where: { id },
    create: { id, teamName, ...row },
    update: { ...row, lastError: null },
  });
  return present(saved);
}

async function deleteOutput(api: Api, id: string, context: CallContext): Promise<true> {
  await getOutput(api, id, context);
  await api.repository.db.logOutput.delete({ where: { id } });
  return true;
}

async function getOutput({ repository }: Api, id: string, context: CallContext): Promise<LogOutputRecord> {
  const found = await repository.db.logOutput.findFirst({ where: { id, teamName: ownerOf(context) } });
  if (!found) throw new AppError('NOT_FOUND', 'There is no such output');
  return found;
}

function present({ settings, secret, kind, ...rest }: LogOutputRecord): LogOutput {
  const known = JSON.parse(settings) as Partial<LogOutput>;
  const { host, port, transport, url, username, index } = known;
  return {
    ...rest,
    kind: kind as LogOutputKind,
    host,
    port,
    transport,
    url,
    username,
    index,
    hasSecret: secret !== null,
  };
}
