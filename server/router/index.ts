import { unifiedGraphHandler } from '@graphql-hive/router-runtime';
import { AppError } from '@skyarc/lib/errors';
import { mapEvents, type OperationResult, type PreparedOperation } from '@skyarc/lib/graphql';
import { buildASTSchema, type ExecutionResult, type GraphQLError, type GraphQLSchema, parse } from 'graphql';
import type { RequestContext, Subgraph, SubgraphRequest } from '@skyarc/server/host';

export interface Router {
  /** What clients may ask: the supergraph without its federation parts. */
  readonly schema: GraphQLSchema;
  execute(
    operation: PreparedOperation,
    context: RequestContext,
    signal?: AbortSignal,
  ): Promise<OperationResult>;
}

/**
 * Plans operations over the supergraph with Hive's native planner and carries the plans out on the
 * subgraphs. Nothing is built lazily: the first operation is as quick as the following ones.
 */
export async function createRouter(supergraphSdl: string, subgraphs: readonly Subgraph[]): Promise<Router> {
  const byName = new Map(subgraphs.map((subgraph) => [subgraph.name, subgraph]));
  const handler = await unifiedGraphHandler({
    unifiedGraph: buildASTSchema(parse(supergraphSdl), { assumeValid: true, assumeValidSDL: true }),
    getUnifiedGraphSDL: () => supergraphSdl,
    onSubgraphExecute: ((name: string, request: SubgraphRequest) => {
      const subgraph = byName.get(name.toLowerCase());
      if (!subgraph) throw new AppError('INTERNAL', `The supergraph names an unknown subgraph ${name}`);
      return subgraph.execute(request);
    }) as never,
  });
  const { executor } = handler;
  if (!executor) throw new AppError('INTERNAL', 'The router runtime gave no executor');
  for (const { name } of subgraphs) handler.getSubgraphSchema(name);
  return {
    schema: handler.unifiedGraph,
    async execute(operation, context, signal) {
      const result = (await executor({
        document: operation.document,
        operationName: operation.operationName,
        operationType: operation.operation.operation,
        variables: operation.variables,
        context,
        signal,
      })) as OperationResult;
      return Symbol.asyncIterator in result ? mapEvents(result, separate) : result;
    },
  };
}

/** The runtime collects the errors of all events in one array; each event shall have its own. */
function separate({ data, errors }: ExecutionResult): ExecutionResult {
  const own = (errors as GraphQLError[] | undefined)?.splice(0);
  return { data: data ?? null, ...(own?.length ? { errors: own } : {}) };
}
