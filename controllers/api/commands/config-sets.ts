import { newId } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import { addOperation, type DataCenterTransaction } from '@skyarc/prisma/datacenter';
import type { Api } from '../api.ts';
import { type CallContext, theTeam } from '../context.ts';
import type { ConfigSet } from '../generated/resolvers.ts';
import { configSet as configSetInput } from '../input/team.ts';
import { withoutNulls } from '../input/text.ts';
import { presentConfigSet } from '../present/team.ts';
import type { OperationRecord } from '../records.ts';
import { isTaken } from '../repository.ts';
import { withEntries } from '../run-repository.ts';
import { announceOperation } from './operations.ts';
import { invalid } from './refusals.ts';
import { sealVariables } from './sealing.ts';

/** Makes or replaces a set; apps that run and read it, or did, are configured anew. Nothing is done when one is busy. */
export async function saveConfigSet(
  api: Api,
  input: unknown,
  context: CallContext,
): Promise<{ configSet: ConfigSet; operations: OperationRecord[] }> {
  const teamName = theTeam(context);
  const what = `Cannot save configuration set "${String((input as { name?: unknown }).name).slice(0, 60)}"`;
  const wanted = check(what, configSetInput, withoutNulls(input));
  const { groupId, name, enabled, appIds } = wanted;
  const id = wanted.id ?? newId(api.config.dataCenter, 'configset');
  try {
    const { row, operations } = await api.repository.db.$transaction(async (tx) => {
      const before = await tx.configSet.findUnique({ where: { id }, include: { entries: true, apps: true } });
      const isOwn = before?.teamName === teamName && before.groupId === groupId;
      if (wanted.id && !isOwn) throw invalid(what, 'id', 'the group has no such configuration set');
      const members = await tx.app.findMany({
        where: { id: { in: appIds }, teamName, groupId, deletedAt: null },
        select: { id: true },
      });
      const lost = appIds.findIndex((appId) => !members.some((one) => one.id === appId));
      if (lost >= 0) throw invalid(what, `appIds.${lost}`, 'the group has no such app');
      const placeOf = (entry: string) => `configset:${id}:${entry}`;
      const place = { what, at: 'entries', placeOf };
      const entries = sealVariables(api.secretBox, place, wanted.entries, before?.entries ?? []);
      await tx.configSet.upsert({
        where: { id },
        create: { id, teamName, groupId, name, enabled },
        update: { name, enabled },
      });
      await tx.configSetEntry.deleteMany({ where: { configSetId: id } });
      await tx.configSetEntry.createMany({ data: entries.map((entry) => ({ configSetId: id, ...entry })) });
      await tx.configSetApp.deleteMany({ where: { configSetId: id } });
      await tx.configSetApp.createMany({ data: appIds.map((appId) => ({ configSetId: id, appId })) });
      const readers = [...(before?.apps ?? []).map(({ appId }) => appId), ...appIds];
      return {
        operations: await configure(tx, readers, context),
        row: await tx.configSet.findUniqueOrThrow({ where: { id }, include: withEntries }),
      };
    });
    announce(api, operations, teamName, appIds);
    return { configSet: presentConfigSet(row, api.secretBox), operations };
  } catch (error) {
    if (!isTaken(error)) throw error;
    throw new AppError('CONFLICT', `${what}: name is taken in the group`, { cause: error });
  }
}

export async function deleteConfigSet(
  api: Api,
  id: string,
  context: CallContext,
): Promise<OperationRecord[]> {
  const teamName = theTeam(context);
  const readers: string[] = [];
  const operations = await api.repository.db.$transaction(async (tx) => {
    const found = await tx.configSet.findFirst({ where: { id, teamName }, include: { apps: true } });
    if (!found) throw new AppError('NOT_FOUND', 'There is no such configuration set');
    readers.push(...found.apps.map(({ appId }) => appId));
    await tx.configSet.delete({ where: { id } });
    return configure(tx, readers, context);
  });
  announce(api, operations, teamName, readers);
  return operations;
}

/** CONFIGURE operations of those that run. Throws CONFLICT when one of them is busy. */
async function configure(
  tx: DataCenterTransaction,
  appIds: readonly string[],
  { actor }: CallContext,
): Promise<OperationRecord[]> {
  const apps = await tx.app.findMany({
    where: { id: { in: [...appIds] }, deletedAt: null, desired: 'RUNNING', currentVersionId: { not: null } },
    orderBy: { name: 'asc' },
  });
  const operations: OperationRecord[] = [];
  for (const app of apps) {
    const also = async () => {
      await tx.app.update({ where: { id: app.id }, data: { revision: { increment: 1 } } });
    };
    operations.push(await addOperation(tx, { app, kind: 'CONFIGURE', actor, also }));
  }
  return operations;
}

function announce(
  api: Api,
  operations: readonly OperationRecord[],
  team: string,
  appIds: readonly string[],
): void {
  for (const operation of operations) announceOperation(api, operation);
  for (const appId of appIds) api.changes.announce(team, { kind: 'app', id: appId, appId });
}
