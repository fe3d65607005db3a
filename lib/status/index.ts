import { createServer } from 'node:http';
import type { RunningService } from '@skyarc/lib/lifecycle';
import { collectDefaultMetrics, Registry } from 'prom-client';

export interface StatusOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly registry: Registry;
  /** Throws, or answers a sentence that says what is wrong; undefined means healthy. */
  readonly health: () => Promise<string | undefined> | string | undefined;
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
    void answer(options, request.url ?? '/').then(({ status, type, body }) => {
      response.writeHead(status, { 'content-type': type }).end(body);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port, options.host, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : options.port;
  return {
    url: `http://${options.host}:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  options: StatusOptions,
  path: string,
): Promise<{ status: number; type: string; body: string }> {
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
