import { quota } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import type { Api } from '../api.ts';
import { type CallContext, teamFilter, theTeam } from '../context.ts';
import type { QuotaUse } from '../generated/resolvers.ts';
import { quotaInput } from '../input/team.ts';
import { withoutNulls } from '../input/text.ts';
import { presentQuota, useOf } from './quota.ts';
import { ensureTeam } from './teams.ts';

/** Sets all limits of a team; a lower one than is used only keeps its use from growing. */
export async function setQuota(api: Api, input: unknown, context: CallContext): Promise<QuotaUse> {
  const { teamName, ...limits } = check('Cannot set the quota', quotaInput, withoutNulls(input));
  if (teamName !== theTeam(context))
    throw new AppError('NOT_FOUND', 'Cannot set the quota: there is no such team');
  await ensureTeam(api, teamName);
  const { db } = api.repository;
  await db.team.update({ where: { name: teamName }, data: { quota: JSON.stringify(limits) } });
  return presentQuota(teamName, limits, await useOf(db, teamName));
}

export async function readQuota({ repository: { db } }: Api, teamName: string): Promise<QuotaUse> {
  const row = await db.team.findUnique({ where: { name: teamName } });
  const limits = quota.parse(JSON.parse(row?.quota ?? '{}'));
  return presentQuota(teamName, limits, await useOf(db, teamName));
}

/** Of all teams that the caller may see and that this data centre has heard of, by name. */
export async function listQuotas(api: Api, context: CallContext): Promise<QuotaUse[]> {
  const { teamName } = teamFilter(context);
  const teams = await api.repository.db.team.findMany({
    where: teamName ? { name: teamName } : {},
    orderBy: { name: 'asc' },
    select: { name: true },
  });
  return Promise.all(teams.map(({ name }) => readQuota(api, name)));
}
