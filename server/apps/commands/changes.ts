import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { AppError } from '@skyarc/lib/errors';
import { dataCenterDocuments as documents, type RequestContext } from '@skyarc/server/host';
import type {
  MutationCreateAppArgs,
  MutationSetMeshArgs,
  MutationUpdateAppArgs,
  MutationUpdateGreyReleaseArgs,
} from '../generated/resolvers.ts';
import type { ChangedApp, OperationRecord } from '../records.ts';

/** Makes the record in its data centre and, when wanted, begins the first deploy. */
export async function createApp(
  { dataCenter: dataCenterName, deploy, ...input }: MutationCreateAppArgs['input'],
  { dataCenters, directory }: RequestContext,
): Promise<ChangedApp> {
  const group = await directory.findGroup(input.groupId);
  const team = group && (await directory.findTeam(group.teamId));
  if (!team) throw new AppError('NOT_FOUND', 'Cannot create the app: there is no such group');
  const dataCenter = await dataCenters.get(dataCenterName);
  const scope = dataCenters.scopeOf(team.name);
  const { createApp: app } = await dataCenter.call(documents.CreateAppDocument, { input }, scope);
  if (deploy === false) return { appId: app.id, operation: null };
  const { deployApp } = await dataCenter.call(documents.DeployAppDocument, { id: app.id }, scope);
  return { appId: app.id, operation: deployApp };
}

export async function updateApp(
  { id, input }: MutationUpdateAppArgs,
  context: RequestContext,
): Promise<ChangedApp> {
  const teamName = await teamOf(id, context);
  if (input.groupId) {
    const [group, team] = await Promise.all([
      context.directory.findGroup(input.groupId),
      context.directory.findTeamByName(teamName),
    ]);
    if (!group || group.teamId !== team?.id) {
      throw new AppError('NOT_FOUND', 'Cannot move the app: its team has no such group');
    }
  }
  const dataCenter = await context.dataCenters.ownerOf(id);
  const scope = context.dataCenters.scopeOf(teamName);
  const { updateApp: change } = await dataCenter.call(documents.UpdateAppDocument, { id, input }, scope);
  return { appId: id, operation: change.operation };
}

/** Switches an app's mesh on with these rules, or off. */
export async function setMesh(
  { id, input }: MutationSetMeshArgs,
  context: RequestContext,
): Promise<ChangedApp> {
  const scope = context.dataCenters.scopeOf(await teamOf(id, context));
  const dataCenter = await context.dataCenters.ownerOf(id);
  const { setMesh: change } = await dataCenter.call(documents.SetMeshDocument, { id, input }, scope);
  return { appId: id, operation: change.operation };
}

const documentOf = {
  deployApp: documents.DeployAppDocument,
  rebaseApp: documents.RebaseAppDocument,
  startApp: documents.StartAppDocument,
  stopApp: documents.StopAppDocument,
  restartApp: documents.RestartAppDocument,
  rollbackApp: documents.RollbackAppDocument,
  scaleApp: documents.ScaleAppDocument,
  deleteApp: documents.DeleteAppDocument,
  runApp: documents.RunAppDocument,
  startGreyRelease: documents.StartGreyReleaseDocument,
  promoteGreyRelease: documents.PromoteGreyReleaseDocument,
  abortGreyRelease: documents.AbortGreyReleaseDocument,
} as const;
type Verb = keyof typeof documentOf;

/** Begins an operation of an app in the app's own data centre. */
export async function beginOperation(
  verb: Verb,
  variables: { readonly id: string },
  context: RequestContext,
): Promise<OperationRecord> {
  const scope = context.dataCenters.scopeOf(await teamOf(variables.id, context));
  const dataCenter = await context.dataCenters.ownerOf(variables.id);
  const document = documentOf[verb] as unknown as TypedDocumentNode<
    Record<Verb, OperationRecord>,
    { readonly id: string }
  >;
  return (await dataCenter.call(document, variables, scope))[verb];
}

/** Changes the share of a candidate that runs. */
export async function updateGreyRelease(
  variables: MutationUpdateGreyReleaseArgs,
  context: RequestContext,
): Promise<ChangedApp> {
  const { id } = variables;
  const scope = context.dataCenters.scopeOf(await teamOf(id, context));
  const dataCenter = await context.dataCenters.ownerOf(id);
  const { updateGreyRelease: change } = await dataCenter.call(
    documents.UpdateGreyReleaseDocument,
    variables,
    scope,
  );
  return { appId: id, operation: change.operation ?? null };
}

export async function cancelOperation(id: string, context: RequestContext): Promise<OperationRecord> {
  const operation = await context.dataCenters.findOperation(id);
  if (!operation) throw new AppError('NOT_FOUND', 'Cannot cancel: there is no such operation');
  const dataCenter = await context.dataCenters.ownerOf(id);
  const scope = context.dataCenters.scopeOf(operation.teamName);
  return (await dataCenter.call(documents.CancelOperationDocument, { id }, scope)).cancelOperation;
}

async function teamOf(appId: string, context: RequestContext): Promise<string> {
  const name = await context.dataCenters.findAppTeam(appId);
  if (name === null) throw new AppError('NOT_FOUND', 'There is no such app, or you may not see it');
  return name;
}
