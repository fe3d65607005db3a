import type { IncomingMessage, Server } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { AppError, toAppError } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { sleep } from '@skyarc/lib/retry';
import type { ExecutionArgs, ExecutionResult, GraphQLError } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { allOf, formatErrors } from './errors.ts';
import { mapEvents } from './map.ts';
import type { OperationResult, OperationStore, PreparedOperation } from './operation.ts';

export interface WebSocketConnection {
  /** Ends the connection: 4401 tells a client to stay away, 4403 to connect anew. */
  close(code: 4401 | 4403, reason: string): void;
}

export interface WebSocketOptions<Session, Context> {
  readonly server: Server | HttpsServer;
  readonly path: string;
  readonly operations: OperationStore;
  readonly log: Logger;
  readonly execute: (
    operation: PreparedOperation,
    context: Context,
  ) => Promise<OperationResult> | OperationResult;
  /** Refuses the upgrade with a reason before a socket exists, e.g. for a foreign origin. */
  readonly refuse?: (request: IncomingMessage) => string | undefined;
  /** Who connects; throws to refuse. `closed` fires when the connection has ended. */
  readonly connect: (
    request: IncomingMessage,
    params: Readonly<Record<string, unknown>>,
    connection: WebSocketConnection,
    closed: AbortSignal,
  ) => Promise<Session>;
  /** Made anew for each operation. */
  readonly context: (session: Session) => Promise<Context> | Context;
  readonly mayIntrospect: (context: Context) => boolean;
  /** Operations that one connection may have at a time; default 50. */
  readonly operationLimit?: number;
  readonly messageLimitBytes?: number;
}

interface Extra extends Record<PropertyKey, unknown> {
  session?: unknown;
  closed?: AbortController;
}

const maxBufferedBytes = 8 << 20;

/**
 * Serves graphql-transport-ws (queries, mutations and subscriptions) on upgrades of one path and leaves
 * other paths alone. Answers a function that closes all connections.
 */
export function serveWebSocket<Session, Context>(
  options: WebSocketOptions<Session, Context>,
): () => Promise<void> {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: options.messageLimitBytes ?? 1 << 20 });
  const served = useServer<Record<string, unknown>, Extra>(serverOptions(options), sockets, 12_000);
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (new URL(request.url ?? '/', 'http://localhost').pathname !== options.path) return;
    const refusal = options.refuse?.(request);
    if (refusal !== undefined) {
      socket.end(
        `HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-type: text/plain\r\n\r\n${refusal}\n`,
      );
      return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.on('error', () => ws.terminate());
      sockets.emit('connection', ws, request);
    });
  };
  options.server.on('upgrade', onUpgrade);
  return async () => {
    options.server.off('upgrade', onUpgrade);
    await served.dispose();
    for (const socket of sockets.clients) socket.terminate();
  };
}

function serverOptions<Session, Context>(
  options: WebSocketOptions<Session, Context>,
): Parameters<typeof useServer<Record<string, unknown>, Extra>>[0] {
  const { log, operations } = options;
  const run = async (args: ExecutionArgs): Promise<OperationResult> => {
    const { prepared, contextValue, socket } = args as unknown as Running<Context>;
    try {
      const result = await options.execute(prepared, contextValue);
      return Symbol.asyncIterator in result ? drained(result, socket, log) : present(result, log);
    } catch (error) {
      return { errors: serializable(allOf(error), log) };
    }
  };
  return {
    isProd: true,
    onConnect: async ({ extra, connectionParams }) => {
      extra.closed = new AbortController();
      extra.socket.once('close', () => extra.closed?.abort());
      const connection = {
        close: (code: number, reason: string) => extra.socket.close(code, reason),
      };
      try {
        extra.session = await options.connect(
          extra.request,
          connectionParams ?? {},
          connection,
          extra.closed.signal,
        );
        return true;
      } catch (error) {
        const { code, message } = toAppError(error);
        if (code === 'INTERNAL') log.error({ err: error }, 'connection failed');
        extra.socket.close(code === 'UNAUTHENTICATED' ? 4401 : 4403, code === 'INTERNAL' ? code : message);
        return false;
      }
    },
    onSubscribe: async ({ extra, subscriptions }, _id, payload) => {
      try {
        if (Object.keys(subscriptions).length > (options.operationLimit ?? 50)) {
          return serializable([tooMany], log);
        }
        const contextValue = await options.context(extra.session as Session);
        const prepared = operations.prepare(payload, { introspection: options.mayIntrospect(contextValue) });
        return {
          schema: operations.schema,
          document: prepared.document,
          operationName: prepared.operationName,
          variableValues: prepared.variables,
          contextValue,
          prepared,
          socket: extra.socket,
        } as ExecutionArgs;
      } catch (error) {
        return serializable(allOf(error), log);
      }
    },
    execute: run,
    subscribe: run,
    // What is formatted already stays as it is.
    onError: (_context, _id, _payload, errors) => formatErrors(errors, log),
  };
}

interface Running<Context> {
  readonly contextValue: Context;
  readonly prepared: PreparedOperation;
  readonly socket: WebSocket;
}

const tooMany = new AppError(
  'EXHAUSTED',
  'Cannot run the operation: this connection has too many; end some first',
);

/** graphql-ws asks errors for their JSON. */
function serializable(errors: readonly unknown[], log: Logger): GraphQLError[] {
  return formatErrors(errors, log).map(
    (payload) => ({ ...payload, toJSON: () => payload }) as unknown as GraphQLError,
  );
}

function present(result: ExecutionResult, log: Logger): ExecutionResult {
  if (!result.errors?.length) return result;
  return { ...result, errors: serializable(result.errors, log) };
}

/** Formats each event, and hands it on only when the socket has sent most of what it has. */
function drained(
  source: AsyncIterable<ExecutionResult>,
  socket: WebSocket,
  log: Logger,
): AsyncIterable<ExecutionResult> {
  return mapEvents(source, async (event) => {
    while (socket.bufferedAmount > maxBufferedBytes && socket.readyState === socket.OPEN) await sleep(20);
    return present(event, log);
  });
}
