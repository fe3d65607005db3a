import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { AppError } from '@skyarc/lib/errors';
import { dataCenterDocuments as documents, type RequestContext } from '@skyarc/server/host';
import type { ConfigSetInput } from '../generated/resolvers.ts';
import type { ConfigSetRecord, OperationRecord } from '../records.ts';
import { teamNameOf } from '../team-name.ts';

const documentOf = {
  startGroup: documents.StartGroupDocument,
  stopGroup: documents.StopGroupDocument,
  restartGroup: documents.RestartGroupDocument,
  deployGroup: documents.DeployGroupDocument,
} as const;
type Verb = keyof typeof documentOf;

/** Begins the operations of a group's apps in all data centres that have some. */
export async function actOnGroup(
  verb: Verb,
  groupId: string,
  context: RequestContext,
): Promise<OperationRecord[]> {
  const scope = context.dataCenters.scopeOf(await teamOfGroup(groupId, context));
  const answers = await Promise.all(
    (await context.dataCenters.all()).map(async (dataCenter) => {
      const { apps } = await dataCenter.call(documents.GroupAppsDocument, { groupId }, scope);
      if (apps.length === 0) return [];
      const document = documentOf[verb] as unknown as TypedDocumentNode<
        Record<Verb, OperationRecord[]>,
        { readonly groupId: string }
      >;
      return (await dataCenter.call(document, { groupId }, scope))[verb];
    }),
  );
  return answers.flat();
}

/** Writes a set in the data centre of its apps. */
export async function saveConfigSet(
  { dataCenter: name, ...input }: ConfigSetInput,
  context: RequestContext,
): Promise<{ configSet: ConfigSetRecord; operations: OperationRecord[] }> {
  const { dataCenters } = context;
  const scope = dataCenters.scopeOf(await teamOfGroup(input.groupId, context));
  const known = input.id ?? input.appIds[0];
  const dataCenter = known ? await dataCenters.ownerOf(known) : await dataCenters.get(name);
  return (await dataCenter.call(documents.SaveConfigSetDocument, { input }, scope)).saveConfigSet;
}

export async function deleteConfigSet(id: string, context: RequestContext): Promise<OperationRecord[]> {
  const { dataCenters } = context;
  const dataCenter = await dataCenters.ownerOf(id);
  const scope = dataCenters.scopeOf((await dataCenters.findOwner(id)) ?? '');
  return (await dataCenter.call(documents.DeleteConfigSetDocument, { id }, scope)).deleteConfigSet;
}

async function teamOfGroup(groupId: string, context: RequestContext): Promise<string> {
  const group = await context.directory.findGroup(groupId);
  if (!group) throw new AppError('NOT_FOUND', 'There is no such group');
  return teamNameOf(group.teamId, context);
}
