import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildSchema, GraphQLError, type GraphQLSchema, isObjectType, isScalarType } from 'graphql';
import type { Api } from './api.ts';
import { createBuildMutations } from './builds/resolvers.ts';
import type { CallContext } from './context.ts';
import { createLogOutputMutations, createLogOutputQueries } from './log-outputs/outputs.ts';
import { createMonitorMutations, createMonitorQueries } from './monitoring/resolvers.ts';
import { createQueueMutations, createQueueQueries } from './queues/resolvers.ts';
import { createAppResolvers } from './resolvers/apps.ts';
import { createMutations } from './resolvers/mutations.ts';
import { createQueries } from './resolvers/queries.ts';
import { createSubscriptions } from './resolvers/subscriptions.ts';
import { createSourceMutations, createSourceQueries } from './sources/resolvers.ts';
import { createTerminalMutations, createTerminalQueries } from './terminals/resolvers.ts';
import { createWebhookFields, createWebhookMutations } from './webhooks/resolvers.ts';

type Resolve = (parent: unknown, args: unknown, context: CallContext, info: unknown) => unknown;

/** The executable schema of `schema/datacenter.graphql`. */
export async function createSchema(api: Api): Promise<GraphQLSchema> {
  const sdl = await readFile(join(import.meta.dirname, '../../schema/datacenter.graphql'), 'utf8');
  const schema = buildSchema(sdl);
  const resolvers: Record<string, object> = {
    ...createQueries(api),
    ...createAppResolvers(api),
    Mutation: createMutations(api),
    Subscription: createSubscriptions(api),
  };
  for (const [typeName, fields] of Object.entries(resolvers)) attach(schema, typeName, fields);
  attach(schema, 'Query', createTerminalQueries(api));
  attach(schema, 'Mutation', createTerminalMutations(api));
  attach(schema, 'Query', createSourceQueries(api));
  attach(schema, 'Mutation', createSourceMutations(api));
  attach(schema, 'Mutation', createWebhookMutations(api));
  attach(schema, 'Query', createMonitorQueries(api));
  attach(schema, 'Mutation', createMonitorMutations(api));
  attach(schema, 'Query', createLogOutputQueries(api));
  attach(schema, 'Mutation', createLogOutputMutations(api));
  attach(schema, 'Mutation', createBuildMutations(api));
  attach(schema, 'Query', createQueueQueries(api));
  attach(schema, 'Mutation', createQueueMutations(api));
  for (const [typeName, fields] of Object.entries(createWebhookFields(api))) attach(schema, typeName, fields);
  const dateTime = schema.getType('DateTime');
  if (isScalarType(dateTime)) dateTime.serialize = serializeDateTime;
  return schema;
}

function attach(schema: GraphQLSchema, typeName: string, resolvers: object): void {
  const type = schema.getType(typeName);
  if (!isObjectType(type)) throw new Error(`The schema has no type ${typeName}`);
  const fields = type.getFields();
  for (const [name, resolver] of Object.entries(resolvers) as [string, Resolve | { subscribe: Resolve }][]) {
    const field = fields[name];
    if (!field) throw new Error(`The schema has no field ${typeName}.${name}`);
    if (typeof resolver === 'function') field.resolve = resolver;
    else field.subscribe = resolver.subscribe;
  }
}

function serializeDateTime(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  throw new GraphQLError('A DateTime must be a Date');
}
