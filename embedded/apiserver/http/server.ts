import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Duplex } from 'node:stream';
import type { KeyPair } from '@skyarc/lib/certificates';
import { AppError, messageOf, toAppError } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import type { Aggregation } from '../aggregation/index.ts';
import {
  authenticate,
  grantingRight,
  type Authorizer,
  type RequestAttributes,
  type TokenIssuer,
  type User,
} from '../auth/index.ts';
import { apiError } from '../errors.ts';
import { isObject } from '../object.ts';
import type { NodeProxy } from '../node-proxy.ts';
import type { Registry } from '../registry.ts';
import { servedOf, type Served } from '../served.ts';
import { applyType } from '../patch/index.ts';
import { mediaTypeOf, readOptions } from './body.ts';
import { discoveryAt, versionInfo } from './discovery.ts';
import { flag, sendError, sendJson, sendText, type Exchange } from './exchange.ts';
import type { ApiMetrics } from './metrics.ts';
import { sendNodePage } from './node-page.ts';
import { openApiV2, openApiV3 } from './openapi.ts';
import { handleCollection, handleObject, objectOf } from './resource-handler.ts';
import { reviews } from './reviews.ts';
import { handleSubresource } from './subresources.ts';
import { notAllowed, notServed, servedAt, targetOf, type Target } from './target.ts';
import { checkUpgrade, mayRedirect, openStream, redirectUpgrade, refuseUpgrade, tunnel } from './tunnel.ts';

export interface ApiHttpServerOptions {
  readonly registry: Registry;
  readonly tokens: TokenIssuer;
  readonly authorizer: Authorizer;
  readonly metrics: ApiMetrics;
  readonly nodeProxy: NodeProxy | undefined;
  readonly aggregation: Aggregation;
  readonly certificate: KeyPair;
  /** Authority of client certificates, PEM. */
  readonly caCert: string;
  readonly log: Logger;
  /** Says what is wrong; undefined when ready. */
  readonly health: () => string | undefined;
}

const verbOf: Readonly<Record<string, string>> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};
const streams = ['exec', 'attach', 'portforward'];

/** The REST face of the registry: one request in, authenticated, authorized, answered, counted. */
export class ApiHttpServer {
  readonly server: Server;
  private readonly options: ApiHttpServerOptions;
  private readonly served: readonly Served[];
  private readonly stopping = new AbortController();

  constructor(options: ApiHttpServerOptions) {
    this.options = options;
    this.served = servedOf(options.registry.kinds);
    this.server = createServer(
      {
        cert: options.certificate.cert,
        key: options.certificate.key,
        ca: options.caCert,
        requestCert: true,
        rejectUnauthorized: false,
        ALPNProtocols: ['http/1.1'],
        minVersion: 'TLSv1.2',
        keepAliveTimeout: 120_000,
        noDelay: true,
      },
      (request, response) => void this.answer(request, response),
    );
    this.server.on('upgrade', (request, socket, head) => void this.upgrade(request, socket, head));
  }

  /** Ends watches and followed logs, then waits for the rest. */
  async stop(): Promise<void> {
    this.stopping.abort();
    const closed = new Promise<void>((resolve) => {
      this.server.close(() => resolve());
    });
    this.server.closeIdleConnections();
    const timer = setTimeout(() => this.server.closeAllConnections(), 500);
    await closed;
    clearTimeout(timer);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = performance.now();
    const labels = { verb: request.method ?? '', resource: '' };
    try {
      const gone = new AbortController();
      response.once('close', () => gone.abort());
      const exchange = this.exchangeOf(
        request,
        response,
        AbortSignal.any([gone.signal, this.stopping.signal]),
      );
      const target = targetOf(exchange.path);
      labels.resource = target ? [target.resource, target.subresource].filter(Boolean).join('/') : '';
      const wanted = attributesOf(exchange, target);
      if (target) labels.verb = wanted.verb.toUpperCase();
      this.authorize(exchange.user, wanted);
      const granting = grantingRight(wanted);
      if (granting) this.authorize(exchange.user, granting);
      if (mediaTypeOf(request) === applyType && !this.isThere(target)) {
        this.authorize(exchange.user, { ...wanted, verb: 'create' });
      }
      if (target) await this.handleTarget(exchange, target);
      else await this.handlePath(exchange);
    } catch (error) {
      this.fail(response, error, request);
    }
    this.options.metrics.observe(
      { ...labels, code: response.statusCode },
      (performance.now() - startedAt) / 1_000,
    );
  }

  private exchangeOf(request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Exchange {
    const { pathname, searchParams } = urlOf(request);
    const path = pathname.length > 1 && pathname.endsWith('/') ? pathname.slice(0, -1) : pathname;
    return {
      request,
      response,
      user: authenticate(request, this.options),
      path,
      query: searchParams,
      signal,
    };
  }

  private authorize(user: User, wanted: RequestAttributes): void {
    if (this.options.authorizer.allows(user, wanted)) return;
    const { path, resource = '', subresource, group, namespace, name, verb } = wanted;
    const thing = path === undefined ? [resource, subresource].filter(Boolean).join('/') : undefined;
    const where = namespace ? ` in the namespace "${namespace}"` : ' at the cluster scope';
    const what = thing
      ? `cannot ${verb} resource "${thing}" in API group "${group ?? ''}"${where}`
      : `cannot ${verb} path "${path ?? ''}"`;
    const subject = thing ? `${[thing, group].filter(Boolean).join('.')}${name ? ` "${name}"` : ''} is ` : '';
    throw apiError(403, 'Forbidden', `${subject}forbidden: User "${user.username}" ${what}`, {
      name,
      group: group || undefined,
      kind: resource || undefined,
    });
  }

  private isThere(target: Target | undefined): boolean {
    if (!target?.name) return false;
    const { kind } = servedAt(this.served, target);
    return this.options.registry.reader.find(kind, target.namespace, target.name) !== undefined;
  }

  private async handleTarget(exchange: Exchange, target: Target): Promise<void> {
    const aggregated = this.options.aggregation.find(target.group, target.version);
    if (aggregated) return aggregated.handle(exchange);
    const review = reviews.find(
      (each) =>
        each.group === target.group && each.version === target.version && each.plural === target.resource,
    );
    if (review) {
      if (exchange.request.method !== 'POST' || target.name) throw notAllowed();
      const body = await readOptions(exchange.request);
      const spec = isObject(body['spec']) ? body['spec'] : {};
      const status = review.answer(spec, { ...this.options, user: exchange.user });
      const { kind, group, version } = review;
      return sendJson(exchange.response, 201, {
        kind,
        apiVersion: `${group}/${version}`,
        metadata: {},
        spec,
        status,
      });
    }
    const resource = { exchange, target, served: servedAt(this.served, target) };
    if (target.subresource) return handleSubresource(this.options, resource);
    return target.name
      ? handleObject(this.options.registry, resource)
      : handleCollection(this.options.registry, resource);
  }

  private async handlePath(exchange: Exchange): Promise<void> {
    const { request, response, path } = exchange;
    if (request.method !== 'GET') throw notAllowed();
    if (await sendNodePage(this.options.nodeProxy, exchange)) return;
    if (path === '/version') return sendJson(response, 200, versionInfo);
    if (['/healthz', '/livez', '/readyz'].some((root) => path === root || path.startsWith(`${root}/`))) {
      const problem = path.startsWith('/livez') ? undefined : this.options.health();
      return sendText(response, problem ? 503 : 200, problem ?? 'ok', 'text/plain; charset=utf-8');
    }
    if (path === '/metrics') {
      const { registry } = this.options.metrics;
      return sendText(response, 200, await registry.metrics(), registry.contentType);
    }
    if (path === '/openapi/v2') {
      const { type, body } = openApiV2(request.headers.accept ?? '', this.served);
      response.writeHead(200, { 'content-type': type, 'content-length': body.length }).end(body);
      return;
    }
    const [, root, group = '', version = '', ...rest] = path.split('/');
    const aggregated = root === 'apis' && rest.length === 0 && this.options.aggregation.find(group, version);
    if (aggregated) return aggregated.handle(exchange);
    const document = path.startsWith('/openapi/v3')
      ? openApiV3(path, this.served)
      : discoveryAt(path, this.served, this.options.aggregation.list());
    if (document) return sendJson(response, 200, document);
    if (path === '/')
      return sendJson(response, 200, {
        paths: ['/api', '/apis', '/healthz', '/metrics', '/openapi/v2', '/version'],
      });
    throw notServed();
  }

  private async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    try {
      const { pathname, searchParams: query } = urlOf(request);
      const user = authenticate(request, this.options);
      const target = targetOf(pathname);
      const { subresource, name } = target ?? {};
      if (!target || !name || !subresource || target.resource !== 'pods' || !streams.includes(subresource)) {
        throw apiError(400, 'BadRequest', 'this path cannot be upgraded');
      }
      this.authorize(user, { ...target, verb: 'create' });
      checkUpgrade(request);
      const served = servedAt(this.served, target);
      const pod = objectOf(this.options.registry, { exchange: undefined as never, target, served });
      const url = await openStream(this.options.nodeProxy, { subresource, pod, query });
      if (mayRedirect(request, url)) redirectUpgrade(socket, url);
      else await tunnel(request, socket, head, url);
    } catch (error) {
      this.report(error, request);
      refuseUpgrade(socket, error);
    }
  }

  private fail(response: ServerResponse, error: unknown, request: IncomingMessage): void {
    this.report(error, request);
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    // Whatever the client still sends of its body is not read: the connection cannot be used again.
    if (!request.complete) response.setHeader('connection', 'close');
    sendError(response, toAppError(error));
  }

  private report(error: unknown, request: IncomingMessage): void {
    if (error instanceof AppError && error.code !== 'INTERNAL') return;
    this.options.log.error(
      {
        method: request.method,
        path: request.url?.split('?')[0],
        reason: messageOf(error),
        stack: (error as Error).stack,
      },
      'request failed',
    );
  }
}

function urlOf(request: IncomingMessage): URL {
  const url = URL.parse(request.url ?? '/', 'https://localhost');
  if (!url) throw apiError(400, 'BadRequest', 'the URL of the request is malformed');
  return url;
}

function attributesOf({ request, path, query }: Exchange, target: Target | undefined): RequestAttributes {
  const { method = 'GET' } = request;
  if (!target) return { verb: method === 'GET' ? 'get' : (verbOf[method] ?? method.toLowerCase()), path };
  const isCollection = target.name === undefined;
  const readVerb = isCollection ? (flag(query, 'watch') ? 'watch' : 'list') : 'get';
  const verb = method === 'GET' ? readVerb : (verbOf[method] ?? method.toLowerCase());
  const namespace = target.resource === 'namespaces' ? target.name : target.namespace;
  return { ...target, verb: isCollection && verb === 'delete' ? 'deletecollection' : verb, namespace };
}
