import { dataCenterDocuments as documents } from '@skyarc/server/host';
import { AppError } from '@skyarc/lib/errors';
import type { Resolvers } from '../generated/resolvers.ts';
import { createDnsFields } from './dns.ts';
import { createNodeMutations } from './nodes.ts';
import { createQueueFields, createQueueMutations } from './queues.ts';
import type { DataCenterRepository } from '../repository.ts';

export function createResolvers(dataCenters: DataCenterRepository): Resolvers {
  return {
    Query: { dataCenters: () => dataCenters.list() },
    Mutation: {
      ...createNodeMutations(),
      ...createQueueMutations(),
      updateDataCenter: async (_parent, { name, input }, context) => {
        const dataCenter = await context.dataCenters.get(name);
        await dataCenter.call(documents.UpdateSettingsDocument, { input }, context.dataCenters.readScope);
        return { name };
      },
    },
    DataCenter: {
      ...createDnsFields(),
      ...createQueueFields(),
      __resolveReference: ({ name }) => ({ name }),
      displayName: async ({ name }) => {
        const entry = (await dataCenters.list()).find((one) => one.name === name);
        if (!entry) throw new AppError('NOT_FOUND', `There is no data centre "${name}"`);
        return entry.displayName;
      },
      info: async ({ name }, _args, context) => {
        const dataCenter = await context.dataCenters.get(name);
        return (await dataCenter.call(documents.InfoDocument, {}, context.dataCenters.readScope)).dataCenter;
      },
      settings: async ({ name }, _args, context) => {
        const dataCenter = await context.dataCenters.get(name);
        return (await dataCenter.call(documents.SettingsDocument, {}, context.dataCenters.readScope))
          .settings;
      },
      nodes: async ({ name }, _args, context) => {
        const dataCenter = await context.dataCenters.get(name);
        return (await dataCenter.call(documents.NodesDocument, {}, context.dataCenters.readScope)).nodes;
      },
      storageClasses: async ({ name }, _args, context) => {
        const dataCenter = await context.dataCenters.get(name);
        const scope = context.dataCenters.readScope;
        return (await dataCenter.call(documents.StorageClassesDocument, {}, scope)).storageClasses;
      },
    },
  };
}
