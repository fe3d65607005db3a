import { Channel, mapEvents } from '@skyarc/lib/graphql';
import { dataCenterDocuments as documents, type RequestContext } from '@skyarc/server/host';
import { appPartsOf } from '../app-parts.ts';
import type { Resolvers } from '../generated/resolvers.ts';
import type { OperationRecord } from '../records.ts';

/** One stream of what all data centres tell of a team's operations; a lost one is tried again by its client. */
async function teamOperations(teamId: string, context: RequestContext): Promise<Channel<OperationRecord>> {
  const team = await context.directory.findTeam(teamId);
  const sources = (await context.dataCenters.all()).map((dataCenter) =>
    dataCenter.subscribe(
      documents.OperationsChangedDocument,
      {},
      { scope: context.dataCenters.scopeOf(team?.name ?? '') },
    ),
  );
  const merged = new Channel<OperationRecord>(() => {
    for (const source of sources) void source.return();
  });
  for (const source of sources) {
    void (async () => {
      try {
        for await (const { operationsChanged } of source) merged.push(operationsChanged);
      } catch (error) {
        merged.end(error);
      }
    })();
  }
  return merged;
}

export const subscriptions: Resolvers = {
  Subscription: {
    appChanged: {
      subscribe: async (_parent, { id }, { dataCenters }, info) => {
        const dataCenter = await dataCenters.ownerOf(id);
        const scope = dataCenters.scopeOf((await dataCenters.findAppTeam(id)) ?? '');
        return dataCenter.subscribe(documents.AppChangedDocument, { id, ...appPartsOf(info) }, { scope });
      },
    },
    operationChanged: {
      subscribe: async (_parent, { id }, { dataCenters }) => {
        const dataCenter = await dataCenters.ownerOf(id);
        const scope = dataCenters.scopeOf((await dataCenters.findOperation(id))?.teamName ?? '');
        return dataCenter.subscribe(documents.OperationChangedDocument, { id }, { scope });
      },
    },
    teamOperationsChanged: {
      subscribe: async (_parent, { teamId }, context) =>
        mapEvents(await teamOperations(teamId, context), (operation) => ({
          teamOperationsChanged: operation,
        })),
    },
  },
};
