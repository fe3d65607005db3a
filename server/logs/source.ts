import type { RequestContext } from '@skyarc/server/host';
import type { LogSourceInput } from './generated/resolvers.ts';

/** Name of the team whose log it is, or null when the viewer has no such thing. */
export async function teamOfSource(
  source: LogSourceInput,
  { dataCenters }: RequestContext,
): Promise<string | null> {
  switch (source.kind) {
    case 'APP':
      return dataCenters.findAppTeam(source.id);
    case 'BUILD':
      return (await dataCenters.findBuild(source.id))?.teamName ?? null;
    case 'OPERATION':
      return (await dataCenters.findOperation(source.id))?.teamName ?? null;
  }
}
