import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, httpStatusOf } from '@skyarc/lib/errors';
import {
  allOf,
  formatErrors,
  fromGraphQLErrors,
  type OperationResult,
  type OperationStore,
  type PreparedOperation,
  readJson,
} from '@skyarc/lib/graphql';
import type { Logger } from '@skyarc/lib/log';
import {
  getNamedType,
  getNullableType,
  type GraphQLArgument,
  type GraphQLInputType,
  isInputObjectType,
  isListType,
} from 'graphql';
import { type CallContext, callContextOf } from '../context.ts';
import { documentOf, type RestOperation, restOperations } from './document.ts';
import { openApiOf } from './openapi.ts';

export interface RestOptions {
  readonly operations: OperationStore;
  readonly log: Logger;
  readonly version: string;
  readonly execute: (operation: PreparedOperation, context: CallContext) => Promise<OperationResult>;
}

const bodyLimitBytes = 32 << 20;

/**
 * The schema's queries and mutations as REST: `GET /rest/<query>?argument=...` and `POST /rest/<mutation>` with
 * the arguments as a JSON object. `fields` in the query is a GraphQL selection of what is wanted of the answer.
 * `GET /rest/openapi.json` describes it all (OpenAPI 3.1). Never throws.
 */
export function serveRest(
  options: RestOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { schema } = options.operations;
  const operations = restOperations(schema);
  const openApi = JSON.stringify(openApiOf(schema, operations, options.version));
  return async (request, response) => {
    const { status, body } = await answer(request);
    if (response.destroyed) return;
    response
      .writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
      .end(body);
  };

  async function answer(request: IncomingMessage): Promise<{ status: number; body: string }> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const name = url.pathname.slice('/rest/'.length);
    if (name === 'openapi.json') return { status: 200, body: openApi };
    try {
      const context = callContextOf(request.headers);
      const operation = operations.get(name);
      if (!operation) throw new AppError('NOT_FOUND', `There is no operation "${name.slice(0, 60)}"`);
      const query = documentOf(operation, url.searchParams.get('fields') ?? undefined);
      const variables = await argumentsOf(request, url.searchParams, operation);
      const prepared = options.operations.prepare(
        { query, variables, operationName: 'rest' },
        { introspection: false },
      );
      const result = await options.execute(prepared, context);
      if (Symbol.asyncIterator in result) throw new AppError('INTERNAL', 'A query answered a stream');
      if (result.errors?.length) throw result.errors;
      return { status: 200, body: JSON.stringify(result.data?.[name] ?? null) };
    } catch (error) {
      const errors = formatErrors(allOf(error), options.log);
      const { code, message, details } = fromGraphQLErrors(errors);
      return { status: httpStatusOf[code], body: JSON.stringify({ code, message, details }) };
    }
  }
}

async function argumentsOf(
  request: IncomingMessage,
  given: URLSearchParams,
  { kind, field }: RestOperation,
): Promise<Record<string, unknown>> {
  const method = kind === 'query' ? 'GET' : 'POST';
  if (request.method !== method)
    throw new AppError('INVALID', `Cannot use ${request.method} for ${field.name}: use ${method}`);
  if (method === 'GET') {
    const known = field.args.filter(({ name }) => given.has(name));
    return Object.fromEntries(known.map((argument) => [argument.name, valueOf(argument, given)]));
  }
  const body = field.args.length === 0 ? {} : await readJson(request, bodyLimitBytes);
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new AppError('INVALID', `Cannot read the arguments of ${field.name}: send a JSON object`);
  return body as Record<string, unknown>;
}

/** A list is given by repeating its name, an input object as JSON. */
function valueOf({ name, type }: GraphQLArgument, given: URLSearchParams): unknown {
  const isList = isListType(getNullableType(type));
  const values = given.getAll(name).map((text) => parse(name, type, text));
  return isList ? values : values[0];
}

function parse(name: string, type: GraphQLInputType, text: string): unknown {
  const named = getNamedType(type);
  if (['Int', 'Float', 'Boolean'].includes(named.name) || isInputObjectType(named)) {
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new AppError('INVALID', `Cannot read the argument ${name}: it is no ${named.name}`, { cause });
    }
  }
  return text;
}
