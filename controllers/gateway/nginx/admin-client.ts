import { Agent, request } from 'node:http';
import { AppError, messageOf } from '@skyarc/lib/errors';
import type { TableChange } from '../render/table.ts';

export interface NginxState {
  /** Counts changes; absent before the first one. */
  readonly version?: number;
  readonly freeBytes: number;
}

export interface NginxMetrics {
  /** Upper ends of the latency buckets, in seconds; one more bucket is open. */
  readonly bounds: readonly number[];
  /** By `<ingress>|<backend>`; the numbers are explained in metrics.lua. */
  readonly series: Readonly<Record<string, readonly number[]>>;
  readonly connections: number;
}

/** A request that may or may not come; names of headers and query parameters once. */
export interface Question {
  readonly method?: string;
  readonly scheme?: 'http' | 'https';
  readonly host: string;
  /** Normalised, without query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly clientIp?: string;
}

interface ExplainedRule {
  /** `<namespace>/<name>`. */
  readonly ingress: string;
  /** Empty: any host. */
  readonly host: string;
  readonly pathType: 'EXACT' | 'PREFIX' | 'REGEX';
  readonly path: string;
}

/** What would become of a request, by the code that routes requests (explain.lua). */
export interface Explanation {
  /** Absent when nothing takes the request. */
  readonly rule?: ExplainedRule;
  /** Share of 1 of the requests like this one, and ready endpoints, by `<namespace>/<service>:<port>`. */
  readonly targets?: readonly {
    readonly backend: string;
    readonly share: number;
    readonly endpoints: number;
  }[];
  readonly why: string;
  /** Status and reason when the request never reaches an app. */
  readonly refused?: string;
  /** Rules of the same host and path whose conditions do not hold. */
  readonly passedOver: readonly (ExplainedRule & { readonly reason: string })[];
}

/** Speaks with nginx's Lua over its unix socket (admin.lua). Throws UNAVAILABLE when nginx does not answer. */
export class NginxAdmin {
  private readonly socketPath: string;
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 4 });

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  state(): Promise<NginxState> {
    return this.call('GET', '/state');
  }

  async keys(): Promise<string[]> {
    const { keys } = await this.call<{ keys: string[] | Record<string, never> }>('GET', '/keys');
    // Lua writes an empty list as an empty object.
    return Array.isArray(keys) ? keys : [];
  }

  /** Of what was written to nginx (table.ts), whoever did. */
  async digest(): Promise<string> {
    return (await this.call<{ digest: string }>('GET', '/digest')).digest;
  }

  /** Of what nginx really holds; reads all of it, so that requests wait meanwhile: some 10 ms with 5,000 routes. */
  async recount(): Promise<string> {
    return (await this.call<{ digest: string }>('POST', '/recount')).digest;
  }

  async explain(question: Question): Promise<Explanation> {
    const answer = await this.call<Explanation>('POST', '/explain', question);
    return { ...answer, passedOver: Array.isArray(answer.passedOver) ? answer.passedOver : [] };
  }

  metrics(): Promise<NginxMetrics> {
    return this.call('GET', '/metrics');
  }

  async apply(change: TableChange): Promise<void> {
    await this.call('POST', '/apply', change);
  }

  private call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const fail = (reason: unknown) =>
      reject(
        new AppError('UNAVAILABLE', `nginx does not take ${method} ${path}: ${messageOf(reason)}`, {
          cause: reason,
        }),
      );
    const call = request(
      { socketPath: this.socketPath, agent: this.agent, method, path, timeout: 5_000 },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', fail);
        response.on('end', () => {
          try {
            const answer = JSON.parse(Buffer.concat(chunks).toString('utf8')) as T & { message?: string };
            if (response.statusCode === 200) resolve(answer);
            else fail(answer.message ?? `status ${response.statusCode}`);
          } catch (error) {
            fail(error);
          }
        });
      },
    );
    call.on('timeout', () => call.destroy(new Error('no answer within 5 s')));
    call.on('error', fail);
    call.end(body === undefined ? undefined : JSON.stringify(body));
    return promise;
  }
}
