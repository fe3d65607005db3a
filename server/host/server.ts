import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { AppError } from '@skyarc/lib/errors';
import {
  OperationStore,
  type OperationResult,
  type PreparedOperation,
  serveHttp,
  serveWebSocket,
} from '@skyarc/lib/graphql';
import { closeHttp, listen, type RunningService } from '@skyarc/lib/lifecycle';
import type { Logger } from '@skyarc/lib/log';
import type { GraphQLSchema } from 'graphql';
import { type WatchedConnection, watchConnection } from './connection-watch.ts';
import type {
  Authenticator,
  Credential,
  Directory,
  Identity,
  RequestContext,
  SessionCookie,
} from './context.ts';
import type { DataCenterRegistry } from './data-centers/registry.ts';
import { DataCenterScope } from './data-centers/scope.ts';
import { GrantProxy } from './grant-proxy.ts';
import { bearerOf, cookieOf, credentialOf, foreignOrigin, noCookie } from './request.ts';
import { securityHeaders, StaticFiles } from './static-files.ts';
import { TerminalProxy } from './terminal-proxy.ts';

/** For requests under way when it stops. */
const drainMs = 5_000;

export interface HttpServerOptions {
  readonly host: string;
  readonly port: number;
  /** Origins besides the server's own host from which pages may come, e.g. behind a proxy. */
  readonly publicOrigins: readonly string[];
  /** See `serverConfigSchema`. */
  readonly nearbyTerminals: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly isSecure: boolean;
  /** Folder of the exported console; none is served when absent. */
  readonly webRoot: string | undefined;
  /** How often an open connection's session is checked again. */
  readonly recheckMs: number;
  readonly log: Logger;
  readonly schema: GraphQLSchema;
  readonly execute: (operation: PreparedOperation, context: RequestContext) => Promise<OperationResult>;
  readonly authenticator: Authenticator;
  readonly directory: Directory;
  readonly dataCenters: DataCenterRegistry;
  /** Handlers of single paths, e.g. of downloads; one that ends in `/` has all in that folder. */
  readonly routes: Readonly<
    Record<string, (request: IncomingMessage, response: ServerResponse) => Promise<void>>
  >;
}

const bodyTimeoutMs = 300_000;

/** The one address of the console layer: `/graphql` by HTTP and WebSocket, uploads, downloads, and the console's pages. */
export async function startHttpServer(options: HttpServerOptions): Promise<RunningService> {
  const { log } = options;
  const operations = new OperationStore(options.schema);
  const contexts = new Contexts(options);
  const graphql = serveHttp<RequestContext>({
    operations,
    log,
    execute: options.execute,
    context: (request, response) => contexts.ofRequest(request, response),
    mayIntrospect: (context) => context.identity !== null,
  });
  const files = options.webRoot === undefined ? undefined : new StaticFiles(options.webRoot);
  const transfers = new GrantProxy(options);
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? '/').split('?', 1)[0] as string;
    if (GrantProxy.serves(path)) return transfers.serve(path, request, response);
    boundBody(request);
    if (path === '/graphql') return graphql(request, response);
    // `/hooks/<id>` has the handler of `/hooks/`.
    const route = options.routes[path] ?? options.routes[path.slice(0, path.lastIndexOf('/') + 1)];
    if (route) return route(request, response);
    if (path === '/healthz')
      return void response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n');
    if (files) return files.serve(request, response);
    response
      .writeHead(404, { 'content-type': 'text/plain; charset=utf-8', ...securityHeaders })
      .end('not found\n');
  };
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      log.error({ err: error }, 'request failed');
      response.destroy();
    });
  });
  // An upload takes its time; every other body is bounded below.
  server.requestTimeout = 0;
  const closeSockets = serveWebSocket<WatchedConnection & { request: IncomingMessage }, RequestContext>({
    server,
    path: '/graphql',
    operations,
    log,
    execute: options.execute,
    refuse: (request) => foreignOrigin(request, options.publicOrigins),
    connect: (request, params, socket, closed) => contexts.connect(request, params, socket, closed),
    context: (connection) => contexts.of(connection.identity, noCookie, connection.request),
    mayIntrospect: (context) => context.identity !== null,
  });
  const terminals = new TerminalProxy(options);
  server.on('upgrade', (request, socket, head) => {
    const path = (request.url ?? '').split('?', 1)[0];
    if (path === TerminalProxy.path) void terminals.serve({ request, socket, head });
    else if (path !== '/graphql') socket.destroy();
  });
  const port = await listen(server, options);
  return {
    url: `http://${options.host}:${port}`,
    stop: async () => {
      const closed = closeHttp(server, drainMs);
      await closeSockets();
      terminals.close();
      await closed;
    },
  };
}

/** Cuts a sender whose body is not whole in time. */
function boundBody(request: IncomingMessage): void {
  const timer = setTimeout(() => request.destroy(), bodyTimeoutMs).unref();
  request.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
}

/** Makes the context of each operation. */
class Contexts {
  private readonly options: HttpServerOptions;

  constructor(options: HttpServerOptions) {
    this.options = options;
  }

  async ofRequest(request: IncomingMessage, response: ServerResponse): Promise<RequestContext> {
    const { authenticator, publicOrigins, isSecure } = this.options;
    for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
    const refusal = foreignOrigin(request, publicOrigins);
    if (refusal !== undefined) throw new AppError('FORBIDDEN', refusal);
    const credential = credentialOf(request);
    const identity = await authenticator.identify(credential);
    if (!identity && credential.bearer)
      throw new AppError('UNAUTHENTICATED', 'The API token is unknown or has ended');
    return this.of(identity, cookieOf(request, response, isSecure), request);
  }

  async connect(
    request: IncomingMessage,
    params: Readonly<Record<string, unknown>>,
    socket: Parameters<typeof watchConnection>[0]['socket'],
    closed: AbortSignal,
  ): Promise<WatchedConnection & { request: IncomingMessage }> {
    const { authenticator, log, recheckMs: everyMs } = this.options;
    const bearer = bearerOf(params['authorization'] ?? params['Authorization']);
    const credential: Credential = bearer ? { bearer } : credentialOf(request);
    const identity = await authenticator.identify(credential);
    if (!identity && (credential.bearer ?? credential.session)) {
      throw new AppError('UNAUTHENTICATED', 'The session or API token is unknown or has ended');
    }
    const connection = { identity, request };
    watchConnection({ connection, credential, authenticator, socket, closed, log, everyMs });
    return connection;
  }

  of(identity: Identity | null, cookie: SessionCookie, request: IncomingMessage): RequestContext {
    const { directory, dataCenters } = this.options;
    const context = {
      identity,
      cookie,
      directory,
      dataCenters: new DataCenterScope(dataCenters, identity),
      remoteAddress: request.socket.remoteAddress ?? '',
      userAgent: (request.headers['user-agent'] ?? '').slice(0, 200),
      become(other: Identity | null): void {
        context.identity = other;
        context.dataCenters = new DataCenterScope(dataCenters, other);
      },
      report: () => undefined,
    };
    return context;
  }
}
