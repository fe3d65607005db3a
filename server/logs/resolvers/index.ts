import { dataCenterDocuments as documents, identityOf, type RequestContext } from '@skyarc/server/host';
import type { LogDownloads } from '../download.ts';
import type { LogKind, LogPageInput, Resolvers } from '../generated/resolvers.ts';
import { teamOfSource } from '../source.ts';
import { outputMutations, outputQueries } from './outputs.ts';

async function readLog(
  kind: LogKind,
  id: string,
  page: LogPageInput | null | undefined,
  context: RequestContext,
) {
  const dataCenter = await context.dataCenters.ownerOf(id);
  const variables = { source: { kind, id }, page };
  return (await dataCenter.call(documents.LogDocument, variables, context.dataCenters.readScope)).log;
}

export function createResolvers(downloads: LogDownloads): Resolvers {
  return {
    Query: outputQueries,
    Mutation: {
      ...outputMutations,
      createLogDownload: async (_parent, { source, options }, context) => {
        const team = (await teamOfSource(source, context)) ?? '';
        const { format, isCompressed, ...filter } = options ?? {};
        const url = downloads.urlOf({
          kind: source.kind,
          id: source.id,
          team,
          actor: identityOf(context).email,
          format: format ?? 'TEXT',
          isCompressed: isCompressed ?? false,
          filter,
        });
        return { url };
      },
    },
    Subscription: {
      logLines: {
        subscribe: async (_parent, variables, context) => {
          const dataCenter = await context.dataCenters.ownerOf(variables.source.id);
          const scope = context.dataCenters.scopeOf((await teamOfSource(variables.source, context)) ?? '');
          return dataCenter.subscribe(documents.LogLinesDocument, variables, {
            scope,
            resume: ({ logLines }, present) => {
              const after = logLines.lines.at(-1)?.cursor ?? logLines.gap?.to;
              return after === undefined ? present : { ...present, after, tail: null };
            },
          });
        },
      },
    },
    App: {
      __resolveReference: ({ id }) => ({ id }),
      log: ({ id }, { page }, context) => readLog('APP', id, page, context),
    },
    Build: {
      __resolveReference: ({ id }) => ({ id }),
      log: ({ id }, { page }, context) => readLog('BUILD', id, page, context),
    },
    Operation: {
      __resolveReference: ({ id }) => ({ id }),
      log: ({ id }, { page }, context) => readLog('OPERATION', id, page, context),
    },
  };
}
