import { dataCenterOf } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { dataCenterDocuments as documents, type RequestContext } from '@skyarc/server/host';
import { appPartsOf } from '../app-parts.ts';
import { askEverywhere } from '../everywhere.ts';
import type { Resolvers } from '../generated/resolvers.ts';

async function teamReference(name: string, { directory }: RequestContext): Promise<{ id: string }> {
  const team = await directory.findTeamByName(name);
  if (!team) throw new AppError('NOT_FOUND', `Team "${name}" is gone`);
  return { id: team.id };
}

async function teamName(id: string, { directory }: RequestContext): Promise<string> {
  const team = await directory.findTeam(id);
  if (!team) throw new AppError('NOT_FOUND', 'There is no such team');
  return team.name;
}

/** Longest list that one field answers. */
const maxCount = 100;
const limited = (first: number): number => Math.max(0, Math.min(first, maxCount));

export const queries: Resolvers = {
  Query: {
    app: (_parent, { id }, { dataCenters }, info) => dataCenters.findApp(id, appPartsOf(info)),
    operation: (_parent, { id }, { dataCenters }) => dataCenters.findOperation(id),
    build: (_parent, { id }, { dataCenters }) => dataCenters.findBuild(id),
  },
  Team: {
    __resolveReference: ({ id }) => ({ id }),
    apps: async ({ id }, _args, context, info) => {
      const scope = context.dataCenters.scopeOf(await teamName(id, context));
      const variables = appPartsOf(info);
      const apps = await askEverywhere(
        context,
        info,
        async (one) => (await one.call(documents.AppsDocument, variables, scope)).apps,
      );
      return apps.toSorted((left, right) => left.name.localeCompare(right.name));
    },
    operations: async ({ id }, { active, first }, context, info) => {
      const scope = context.dataCenters.scopeOf(await teamName(id, context));
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
      const scope = context.dataCenters.scopeOf(await teamName(id, context));
      return (await dataCenter.call(documents.SshPublicKeyDocument, {}, scope)).sshPublicKey;
    },
  },
  Group: {
    __resolveReference: ({ id }) => ({ id }),
    apps: async ({ id }, _args, context, info) => {
      const group = await context.directory.findGroup(id);
      if (!group) throw new AppError('NOT_FOUND', 'There is no such group');
      const scope = context.dataCenters.scopeOf(await teamName(group.teamId, context));
      const variables = { groupId: id, ...appPartsOf(info) };
      const apps = await askEverywhere(
        context,
        info,
        async (one) => (await one.call(documents.AppsDocument, variables, scope)).apps,
      );
      return apps.toSorted((left, right) => left.name.localeCompare(right.name));
    },
  },
  App: {
    __resolveReference: ({ id }, { dataCenters }, info) => dataCenters.findApp(id, appPartsOf(info)),
    group: ({ groupId }) => ({ id: groupId }),
    team: (app, _args, context) => teamReference(app.teamName, context),
    dataCenter: ({ id }) => ({ name: dataCenterOf(id) ?? '' }),
    versions: ({ versions }, { first }) => (versions ?? []).slice(0, limited(first)),
    builds: ({ builds }, { first }) => (builds ?? []).slice(0, limited(first)),
    operations: async ({ id, teamName: team }, { first, after }, { dataCenters }) => {
      const dataCenter = await dataCenters.ownerOf(id);
      const variables = { appId: id, first: limited(first), after };
      return (await dataCenter.call(documents.OperationsDocument, variables, dataCenters.scopeOf(team)))
        .operations;
    },
  },
  Build: {
    __resolveReference: ({ id }, { dataCenters }) => dataCenters.findBuild(id),
    app: async ({ appId }, _args, { dataCenters }, info) => {
      const app = await dataCenters.findApp(appId, appPartsOf(info));
      if (!app) throw new AppError('NOT_FOUND', 'The app of this build is gone');
      return app;
    },
  },
  Operation: {
    __resolveReference: ({ id }, { dataCenters }) => dataCenters.findOperation(id),
    app: ({ appId }, _args, { dataCenters }, info) => dataCenters.findApp(appId, appPartsOf(info)),
    team: (operation, _args, context) => teamReference(operation.teamName, context),
    build: ({ buildId }, _args, { dataCenters }) => (buildId ? dataCenters.findBuild(buildId) : null),
  },
};
