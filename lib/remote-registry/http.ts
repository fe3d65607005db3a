import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import { type EgressPolicy, kindOf, pinHost } from '@skyarc/lib/egress';
import { AppError, messageOf } from '@skyarc/lib/errors';

const silenceMs = 60_000;
const maxRedirects = 5;

export interface GuardedRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly policy: EgressPolicy;
  readonly signal?: AbortSignal;
}

/**
 * GET that follows redirections, each host checked and connected to by the address of the check; what authorizes is
 * shown to the first host only. Throws UNAVAILABLE, and what the egress guard throws.
 */
export async function guardedGet(request: GuardedRequest): Promise<IncomingMessage> {
  let { url, headers } = request;
  for (let hop = 0; hop <= maxRedirects; hop += 1) {
    const response = await once({ ...request, url, headers });
    const { location } = response.headers;
    if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0) || !location) return response;
    response.resume();
    const next = new URL(location, url);
    if (next.protocol !== 'https:' && next.protocol !== url.protocol)
      throw new AppError(
        'INVALID',
        `${url.host} leads to ${next.protocol}//${next.host}, which is not followed`,
      );
    if (next.host !== url.host) {
      const { authorization: _, ...others } = headers;
      headers = others;
    }
    url = next;
  }
  throw new AppError('INVALID', `${url.host} leads in circles`);
}

/** The whole body as text. Throws INVALID beyond a size. */
export async function readBody(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) {
      response.destroy();
      throw new AppError('INVALID', `What the registry answers is larger than ${maxBytes >> 20} MiB`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function once({ url, headers, policy, signal }: GuardedRequest): Promise<IncomingMessage> {
  const { host, address } = await pinHost(url.hostname, policy);
  const isTls = url.protocol === 'https:';
  const options = {
    host: address,
    port: url.port || (isTls ? 443 : 80),
    path: url.pathname + url.search,
    headers: { host: url.host, 'user-agent': 'skyarc', ...headers },
    timeout: silenceMs,
    agent: false,
    signal,
    ...(isTls && !isIP(host) ? { servername: host } : {}),
  } as const;
  return new Promise((resolve, reject) => {
    const request = (isTls ? https : http).request(options, resolve);
    request.once('timeout', () => request.destroy(new Error('it is silent for a minute')));
    request.once('error', (error: NodeJS.ErrnoException) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      reject(failureOf(url.host, error));
    });
    request.end();
  });
}

function failureOf(host: string, error: NodeJS.ErrnoException): AppError {
  const { code = '' } = error;
  const why = /CERT|SELF_SIGNED|UNABLE_TO|ALTNAME/.test(code)
    ? `its certificate is not trusted (${error.message.slice(0, 150)})`
    : code === 'ECONNREFUSED'
      ? 'it refuses connections; check host and port'
      : messageOf(error);
  return new AppError('UNAVAILABLE', `Cannot reach registry ${host}: ${why}`, { cause: error });
}

/** Whether a failure means that the other side speaks HTTP without TLS. */
export function isPlainHttp(error: unknown): boolean {
  const cause = (error as AppError).cause as NodeJS.ErrnoException | undefined;
  return (
    cause?.code === 'EPROTO' ||
    cause?.code === 'ERR_SSL_WRONG_VERSION_NUMBER' ||
    cause?.code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG'
  );
}

/** Whether a host is of a private network, where registries without TLS are usual. */
export async function isPrivate(host: string, policy: EgressPolicy): Promise<boolean> {
  return kindOf((await pinHost(host, policy)).address) !== 'public';
}
