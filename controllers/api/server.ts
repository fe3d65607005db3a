import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import {
  OperationStore,
  type OperationResult,
  type PreparedOperation,
  serveHttp,
  serveWebSocket,
} from '@skyarc/lib/graphql';
import { closeHttp, listen, type RunningService } from '@skyarc/lib/lifecycle';
import type { Logger } from '@skyarc/lib/log';
import { refuseWebSocket, type Upgrade } from '@skyarc/lib/tunnel';
import { execute, type GraphQLSchema, OperationTypeNode, subscribe } from 'graphql';
import { type CallContext, callContextOf } from './context.ts';
import { serveRest } from './rest/handler.ts';

/** For requests under way when it stops. */
const drainMs = 5_000;

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly clientNames: readonly string[];
  /** Of the API's description. */
  readonly version: string;
  readonly schema: GraphQLSchema;
  readonly log: Logger;
  /** Handlers of single paths, e.g. of uploads. */
  readonly routes: Readonly<
    Record<string, (request: IncomingMessage, response: ServerResponse) => Promise<void>>
  >;
  /** What else is reached by an upgrade, by path; one that throws is closed with the error's code. */
  readonly upgrades: Readonly<Record<string, (upgrade: Upgrade) => Promise<void>>>;
  /** Told of each operation that was run. */
  readonly observe: (operation: string, seconds: number, isOk: boolean) => void;
}

/** GraphQL by HTTP and WebSocket, and the same as REST, on one TLS port; only certificates of our authority with a known name come in. */
export async function startApiServer(options: ServerOptions): Promise<RunningService> {
  const { log, tls, schema } = options;
  const operations = new OperationStore(schema, { depth: 12, cost: 500_000, aliases: 100, tokens: 10_000 });
  const run = async (operation: PreparedOperation, context: CallContext): Promise<OperationResult> => {
    const startedAt = performance.now();
    const { operation: definition } = operation;
    const args = {
      schema,
      document: operation.document,
      variableValues: operation.variables,
      operationName: operation.operationName,
      contextValue: context,
    };
    const isStream = definition.operation === OperationTypeNode.SUBSCRIPTION;
    const result = await (isStream ? subscribe(args) : execute(args));
    const isOk = Symbol.asyncIterator in result || !result.errors?.length;
    options.observe(definition.name?.value ?? 'unnamed', (performance.now() - startedAt) / 1_000, isOk);
    return result;
  };
  const graphql = serveHttp<CallContext>({
    operations,
    log,
    execute: run,
    context: (request) => callContextOf(request.headers),
    mayIntrospect: () => true,
    bodyLimitBytes: 32 << 20,
  });
  const rest = serveRest({ operations, log, version: options.version, execute: run });
  const server = https.createServer(
    {
      cert: tls.cert,
      key: tls.key,
      ca: tls.ca,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
    },
    (request, response) => {
      if (refusal(request, options) !== undefined) return void response.writeHead(403).end();
      const [path = ''] = (request.url ?? '').split('?', 1);
      if (path === '/graphql') return void graphql(request, response);
      if (path.startsWith('/rest/')) return void rest(request, response);
      const route = options.routes[path];
      if (!route) return void response.writeHead(404).end();
      route(request, response).catch((error: unknown) => {
        log.error({ err: error }, 'request failed');
        response.destroy();
      });
    },
  );
  // An upload takes its time; a sender that is silent is cut by its handler, and only the console comes in.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 65_000;
  const closeSockets = serveWebSocket<CallContext, CallContext>({
    server,
    path: '/graphql',
    operations,
    log,
    execute: run,
    refuse: (request) => refusal(request, options),
    connect: (_request, params) => Promise.resolve(callContextOf(params)),
    context: (context) => context,
    mayIntrospect: () => true,
    operationLimit: 1_000,
  });
  const tunnels = new Set<Duplex>();
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    if (path === '/graphql') return;
    const serve = refusal(request, options) === undefined ? options.upgrades[path] : undefined;
    if (!serve) return void socket.destroy();
    tunnels.add(socket);
    socket.on('error', () => socket.destroy()).once('close', () => tunnels.delete(socket));
    const upgrade = { request, socket, head };
    serve(upgrade).catch((error: unknown) => refuseWebSocket(upgrade, error));
  });
  const port = await listen(server, options);
  return {
    url: `https://${options.host}:${port}`,
    stop: async () => {
      const closed = closeHttp(server, drainMs);
      await closeSockets();
      for (const socket of tunnels) socket.destroy();
      await closed;
    },
  };
}

/** The authority was checked by TLS; here it is whether this client is one of those meant. */
function refusal(request: IncomingMessage, { clientNames }: ServerOptions): string | undefined {
  const name = (request.socket as TLSSocket).getPeerCertificate().subject?.CN;
  const isKnown = typeof name === 'string' && clientNames.includes(name);
  return isKnown ? undefined : 'This certificate may not speak with the data centre';
}
