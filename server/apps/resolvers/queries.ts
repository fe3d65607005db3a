import { dataCenterOf } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { dataCenterDocuments as documents, type RequestContext } from '@skyarc/server/host';
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import type { GraphQLResolveInfo } from 'graphql';
import { appPartsOf } from '../app-parts.ts';
import type { Resolvers } from '../generated/resolvers.ts';
import type { AppRecord, BuildRecord } from '../records.ts';
import { teamNameOf } from '../team-name.ts';

async function teamReference(name: string, { directory }: RequestContext): Promise<{ id: string }> {
  const team = await directory.findTeamByName(name);
  if (!team) throw new AppError('NOT_FOUND', `Team "${name}" is gone`);
  return { id: team.id };
}

/** Longest list that one field answers. */
const maxCount = 100;
export const limited = (first: number): number => Math.max(0, Math.min(first, maxCount));

/** What an app's own data centre says of it beside its record. */
async function askOwner<Data, Variables>(
  { id, teamName }: AppRecord,
  document: TypedDocumentNode<{ app?: Data | null }, Variables & { id: string }>,
  variables: Variables,
  { dataCenters }: RequestContext,
): Promise<Data | null | undefined> {
  const dataCenter = await dataCenters.ownerOf(id);
  return (await dataCenter.call(document, { ...variables, id }, dataCenters.scopeOf(teamName))).app;
}

/** What of a build is read only for its own page; two fields of it ask at once. */
const stories = new WeakMap<BuildRecord, Promise<BuildStory>>();
type BuildStory = NonNullable<documents.BuildStoryQuery['builds'][number]>;

function storyOf(build: BuildRecord, { dataCenters }: RequestContext): Promise<BuildStory> {
  const ask = async (): Promise<BuildStory> => {
    const dataCenter = await dataCenters.ownerOf(build.id);
    const scope = dataCenters.scopeOf(build.teamName);
    const { builds } = await dataCenter.call(documents.BuildStoryDocument, { ids: [build.id] }, scope);
    if (!builds[0]) throw new AppError('NOT_FOUND', 'This build is gone');
    return builds[0];
  };
  const known = stories.get(build) ?? ask();
  stories.set(build, known);
  return known;
}

const appOrNull = (
  { appId }: { readonly appId?: string | null },
  _args: object,
  { dataCenters }: RequestContext,
  info: GraphQLResolveInfo,
): Promise<AppRecord | null> | null => (appId ? dataCenters.findApp(appId, appPartsOf(info)) : null);

export const queries: Resolvers = {
  Query: {
    app: (_parent, { id }, { dataCenters }, info) => dataCenters.findApp(id, appPartsOf(info)),
    operation: (_parent, { id }, { dataCenters }) => dataCenters.findOperation(id),
    build: (_parent, { id }, { dataCenters }) => dataCenters.findBuild(id),
    explainRequest: async (_parent, { teamId, dataCenter: name, input }, context) => {
      const dataCenter = await context.dataCenters.get(name);
      const scope = context.dataCenters.scopeOf(await teamNameOf(teamId, context));
      return (await dataCenter.call(documents.ExplainRequestDocument, { input }, scope)).explainRequest;
    },
    quotas: async (_parent, { dataCenter: name }, { dataCenters }) => {
      const dataCenter = await dataCenters.get(name);
      const { quotas } = await dataCenter.call(documents.QuotasDocument, {}, dataCenters.readScope);
      return quotas.map((quota) => ({ ...quota, dataCenterName: dataCenter.name }));
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
    dependents: async ({ dependentIds }, _args, { dataCenters }, info) => {
      const apps = (dependentIds ?? []).map((id) => dataCenters.findApp(id, appPartsOf(info)));
      return (await Promise.all(apps)).filter((app) => app !== null);
    },
    scalings: async (app, { first }, context) => {
      const answer = await askOwner(app, documents.AppScalingsDocument, { first: limited(first) }, context);
      return answer?.scalings ?? [];
    },
    jobRuns: async (app, { first }, context) => {
      const answer = await askOwner(app, documents.AppJobRunsDocument, { first: limited(first) }, context);
      return answer?.jobRuns ?? [];
    },
    traffic: async (app, _args, context) =>
      (await askOwner(app, documents.AppTrafficDocument, {}, context))?.traffic ?? [],
  },
  Dependency: {
    app: async ({ appId }, _args, { dataCenters }, info) => {
      const app = await dataCenters.findApp(appId, appPartsOf(info));
      if (!app) throw new AppError('NOT_FOUND', 'The app that is depended on is gone');
      return app;
    },
  },
  RequestExplanation: { app: appOrNull },
  ExplainedTarget: { app: appOrNull },
  Build: {
    __resolveReference: ({ id }, { dataCenters }) => dataCenters.findBuild(id),
    app: async ({ appId }, _args, { dataCenters }, info) => {
      const app = await dataCenters.findApp(appId, appPartsOf(info));
      if (!app) throw new AppError('NOT_FOUND', 'The app of this build is gone');
      return app;
    },
    phases: async (build, _args, context) => (await storyOf(build, context)).phases,
    previousVersion: async (build, _args, context) => (await storyOf(build, context)).previousVersion ?? null,
  },
  Operation: {
    __resolveReference: ({ id }, { dataCenters }) => dataCenters.findOperation(id),
    app: ({ appId }, _args, { dataCenters }, info) => dataCenters.findApp(appId, appPartsOf(info)),
    team: (operation, _args, context) => teamReference(operation.teamName, context),
    build: ({ buildId }, _args, { dataCenters }) => (buildId ? dataCenters.findBuild(buildId) : null),
  },
};
