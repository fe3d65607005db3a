import { dataCenterDocuments as documents } from '@skyarc/server/host';
import type { MutationResolvers } from '../generated/resolvers.ts';

/** What operators do with machines, passed on to their data centre. */
export function createNodeMutations(): Pick<
  MutationResolvers,
  'cordonNode' | 'uncordonNode' | 'drainNode' | 'updateNode'
> {
  return {
    cordonNode: async (_parent, { dataCenter, name }, { dataCenters }) => {
      const target = await dataCenters.get(dataCenter);
      return (await target.call(documents.CordonNodeDocument, { name }, dataCenters.readScope)).cordonNode;
    },
    uncordonNode: async (_parent, { dataCenter, name }, { dataCenters }) => {
      const target = await dataCenters.get(dataCenter);
      return (await target.call(documents.UncordonNodeDocument, { name }, dataCenters.readScope))
        .uncordonNode;
    },
    drainNode: async (_parent, { dataCenter, name }, { dataCenters }) => {
      const target = await dataCenters.get(dataCenter);
      return (await target.call(documents.DrainNodeDocument, { name }, dataCenters.readScope)).drainNode;
    },
    updateNode: async (_parent, { dataCenter, name, input }, { dataCenters }) => {
      const target = await dataCenters.get(dataCenter);
      const answer = await target.call(documents.UpdateNodeDocument, { name, input }, dataCenters.readScope);
      return answer.updateNode;
    },
  };
}
