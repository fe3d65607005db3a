import { toAppError } from '@skyarc/lib/errors';
import { GraphQLError, type GraphQLResolveInfo, responsePathAsArray } from 'graphql';
import type { RequestContext } from '../context.ts';
import type { DataCenterClient } from './client.ts';

/**
 * Asks all data centres at once. One that fails is left out, with its error on this field's path, so that
 * the others' answer still reaches the reader.
 */
export async function askEverywhere<T>(
  context: RequestContext,
  info: GraphQLResolveInfo,
  ask: (dataCenter: DataCenterClient) => Promise<readonly T[]>,
): Promise<T[]> {
  const answers = await Promise.all(
    (await context.dataCenters.all()).map((dataCenter) =>
      ask(dataCenter).catch((error: unknown) => {
        const originalError = toAppError(error);
        const path = responsePathAsArray(info.path);
        context.report(
          new GraphQLError(originalError.message, { path, originalError, nodes: info.fieldNodes }),
        );
        return [];
      }),
    ),
  );
  return answers.flat();
}
