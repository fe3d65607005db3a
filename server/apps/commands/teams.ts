import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { dataCenterDocuments as documents, type RequestContext } from '@skyarc/server/host';
import type {
  CertificateInput,
  OrderCertificateInput,
  PluginInput,
  QuotaInput,
} from '../generated/resolvers.ts';
import type { CertificateRecord, PluginRecord, QuotaRecord } from '../records.ts';
import { teamNameOf } from '../team-name.ts';

interface Place {
  readonly teamId: string;
  readonly dataCenter?: string | null;
}

/** The data centre that is meant, and a change's scope there. */
async function placeOf({ teamId, dataCenter }: Place, context: RequestContext) {
  const scope = context.dataCenters.scopeOf(await teamNameOf(teamId, context));
  return { dataCenter: await context.dataCenters.get(dataCenter), scope };
}

export async function savePlugin(
  { teamId, dataCenter: name, ...input }: PluginInput,
  context: RequestContext,
): Promise<PluginRecord> {
  const { scope, ...place } = await placeOf({ teamId, dataCenter: name }, context);
  const dataCenter = input.id ? await context.dataCenters.ownerOf(input.id) : place.dataCenter;
  return (await dataCenter.call(documents.SavePluginDocument, { input }, scope)).savePlugin;
}

export async function uploadCertificate(
  { teamId, dataCenter: name, ...input }: CertificateInput,
  context: RequestContext,
): Promise<CertificateRecord> {
  const { dataCenter, scope } = await placeOf({ teamId, dataCenter: name }, context);
  return (await dataCenter.call(documents.UploadCertificateDocument, { input }, scope)).uploadCertificate;
}

export async function orderCertificate(
  { teamId, dataCenter: name, ...variables }: OrderCertificateInput,
  context: RequestContext,
): Promise<CertificateRecord> {
  const { dataCenter, scope } = await placeOf({ teamId, dataCenter: name }, context);
  return (await dataCenter.call(documents.OrderCertificateDocument, variables, scope)).orderCertificate;
}

export async function setQuota(
  { teamId, dataCenter: name, ...limits }: QuotaInput,
  context: RequestContext,
): Promise<QuotaRecord> {
  const { dataCenter, scope } = await placeOf({ teamId, dataCenter: name }, context);
  const [teamName = ''] = scope.teams;
  const input = { ...limits, teamName };
  const answer = await dataCenter.call(documents.SetQuotaDocument, { input }, scope);
  return { ...answer.setQuota, dataCenterName: dataCenter.name };
}

/** Sends a change of a plug-in or certificate to the data centre that has it. */
export async function changeOwned<Data>(
  id: string,
  document: TypedDocumentNode<Data, { id: string }>,
  { dataCenters }: RequestContext,
): Promise<Data> {
  const dataCenter = await dataCenters.ownerOf(id);
  const scope = dataCenters.scopeOf((await dataCenters.findOwner(id)) ?? '');
  return dataCenter.call(document, { id }, scope);
}
