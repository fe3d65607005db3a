import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { mapEvents, type OperationResult } from '@skyarc/lib/graphql';
import {
  type DocumentNode,
  execute,
  type ExecutionResult,
  type GraphQLError,
  type GraphQLSchema,
  OperationTypeNode,
  parse,
  subscribe,
} from 'graphql';
import type { RequestContext } from './context.ts';
import { applyPolicies, type Policies } from './policy.ts';
import { dateTime } from './scalars.ts';

/** What a room gives: its part of the graph and who may see it. */
export interface Room {
  readonly name: string;
  readonly resolvers: object;
  readonly policies: Policies;
}

export interface SubgraphRequest {
  readonly document: DocumentNode;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly operationName?: string;
  readonly operationType?: string;
  readonly context: RequestContext;
}

export interface Subgraph {
  readonly name: string;
  readonly schema: GraphQLSchema;
  execute(request: SubgraphRequest): Promise<OperationResult>;
}

/** Builds a room's subgraph from `schema/<name>.graphql`. Throws when a field has no policy. */
export async function buildSubgraph(room: Room): Promise<Subgraph> {
  const sdl = await readFile(join(import.meta.dirname, '../../schema', `${room.name}.graphql`), 'utf8');
  const scalars = sdl.includes('scalar DateTime') ? { DateTime: dateTime } : {};
  const schema = buildSubgraphSchema([
    { typeDefs: parse(sdl), resolvers: { ...scalars, ...room.resolvers } as never },
  ]);
  applyPolicies(schema, room.policies);
  return { name: room.name, schema, execute: (request) => run(schema, request) };
}

async function run(schema: GraphQLSchema, request: SubgraphRequest): Promise<OperationResult> {
  const reported: ExecutionResult['errors'][] = [];
  // Reads fall through to the request's own context, so that a login counts for what is asked after it.
  const context = Object.create(request.context, {
    report: { value: (error: GraphQLError) => void reported.push([error]) },
  }) as RequestContext;
  const args = {
    schema,
    document: request.document,
    variableValues: request.variables,
    operationName: request.operationName,
    contextValue: context,
  };
  if (request.operationType !== OperationTypeNode.SUBSCRIPTION)
    return withReported(await execute(args), reported);
  const result = await subscribe(args);
  return Symbol.asyncIterator in result
    ? mapEvents(result, (event) => withReported(event, reported))
    : result;
}

/** Errors beside data that a resolver did answer, such as a data centre that is left out. */
function withReported(result: ExecutionResult, reported: ExecutionResult['errors'][]): ExecutionResult {
  const errors = [...(result.errors ?? []), ...reported.splice(0).flatMap((list) => list ?? [])];
  // An event without data would leave the event before it standing in the router.
  return { data: result.data ?? {}, ...(errors.length > 0 ? { errors } : {}) };
}
