import { AppError } from '@skyarc/lib/errors';
import { dataCenterDocuments, type RequestContext } from '@skyarc/server/host';
import { check, groupChange, groupInput } from '../input.ts';
import type { GroupRecord } from '../records.ts';
import { type GroupRepository, isTaken } from '../repository.ts';

export async function createGroup(groups: GroupRepository, input: unknown): Promise<GroupRecord> {
  const { teamId, name, note } = check('Cannot create the group', groupInput, input);
  return orConflict(
    groups.create({ teamId, name, note: note ?? '' }),
    `Cannot create group "${name}": the team has a group of this name`,
  );
}

export async function updateGroup(groups: GroupRepository, id: string, input: unknown): Promise<GroupRecord> {
  const { name, note } = check('Cannot change the group', groupChange, input);
  return orConflict(
    groups.update(id, { name: name ?? undefined, note: note ?? undefined }),
    `Cannot rename the group: the team has a group "${name}"`,
  );
}

/** Asks every data centre first: a group goes only when none of them has an app in it. */
export async function deleteGroup(
  groups: GroupRepository,
  id: string,
  context: RequestContext,
): Promise<boolean> {
  const group = await groups.find(id);
  if (!group) throw new AppError('NOT_FOUND', 'Cannot delete the group: there is no such group');
  const what = `Cannot delete group "${group.name}"`;
  const team = await context.directory.findTeam(group.teamId);
  if (!team) throw new AppError('NOT_FOUND', `${what}: its team is gone`);
  const apps = await Promise.all(
    (await context.dataCenters.all()).map(async (dataCenter) => {
      const scope = context.dataCenters.scopeOf(team.name);
      return (await dataCenter.call(dataCenterDocuments.GroupAppsDocument, { groupId: id }, scope)).apps;
    }),
  );
  const names = apps.flat().map((app) => `"${app.name}"`);
  if (names.length > 0) {
    throw new AppError(
      'CONFLICT',
      `${what}: it has apps: ${names.slice(0, 5).join(', ')}; delete or move them first`,
    );
  }
  await removeConfigSets(id, team.name, context);
  return groups.delete(id);
}

/** What only apps of the group could read. */
async function removeConfigSets(groupId: string, teamName: string, context: RequestContext): Promise<void> {
  const scope = context.dataCenters.scopeOf(teamName);
  for (const dataCenter of await context.dataCenters.all()) {
    const { configSets } = await dataCenter.call(dataCenterDocuments.ConfigSetsDocument, { groupId }, scope);
    for (const { id } of configSets) {
      await dataCenter.call(dataCenterDocuments.DeleteConfigSetDocument, { id }, scope);
    }
  }
}

async function orConflict<T>(work: Promise<T>, message: string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw isTaken(error) ? new AppError('CONFLICT', message, { cause: error }) : error;
  }
}
