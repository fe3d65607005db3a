import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { messageOf, type AppError } from '@skyarc/lib/errors';
import type { User } from '../auth/index.ts';
import { apiError } from '../errors.ts';
import type { Exchange } from '../http/exchange.ts';
import { at, isObject, textAt, type ApiObject, type JsonObject } from '../object.ts';
import type { AggregatedApi, AggregationOptions } from './index.ts';
import { addressesOf } from './service-address.ts';

const timeoutMs = 30_000;
const limitBytes = 8 * 1024 * 1024;
/** Headers that say what is asked; who asks is told by ours alone. */
const forwarded = ['accept', 'content-type', 'content-length', 'transfer-encoding', 'user-agent', 'if-match'];

/** An API behind an APIService: requests go to its Service over TLS with the user's name (aggregation layer). */
export class ServiceApi implements AggregatedApi {
  readonly group: string;
  readonly version: string;
  private readonly service: ApiObject;
  private readonly options: AggregationOptions;

  constructor(service: ApiObject, options: AggregationOptions) {
    this.group = textAt(service.spec, 'group');
    this.version = textAt(service.spec, 'version');
    this.service = service;
    this.options = options;
  }

  async handle({ request, response, user, signal }: Exchange): Promise<void> {
    const headers = Object.fromEntries(
      forwarded.flatMap((name) =>
        request.headers[name] === undefined ? [] : [[name, request.headers[name]]],
      ),
    );
    const asked = { method: request.method ?? 'GET', path: request.url ?? '/', headers, signal };
    const answer = await this.send(asked, user, request);
    const { 'content-type': type, 'content-length': length } = answer.headers;
    response.writeHead(answer.statusCode ?? 502, {
      ...(type ? { 'content-type': type } : {}),
      ...(length ? { 'content-length': length } : {}),
      'cache-control': 'no-cache, private',
    });
    // The status is sent already: a cut connection is the only way left to say that it is not whole.
    await pipeline(answer, response).catch(() => response.destroy());
  }

  async read(url: URL, user: User): Promise<JsonObject> {
    const signal = AbortSignal.timeout(timeoutMs);
    const path = `${url.pathname}${url.search}`;
    const answer = await this.send({ method: 'GET', path, headers: {}, signal }, user);
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limitBytes) throw this.unavailable(`its answer is larger than ${limitBytes} bytes`);
      chunks.push(chunk);
    }
    const text = Buffer.concat(chunks).toString();
    const body = parsed(text);
    const { statusCode = 502 } = answer;
    if (statusCode >= 400)
      throw apiError(
        statusCode,
        textAt(body, 'reason') || 'Unknown',
        textAt(body, 'message') || text.slice(0, 500),
      );
    if (!isObject(body)) throw this.unavailable('its answer is not a JSON object');
    return body;
  }

  /** Tries the service's addresses in turn: only an address that cannot be reached is passed over. */
  private async send(
    asked: {
      readonly method: string;
      readonly path: string;
      readonly headers: Readonly<Record<string, string | string[] | undefined>>;
      readonly signal: AbortSignal;
    },
    user: User,
    body?: IncomingMessage,
  ): Promise<IncomingMessage> {
    const addresses = addressesOf(this.options.registry, this.service);
    let problem = 'it has no ready endpoints';
    for (const { host, port } of addresses) {
      try {
        return await this.dial({ ...asked, host, port }, user, body);
      } catch (error) {
        problem = messageOf(error);
        const isUnreached = (error as NodeJS.ErrnoException).syscall === 'connect';
        if (!isUnreached) break;
      }
    }
    throw this.unavailable(problem);
  }

  private dial(
    asked: { method: string; path: string; headers: object; signal: AbortSignal; host: string; port: number },
    user: User,
    body: IncomingMessage | undefined,
  ): Promise<IncomingMessage> {
    const { spec } = this.service;
    const { proxyClient } = this.options;
    const isLax = at(spec, 'insecureSkipTLSVerify') === true;
    const caBundle = textAt(spec, 'caBundle');
    return new Promise((resolve, reject) => {
      const sent = httpsRequest(
        {
          method: asked.method,
          path: asked.path,
          host: asked.host,
          port: asked.port,
          signal: asked.signal,
          timeout: timeoutMs,
          cert: proxyClient.cert,
          key: proxyClient.key,
          rejectUnauthorized: !isLax,
          servername: `${textAt(spec, 'service', 'name')}.${textAt(spec, 'service', 'namespace')}.svc`,
          ...(caBundle ? { ca: Buffer.from(caBundle, 'base64') } : {}),
          headers: {
            ...asked.headers,
            'x-remote-user': user.username,
            'x-remote-group': [...user.groups],
            ...(user.uid ? { 'x-remote-uid': user.uid } : {}),
          },
        },
        resolve,
      );
      sent.once('error', reject);
      sent.once('timeout', () => sent.destroy(new Error(`no answer within ${timeoutMs / 1_000} s`)));
      if (body) body.pipe(sent);
      else sent.end();
    });
  }

  private unavailable(why: string): AppError {
    return apiError(
      503,
      'ServiceUnavailable',
      `error trying to reach service "${textAt(this.service.spec, 'service', 'name')}" of API ${this.group}/${this.version}: ${why}`,
    );
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
