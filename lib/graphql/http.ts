import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, httpStatusOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { OperationTypeNode } from 'graphql';
import { allOf, formatErrors, fromGraphQLErrors } from './errors.ts';
import type { OperationResult, OperationStore, PreparedOperation } from './operation.ts';

export interface HttpOptions<Context> {
  readonly operations: OperationStore;
  readonly log: Logger;
  readonly execute: (
    operation: PreparedOperation,
    context: Context,
  ) => Promise<OperationResult> | OperationResult;
  /** Runs before anything is read; throws to refuse. */
  readonly context: (request: IncomingMessage, response: ServerResponse) => Promise<Context> | Context;
  readonly mayIntrospect: (context: Context) => boolean;
  /** Largest body; default 1 MiB. */
  readonly bodyLimitBytes?: number;
}

/**
 * A request handler for GraphQL over HTTP: POST with a JSON object, or GET for queries. A request that
 * cannot be run answers with its code's status, one that ran with 200. Never throws.
 */
export function serveHttp<Context>(
  options: HttpOptions<Context>,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    const { status, body } = await answer(options, request, response);
    if (response.destroyed) return;
    response
      .writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
      .end(JSON.stringify(body));
  };
}

async function answer<Context>(
  options: HttpOptions<Context>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<{ status: number; body: unknown }> {
  const { log } = options;
  try {
    const context = await options.context(request, response);
    const input = await read(request, options.bodyLimitBytes ?? 1 << 20);
    const operation = options.operations.prepare(input, { introspection: options.mayIntrospect(context) });
    if (operation.operation.operation === OperationTypeNode.SUBSCRIPTION) {
      throw new AppError('INVALID', 'Cannot subscribe over HTTP: use the graphql-transport-ws protocol');
    }
    if (request.method === 'GET' && operation.operation.operation !== OperationTypeNode.QUERY) {
      throw new AppError('INVALID', 'Cannot change anything by GET: use POST');
    }
    const result = await options.execute(operation, context);
    if (Symbol.asyncIterator in result) throw new AppError('INTERNAL', 'A query answered a stream');
    const { errors, ...rest } = result;
    return { status: 200, body: errors?.length ? { errors: formatErrors(errors, log), ...rest } : rest };
  } catch (error) {
    const errors = formatErrors(allOf(error), log);
    return { status: httpStatusOf[fromGraphQLErrors(errors).code], body: { errors } };
  }
}

async function read(request: IncomingMessage, limitBytes: number): Promise<unknown> {
  if (request.method === 'GET') {
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
    return {
      query: searchParams.get('query'),
      operationName: searchParams.get('operationName'),
      variables: parseJson(searchParams.get('variables') ?? 'null'),
    };
  }
  if (request.method !== 'POST') throw new AppError('INVALID', `Cannot use ${request.method} here: use POST`);
  return readJson(request, limitBytes);
}

/** The body as JSON. Throws INVALID for another content type, too many bytes, or what is no JSON. */
export async function readJson(request: IncomingMessage, limitBytes: number): Promise<unknown> {
  // A form of another site can send other types without asking first (Fetch, CORS-safelisted).
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new AppError('INVALID', 'Cannot read the request: its content type must be application/json');
  }
  const tooLarge = new AppError('INVALID', `Cannot read the request: more than ${limitBytes} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) throw tooLarge;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limitBytes)
      throw new AppError('INVALID', `Cannot read the request: more than ${limitBytes} bytes`);
    chunks.push(chunk);
  }
  return parseJson(Buffer.concat(chunks).toString('utf8'));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError('INVALID', 'Cannot read the request: it is not JSON', { cause });
  }
}
