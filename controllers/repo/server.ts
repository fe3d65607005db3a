import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { AppError, httpStatusOf, publicMessageOf, toAppError } from '@skyarc/lib/errors';
import { closeHttp, listen, type ListenAddress } from '@skyarc/lib/lifecycle';
import { createLogger } from '@skyarc/lib/log';
import type { Access, Caller } from './access.ts';
import { renderBrowse } from './browse.ts';
import type { Answer, Format, Handler } from './formats/format.ts';
import { parseRequestPath, type RequestPath } from './request-path.ts';
import type { Served } from './store/cache.ts';
import type { Catalogue } from './store/catalogue.ts';

/** A format with the handler of its requests. */
export interface OpenFormat {
  readonly format: Format;
  readonly handler: Handler;
}

interface ServerParts {
  readonly access: Access;
  readonly catalogue: Catalogue;
  readonly formats: readonly OpenFormat[];
}

const log = createLogger('repo');
const methods = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'];
const safe = {
  'x-content-type-options': 'nosniff',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
};

/** The one address of all formats. */
export class RepoServer {
  private readonly parts: ServerParts;
  private readonly server: Server;

  constructor(parts: ServerParts) {
    this.parts = parts;
    this.server = createServer((request, response) => {
      void this.answer(request, response);
    });
  }

  /** Answers the port that it listens on. */
  listen(address: ListenAddress): Promise<number> {
    return listen(this.server, address);
  }

  stop(): Promise<void> {
    return closeHttp(this.server);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.dispatch(request, response);
    } catch (error) {
      this.refuse(request, response, error);
    }
  }

  private async dispatch(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '' } = request;
    if (!methods.includes(method)) throw new AppError('INVALID', 'There is no such method here');
    const { target, token } = takeToken(this.ownTarget(request.url ?? '/'));
    const path = parseRequestPath(target);
    const caller = this.parts.access.identify(token ? `Bearer ${token}` : request.headers.authorization);
    const [name, ...parts] = path.parts;
    if (name === undefined) return this.browse(request, response, { caller, path });
    const found = this.parts.formats.find(({ format }) => format.name === name);
    if (!found) throw new AppError('NOT_FOUND', 'There is no such kind of packages');
    const base = `${originOf(request)}${token ? `/~${token}` : ''}/${name}`;
    const answer = await found.handler.handle({ ...path, method, parts, caller, base, request });
    if ('takeOver' in answer) answer.takeOver(request, response);
    else await send(request, response, answer);
  }

  /** apt may use us as its proxy: then the target is a whole address, of a site that we know. */
  private ownTarget(target: string): string {
    if (!/^https?:/i.test(target)) return target;
    for (const { format, handler } of this.parts.formats) {
      const path = handler.locate?.(target);
      if (path) return `/${format.name}/${path}`;
    }
    throw new AppError('FORBIDDEN', 'This is a proxy for packages of known sites only');
  }

  private async browse(
    request: IncomingMessage,
    response: ServerResponse,
    { caller, path }: { caller: Caller; path: RequestPath },
  ): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      throw new AppError('INVALID', 'This page is only read');
    const origin = originOf(request);
    const own = await Promise.all(
      this.parts.formats.map(async ({ format, handler }) =>
        ((caller.team && (await handler.listPrivate?.(caller.team))) || []).map((name) => ({
          format: format.name,
          name,
        })),
      ),
    );
    const body = renderBrowse({
      catalogue: this.parts.catalogue,
      caller,
      words: (path.search.get('q') ?? '').slice(0, 100),
      formats: this.parts.formats.map(({ format: { name, title, setup } }) => ({
        name,
        title,
        setup: setup(`${origin}/${name}`),
      })),
      own: own.flat(),
    });
    await send(request, response, { headers: { 'content-type': 'text/html; charset=utf-8' }, body });
  }

  private refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    const known = toAppError(error);
    if (known.code === 'INTERNAL')
      log.error({ err: error, path: takeToken(request.url ?? '').target }, 'a request failed on our side');
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const isForNpm = request.url?.includes('/npm/');
    const message = publicMessageOf(known);
    response.writeHead(statusOf(known), {
      ...safe,
      'content-type': isForNpm ? 'application/json' : 'text/plain; charset=utf-8',
      ...(known.code === 'UNAUTHENTICATED' ? { 'www-authenticate': 'Basic realm="packages of a team"' } : {}),
      // What the client still sends is not read.
      ...(request.complete ? {} : { connection: 'close' }),
    });
    response.end(isForNpm ? JSON.stringify({ error: message }) : `${message}\n`);
  }
}

/** Go sends no password over HTTP: its token may stand first in the path, `/~<token>/go/...`. */
function takeToken(target: string): { readonly target: string; readonly token: string | undefined } {
  const [, token, rest = '/'] = /^\/~([\w.-]{20,1000})(\/.*)?$/.exec(target) ?? [];
  return token ? { target: rest, token } : { target, token };
}

function statusOf(error: AppError): number {
  if (error.details['isTampered']) return 502;
  return error.code === 'EXHAUSTED' ? 413 : httpStatusOf[error.code];
}

function originOf({ headers }: IncomingMessage): string {
  const { host = 'localhost' } = headers;
  if (!/^[\w.:[\]-]{1,260}$/.test(host)) throw new AppError('INVALID', 'The Host header is not a host');
  return `http://${host}`;
}

async function send(request: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
  const { status = 200, headers = {}, body } = answer;
  if (body !== null && typeof body === 'object') return sendFile(request, response, body);
  const etag = headers['etag'];
  if (etag !== undefined && request.headers['if-none-match'] === etag) {
    response.writeHead(304, { ...safe, etag }).end();
    return;
  }
  const length = Buffer.byteLength(body ?? '');
  response.writeHead(status, { ...safe, ...headers, 'content-length': length });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function sendFile(request: IncomingMessage, response: ServerResponse, file: Served): Promise<void> {
  const { size, type, digest, etag = digest, isStale } = file;
  const headers = {
    ...safe,
    'content-type': type,
    ...(etag ? { etag: `"${etag}"`, 'accept-ranges': 'bytes' } : {}),
    // RFC 9111, 5.5: for those who want to know.
    ...(isStale ? { warning: '110 - "Response is Stale"' } : {}),
  };
  if (etag && request.headers['if-none-match'] === `"${etag}"`) {
    response.writeHead(304, headers).end();
    return;
  }
  const range = etag && size !== null ? rangeOf(request, size) : undefined;
  if (range) {
    const part = {
      'content-range': `bytes ${range.start}-${range.end}/${size}`,
      'content-length': range.end - range.start + 1,
    };
    response.writeHead(206, { ...headers, ...part });
  } else {
    response.writeHead(200, { ...headers, ...(size === null ? {} : { 'content-length': size }) });
  }
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  await pipeline(await file.stream(range), response).catch(() => response.destroy());
}

/** One range of bytes (RFC 9110, 14.1.2); what is asked for otherwise gets the whole file. */
function rangeOf(request: IncomingMessage, size: number): { start: number; end: number } | undefined {
  const [, from = '', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  if (from === '' || request.headers['if-range'] !== undefined) return undefined;
  const start = Number(from);
  const end = to === '' ? size - 1 : Math.min(Number(to), size - 1);
  return start <= end ? { start, end } : undefined;
}
