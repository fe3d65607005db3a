import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { dataCenterOf } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import {
  askEverywhere,
  type DataCenterClient,
  dataCenterDocuments as documents,
  type RequestContext,
} from '@skyarc/server/host';
import type { GraphQLResolveInfo } from 'graphql';
import { appPartsOf } from '../app-parts.ts';
import type { Resolvers } from '../generated/resolvers.ts';
import type { AppRecord } from '../records.ts';
import { teamNameOf } from '../team-name.ts';
import { limited } from './queries.ts';

type Ask = <Data>(
  one: DataCenterClient,
  document: TypedDocumentNode<Data, Record<string, never>>,
) => Promise<Data>;

/** Asks data centres what they have of a team. */
async function askerOf(teamId: string, context: RequestContext): Promise<Ask> {
  const scope = context.dataCenters.scopeOf(await teamNameOf(teamId, context));
  return (one, document) => one.call(document, {}, scope);
}

function byName<T extends { readonly name: string }>(things: readonly T[]): T[] {
  return things.toSorted((left, right) => left.name.localeCompare(right.name));
}

/** The apps that a record names. */
export async function appsOf(
  { appIds }: { readonly appIds: readonly string[] },
  _args: object,
  { dataCenters }: RequestContext,
  info: GraphQLResolveInfo,
): Promise<AppRecord[]> {
  const apps = await Promise.all(appIds.map((id) => dataCenters.findApp(id, appPartsOf(info))));
  return apps.filter((app) => app !== null);
}

/** Begins the image of a plug-in that is an app of the team. */
const appImage = 'app:';

const dataCenterOfId = ({ id }: { readonly id: string }): { name: string } => ({
  name: dataCenterOf(id) ?? '',
});

/** What hangs on a team or a group rather than on one app. */
export const owners: Resolvers = {
  Team: {
    __resolveReference: ({ id }) => ({ id }),
    apps: async ({ id }, _args, context, info) => {
      const scope = context.dataCenters.scopeOf(await teamNameOf(id, context));
      const variables = appPartsOf(info);
      const apps = await askEverywhere(
        context,
        info,
        async (one) => (await one.call(documents.AppsDocument, variables, scope)).apps,
      );
      return apps.toSorted((left, right) => left.name.localeCompare(right.name));
    },
    operations: async ({ id }, { active, first }, context, info) => {
      const scope = context.dataCenters.scopeOf(await teamNameOf(id, context));
      const variables = { active, first: limited(first ?? 20) };
      const operations = await askEverywhere(
        context,
        info,
        async (one) => (await one.call(documents.OperationsDocument, variables, scope)).operations.items,
      );
      return operations
        .toSorted((left, right) => right.createdAt.localeCompare(left.createdAt))
        .slice(0, variables.first);
    },
    sshPublicKey: async ({ id }, args, context) => {
      const dataCenter = await context.dataCenters.get(args.dataCenter);
      const scope = context.dataCenters.scopeOf(await teamNameOf(id, context));
      return (await dataCenter.call(documents.SshPublicKeyDocument, {}, scope)).sshPublicKey;
    },
    plugins: async ({ id }, _args, context, info) => {
      const ask = await askerOf(id, context);
      return byName(
        await askEverywhere(
          context,
          info,
          async (one) => (await ask(one, documents.PluginsDocument)).plugins,
        ),
      );
    },
    certificates: async ({ id }, _args, context, info) => {
      const ask = await askerOf(id, context);
      return byName(
        await askEverywhere(
          context,
          info,
          async (one) => (await ask(one, documents.CertificatesDocument)).certificates,
        ),
      );
    },
    quotas: async ({ id }, _args, context, info) => {
      const ask = await askerOf(id, context);
      return askEverywhere(context, info, async (one) => [
        { ...(await ask(one, documents.QuotaDocument)).quota, dataCenterName: one.name },
      ]);
    },
    l4Ports: async ({ id }, { dataCenter }, context) => {
      const ask = await askerOf(id, context);
      return (await ask(await context.dataCenters.get(dataCenter), documents.L4PortsDocument)).l4Ports;
    },
  },
  Group: {
    __resolveReference: ({ id }) => ({ id }),
    apps: async ({ id }, _args, context, info) => {
      const group = await context.directory.findGroup(id);
      if (!group) throw new AppError('NOT_FOUND', 'There is no such group');
      const scope = context.dataCenters.scopeOf(await teamNameOf(group.teamId, context));
      const variables = { groupId: id, ...appPartsOf(info) };
      const apps = await askEverywhere(
        context,
        info,
        async (one) => (await one.call(documents.AppsDocument, variables, scope)).apps,
      );
      return apps.toSorted((left, right) => left.name.localeCompare(right.name));
    },
    configSets: async ({ id }, _args, context, info) => {
      const group = await context.directory.findGroup(id);
      if (!group) throw new AppError('NOT_FOUND', 'There is no such group');
      const scope = context.dataCenters.scopeOf(await teamNameOf(group.teamId, context));
      return byName(
        await askEverywhere(
          context,
          info,
          async (one) => (await one.call(documents.ConfigSetsDocument, { groupId: id }, scope)).configSets,
        ),
      );
    },
  },
  ConfigSet: { apps: appsOf },
  Plugin: { apps: appsOf, dataCenter: dataCenterOfId },
  PluginVersion: {
    app: async ({ image }, _args, { dataCenters }, info) =>
      image.startsWith(appImage) ? dataCenters.findApp(image.slice(appImage.length), appPartsOf(info)) : null,
  },
  Certificate: { dataCenter: dataCenterOfId },
  QuotaUse: {
    team: async ({ teamName }, _args, { directory }) => {
      const team = await directory.findTeamByName(teamName);
      return team && { id: team.id };
    },
    dataCenter: ({ dataCenterName }) => ({ name: dataCenterName }),
  },
};
