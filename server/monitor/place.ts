import { AppError } from '@skyarc/lib/errors';
import type { CallScope, DataCenterClient, RequestContext } from '@skyarc/server/host';

interface Place {
  readonly teamId?: string | null | undefined;
  readonly dataCenter?: string | null | undefined;
}

/** The data centre that is meant and for whom it is asked: one team, or the platform. */
export async function placeOf(
  { teamId, dataCenter }: Place,
  { dataCenters, directory }: RequestContext,
): Promise<{ readonly client: DataCenterClient; readonly scope: CallScope }> {
  const client = await dataCenters.get(dataCenter);
  return { client, scope: await scopeOf(teamId, { dataCenters, directory }) };
}

/** The same for something that has an id. */
export async function ownerOf(
  { id, teamId }: { readonly id: string; readonly teamId?: string | null | undefined },
  { dataCenters, directory }: RequestContext,
): Promise<{ readonly client: DataCenterClient; readonly scope: CallScope }> {
  const client = await dataCenters.ownerOf(id);
  return { client, scope: await scopeOf(teamId, { dataCenters, directory }) };
}

/** Policies have made sure that only administrators ask without a team. */
async function scopeOf(
  teamId: string | null | undefined,
  { dataCenters, directory }: Pick<RequestContext, 'dataCenters' | 'directory'>,
): Promise<CallScope> {
  if (!teamId) return dataCenters.scopeOf('*');
  const team = await directory.findTeam(teamId);
  if (!team) throw new AppError('NOT_FOUND', 'There is no such team, or you may not see it');
  return dataCenters.scopeOf(team.name);
}
