import type { KubeConfig } from '@kubernetes/client-node';
import { HttpMethod, RequestContext } from '@kubernetes/client-node';
import { AppError, messageOf, type ErrorCode } from '@skyarc/lib/errors';
import { fetch, type Dispatcher } from 'undici';

export interface KubeRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

type Response = Awaited<ReturnType<typeof fetch>>;
const credentialsLifeMs = 60_000;

/** Authenticated HTTP to one API server with kept connections; errors come as AppErrors. */
export class KubeTransport {
  readonly kubeConfig: KubeConfig;
  readonly server: string;
  private credentials: { headers: Record<string, string>; takenAt: number } | undefined;
  /** client-node makes a new agent, thus a new TLS connection, for each request; this one is kept. */
  private dispatcher: Dispatcher | undefined;

  constructor(kubeConfig: KubeConfig) {
    const cluster = kubeConfig.getCurrentCluster();
    if (!cluster) throw new AppError('INVALID', 'Cannot use the kubeconfig: it has no current cluster');
    this.kubeConfig = kubeConfig;
    this.server = cluster.server.replace(/\/$/, '');
  }

  /** The parsed JSON answer. */
  async json<T>(request: KubeRequest, timeoutMs = 30_000): Promise<T> {
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = request.signal ? AbortSignal.any([request.signal, timeout]) : timeout;
    const response = await this.open({ ...request, signal });
    try {
      return (await response.json()) as T;
    } catch (cause) {
      throw unreachable(request, cause);
    }
  }

  /** The open answer of a successful request, for streams. Throws the API server's refusal. */
  async open(request: KubeRequest): Promise<Response> {
    const response = await this.send(request, await this.authenticate(false));
    if (response.ok) return response;
    if (response.status !== 401) throw await refusal(request, response);
    await response.body?.cancel();
    const again = await this.send(request, await this.authenticate(true));
    if (again.ok) return again;
    throw await refusal(request, again);
  }

  async close(): Promise<void> {
    await this.dispatcher?.destroy();
    this.dispatcher = undefined;
  }

  private async send(request: KubeRequest, headers: Record<string, string>): Promise<Response> {
    const url = new URL(this.server + request.path);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    try {
      return await fetch(url, {
        method: request.method ?? 'GET',
        headers: {
          ...headers,
          accept: 'application/json',
          ...(request.body === undefined
            ? {}
            : { 'content-type': request.contentType ?? 'application/json' }),
        },
        body: request.body === undefined ? undefined : JSON.stringify(request.body),
        dispatcher: this.dispatcher,
        signal: request.signal,
      });
    } catch (cause) {
      throw unreachable(request, cause);
    }
  }

  private async authenticate(renew: boolean): Promise<Record<string, string>> {
    const fresh = this.credentials && Date.now() - this.credentials.takenAt < credentialsLifeMs;
    if (this.credentials && fresh && !renew) return this.credentials.headers;
    const context = new RequestContext(this.server, HttpMethod.GET);
    await this.kubeConfig.applySecurityAuthentication(context);
    const made = context.getDispatcher();
    if (renew || !this.dispatcher) this.dispatcher = made;
    this.credentials = { headers: context.getHeaders(), takenAt: Date.now() };
    return this.credentials.headers;
  }
}

const codeOfStatus: Readonly<Record<number, ErrorCode>> = {
  400: 'INVALID',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  409: 'CONFLICT',
  410: 'CONFLICT',
  422: 'INVALID',
  429: 'EXHAUSTED',
  504: 'TIMEOUT',
};

/** A Kubernetes Status (also an ERROR watch event) as an AppError; `details.reason` and `details.status` as it names them. */
export function statusError(what: string, status: unknown, httpStatus?: number): AppError {
  const {
    message,
    reason,
    code = httpStatus ?? 500,
  } = (status ?? {}) as {
    message?: string;
    reason?: string;
    code?: number;
  };
  const errorCode = codeOfStatus[code] ?? (code >= 500 ? 'UNAVAILABLE' : 'INTERNAL');
  return new AppError(errorCode, `Kubernetes refused ${what}: ${message ?? `status ${code}`}`, {
    details: { status: code, reason: code === 410 ? 'Expired' : (reason ?? '') },
  });
}

async function refusal(request: KubeRequest, response: Response): Promise<AppError> {
  const text = await response.text().catch(() => '');
  let status: unknown;
  try {
    status = JSON.parse(text);
  } catch {
    status = { message: text.slice(0, 500) };
  }
  return statusError(`${request.method ?? 'GET'} ${request.path}`, status, response.status);
}

function unreachable(request: KubeRequest, cause: unknown): AppError {
  if (request.signal?.aborted) {
    const timedOut = (request.signal.reason as Error | undefined)?.name === 'TimeoutError';
    return timedOut
      ? new AppError('TIMEOUT', `Kubernetes did not answer ${request.path} in time`, { cause })
      : new AppError('CANCELED', 'The request was canceled', { cause });
  }
  const reason = messageOf((cause as Error).cause ?? cause);
  return new AppError('UNAVAILABLE', `Cannot reach Kubernetes for ${request.path}: ${reason}`, { cause });
}
