import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { uriHost } from '@skyarc/lib/address';
import { AppError, httpStatusOf, publicMessageOf, toAppError } from '@skyarc/lib/errors';
import { listen, type RunningService } from '@skyarc/lib/lifecycle';

export const jsonType = 'application/json; charset=utf-8';
const maxBodyBytes = 4 * 2 ** 20;

export interface MonitorRequest {
  /** What the pattern's groups took. */
  readonly parts: readonly string[];
  /** Of the address, or of a form in the body. */
  readonly parameters: URLSearchParams;
  /** Parsed JSON; undefined when there is none. */
  readonly body: unknown;
  readonly signal: AbortSignal;
}

export interface Route {
  readonly methods: readonly string[];
  readonly pattern: RegExp;
  /** Answered without a token. */
  readonly isOpen?: boolean;
  /** A text is answered as it is with its type; anything else as JSON. */
  readonly handle: (request: MonitorRequest) => Promise<unknown>;
}

/** An answer in the words of others. */
export class RawAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Uint8Array;

  constructor(status: number, type: string, body: string | Uint8Array) {
    this.status = status;
    this.type = type;
    this.body = body;
  }
}

/** An answer that is written as it comes. */
export abstract class StreamedAnswer {
  /** Resolves once all of it is written. Throws why there is none; after its begin the connection ends instead. */
  abstract writeTo(response: ServerResponse): Promise<void>;
}

/** Serves the routes to who has the token. */
export async function startMonitorServer(
  { host, port, token }: { readonly host: string; readonly port: number; readonly token: string },
  routes: readonly Route[],
): Promise<RunningService> {
  const expected = digestOf(`Bearer ${token}`);
  const server = createServer((request, response) => {
    void answer(request, response, { routes, expected });
  });
  server.keepAliveTimeout = 60_000;
  const bound = await listen(server, { host, port });
  return {
    url: `http://${uriHost(host)}:${bound}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), 2_000).unref();
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { routes, expected }: { readonly routes: readonly Route[]; readonly expected: Buffer },
): Promise<void> {
  const gone = new AbortController();
  // Each abort makes an error with its stack, which nobody hears of once the answer is out.
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  try {
    const url = new URL(request.url ?? '/', 'http://monitor');
    const route = routes.find(({ pattern }) => pattern.test(url.pathname));
    const isKnown = timingSafeEqual(digestOf(request.headers.authorization ?? ''), expected);
    if (!route?.isOpen && !isKnown) throw new AppError('UNAUTHENTICATED', 'The token is missing or wrong');
    if (!route) throw new AppError('NOT_FOUND', 'There is nothing here');
    if (!route.methods.includes(request.method ?? '')) {
      throw new AppError('INVALID', `Use ${route.methods.join(' or ')}`);
    }
    const text = request.method === 'GET' ? '' : await read(request);
    const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') ?? false;
    const parts = (route.pattern.exec(url.pathname) ?? []).slice(1).map(decodeURIComponent);
    const result = await route.handle({
      parts,
      parameters: isForm ? new URLSearchParams(text) : url.searchParams,
      body: isForm || text === '' ? undefined : parse(text),
      signal: gone.signal,
    });
    if (result instanceof RawAnswer) {
      const { status, type, body } = result;
      response
        .writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
        .end(body);
    } else if (result instanceof StreamedAnswer) {
      await result.writeTo(response);
    } else {
      send(response, 200, result ?? {});
    }
  } catch (error) {
    const known = toAppError(error);
    // As Prometheus says it, so that its clients understand, too.
    const errorType = known.code === 'INVALID' ? 'bad_data' : known.code.toLowerCase();
    const message = publicMessageOf(known);
    send(response, httpStatusOf[known.code], {
      status: 'error',
      errorType,
      error: message,
      code: known.code,
      message,
    });
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { 'content-type': jsonType }).end(JSON.stringify(body));
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) throw new AppError('INVALID', 'The body has more than 4 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError('INVALID', 'The body is not JSON', { cause });
  }
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
