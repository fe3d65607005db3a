import { isFinal, type OperationStatus } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { Channel, mapEvents } from '@skyarc/lib/graphql';
import type { Api } from '../api.ts';
import { getApp } from '../commands/operations.ts';
import { theTeam } from '../context.ts';
import type { SubscriptionResolvers } from '../generated/resolvers.ts';
import { Pulse } from '../changes.ts';
import { followLog } from '../logs.ts';
import type { OperationRecord } from '../records.ts';

export function createSubscriptions(api: Api): SubscriptionResolvers {
  const { repository, changes } = api;
  return {
    appChanged: {
      subscribe: async (_parent, { id }, context) => {
        const { teamName: team } = await getApp(api, id, context);
        const states = changes.watch({
          team,
          concerns: (notice) => notice.appId === id,
          appId: id,
          read: () => repository.findApp(context, id),
          isLast: (app) => app === null,
        });
        return mapEvents(states, (app) => ({ appChanged: app }));
      },
    },
    operationChanged: {
      subscribe: async (_parent, { id }, context) => {
        const [operation] = await repository.listOperationsById(context, [id]);
        if (!operation) throw new AppError('NOT_FOUND', 'There is no such operation');
        const { appId, teamName: team } = operation;
        const states = changes.watch({
          team,
          concerns: (notice) => notice.id === id || (notice.kind === 'build' && notice.appId === appId),
          read: async () => (await repository.findOperation(id)) ?? operation,
          isLast: ({ status }) => isFinal(status as OperationStatus),
        });
        return mapEvents(states, (value) => ({ operationChanged: value }));
      },
    },
    operationsChanged: {
      subscribe: (_parent, _args, context) =>
        mapEvents(teamOperations(api, theTeam(context)), (value) => ({ operationsChanged: value })),
    },
    logLines: {
      subscribe: async (_parent, wanted, context) =>
        mapEvents(await followLog(api, wanted, context), (event) => ({ logLines: event })),
    },
  };
}

/** Each operation of the team after each of its changes, at most five times a second for one. */
function teamOperations({ repository, changes }: Api, team: string): Channel<OperationRecord> {
  const pulses = new Map<string, Pulse>();
  const channel = new Channel<OperationRecord>(() => {
    stopListening();
    for (const pulse of pulses.values()) pulse.stop();
  });
  const scope = { teams: [team], actor: '' };
  const look = async (id: string): Promise<void> => {
    const [operation] = await repository.listOperationsById(scope, [id]);
    if (operation) channel.push(operation);
    if (!operation || isFinal(operation.status as OperationStatus)) pulses.delete(id);
  };
  const stopListening = changes.listen(team, (notice) => {
    if (notice.kind !== 'operation') return;
    const pulse =
      pulses.get(notice.id) ??
      new Pulse(
        () => look(notice.id),
        (error) => channel.end(error),
      );
    pulses.set(notice.id, pulse);
    pulse.beat();
  });
  return channel;
}
