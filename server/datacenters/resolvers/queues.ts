import { dataCenterDocuments as documents } from '@skyarc/server/host';
import type { DataCenterResolvers, MutationResolvers } from '../generated/resolvers.ts';

/** Topics and dead letters of a data centre's message queue. */
export function createQueueFields(): Pick<DataCenterResolvers, 'queueTopics' | 'deadLetters'> {
  return {
    queueTopics: async ({ name }, _args, { dataCenters }) => {
      const target = await dataCenters.get(name);
      return (await target.call(documents.QueueTopicsDocument, {}, dataCenters.readScope)).queueTopics;
    },
    deadLetters: async ({ name }, { topic, after, first }, { dataCenters }) => {
      const target = await dataCenters.get(name);
      const answer = await target.call(
        documents.DeadLettersDocument,
        { topic, after, first },
        dataCenters.readScope,
      );
      return answer.deadLetters;
    },
  };
}

/** What operators do with them, passed on to their data centre. */
export function createQueueMutations(): Pick<
  MutationResolvers,
  'replayDeadLetters' | 'discardDeadLetters' | 'updateQueueTopic' | 'deleteQueueGroup'
> {
  return {
    replayDeadLetters: async (_parent, { dataCenter, ...wanted }, { dataCenters }) => {
      const target = await dataCenters.get(dataCenter);
      const answer = await target.call(documents.ReplayDeadLettersDocument, wanted, dataCenters.readScope);
      return answer.replayDeadLetters;
    },
    discardDeadLetters: async (_parent, { dataCenter, ...wanted }, { dataCenters }) => {
      const target = await dataCenters.get(dataCenter);
      const answer = await target.call(documents.DiscardDeadLettersDocument, wanted, dataCenters.readScope);
      return answer.discardDeadLetters;
    },
    updateQueueTopic: async (_parent, { dataCenter, ...wanted }, { dataCenters }) => {
      const target = await dataCenters.get(dataCenter);
      const answer = await target.call(documents.UpdateQueueTopicDocument, wanted, dataCenters.readScope);
      return answer.updateQueueTopic;
    },
    deleteQueueGroup: async (_parent, { dataCenter, ...wanted }, { dataCenters }) => {
      const target = await dataCenters.get(dataCenter);
      const answer = await target.call(documents.DeleteQueueGroupDocument, wanted, dataCenters.readScope);
      return answer.deleteQueueGroup;
    },
  };
}
