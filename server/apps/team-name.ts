import { AppError } from '@skyarc/lib/errors';
import type { RequestContext } from '@skyarc/server/host';

/** Throws NOT_FOUND. */
export async function teamNameOf(id: string, { directory }: RequestContext): Promise<string> {
  const team = await directory.findTeam(id);
  if (!team) throw new AppError('NOT_FOUND', 'There is no such team');
  return team.name;
}
