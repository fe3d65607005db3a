import { createServer, type IncomingMessage } from 'node:http';
import { AppError, httpStatusOf, publicMessageOf, toAppError } from '@skyarc/lib/errors';
import { closeHttp, listen, type RunningService } from '@skyarc/lib/lifecycle';
import { collectDefaultMetrics, Registry } from 'prom-client';

export interface StatusOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly registry: Registry;
  /** Throws, or answers a sentence that says what is wrong; undefined means healthy. */
  readonly health: () => Promise<string | undefined> | string | undefined;
  /** What else is answered, as JSON, by method and path (`POST /explain`); the body, too, is JSON of at most 64 KiB. */
  readonly actions?: Readonly<Record<string, (body: unknown) => Promise<unknown>>>;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** A registry with the process's own metrics, labelled with the service's name. */
export function createRegistry(service: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** Serves `/metrics` (Prometheus text format 0.0.4) and `/healthz` (200 `ok`, 503 with the reason). */
export async function startStatusServer(options: StatusOptions): Promise<RunningService> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').replace(/\?.*$/, '');
    const action = options.actions?.[`${request.method} ${path}`];
    void (action ? act(action, request) : answer(options, path)).then(({ status, type, body }) => {
      response.writeHead(status, { 'content-type': type }).end(body);
    });
  });
  const port = await listen(server, options);
  return { url: `http://${options.host}:${port}`, stop: () => closeHttp(server) };
}

async function act(action: (body: unknown) => Promise<unknown>, request: IncomingMessage): Promise<Answer> {
  const type = 'application/json; charset=utf-8';
  try {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) {
      text += String(chunk);
      if (text.length > 65_536) throw new AppError('INVALID', 'The body has more than 64 KiB');
    }
    return { status: 200, type, body: JSON.stringify(await action(text ? parse(text) : undefined)) };
  } catch (error) {
    const known = toAppError(error);
    return {
      status: httpStatusOf[known.code],
      type,
      body: JSON.stringify({ message: publicMessageOf(known) }),
    };
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AppError('INVALID', 'The body is not JSON', { cause: error });
  }
}

async function answer(options: StatusOptions, path: string): Promise<Answer> {
  const text = 'text/plain; charset=utf-8';
  if (path === '/metrics') {
    return { status: 200, type: options.registry.contentType, body: await options.registry.metrics() };
  }
  if (path !== '/healthz') return { status: 404, type: text, body: 'not found\n' };
  try {
    const problem = await options.health();
    return problem
      ? { status: 503, type: text, body: `${problem}\n` }
      : { status: 200, type: text, body: 'ok\n' };
  } catch (error) {
    return { status: 503, type: text, body: `${error instanceof Error ? error.message : String(error)}\n` };
  }
}
