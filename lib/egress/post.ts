import http from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { type EgressPolicy, pinHost } from './pin.ts';

export interface Post {
  readonly url: string;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly policy: EgressPolicy;
  readonly timeoutMs: number;
  /** A longer answer is UNAVAILABLE. */
  readonly maxAnswerBytes: number;
  readonly signal?: AbortSignal;
}

/**
 * POSTs to an address that a person gave, at the address that the guard checked; redirections are not followed.
 * Answers the body of a 2xx. Throws FORBIDDEN (the guard), UNAVAILABLE for what may work later (408, 429, 5xx, no
 * answer), INVALID else. Errors name the host alone, as the rest of the address may be a secret.
 */
export async function post(options: Post): Promise<string> {
  const { contentType, body, headers, policy, timeoutMs, maxAnswerBytes, signal } = options;
  const url = new URL(options.url);
  const { host, address } = await pinHost(url.hostname, policy);
  const isTls = url.protocol === 'https:';
  const timeout = AbortSignal.timeout(timeoutMs);
  const { status, answer } = await new Promise<{ status: number; answer: string }>((resolve, reject) => {
    const request = (isTls ? https : http).request({
      method: 'POST',
      host: address,
      port: url.port || (isTls ? 443 : 80),
      path: url.pathname + url.search,
      headers: {
        host: url.host,
        'content-type': contentType,
        'content-length': Buffer.byteLength(body),
        'user-agent': 'skyarc',
        ...headers,
      },
      agent: false,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      ...(isTls && !isIP(host) ? { servername: host } : {}),
    });
    request.once('error', reject).once('response', (response) => {
      let read = '';
      response
        .setEncoding('utf8')
        .on('data', (chunk: string) => {
          read += chunk;
          if (read.length > maxAnswerBytes) response.destroy(new Error('the answer is too long'));
        })
        .once('error', reject)
        .once('end', () => resolve({ status: response.statusCode ?? 0, answer: read }));
    });
    request.end(body);
  }).catch((cause: unknown) => {
    throw new AppError('UNAVAILABLE', `${url.host} does not answer: ${messageOf(cause)}`, { cause });
  });
  if (status >= 200 && status < 300) return answer;
  const isPassing = status >= 500 || status === 408 || status === 429;
  const said = answer.trim().slice(0, 200);
  throw new AppError(
    isPassing ? 'UNAVAILABLE' : 'INVALID',
    `${url.host} answers with status ${status}${said ? `: ${said}` : ''}`,
  );
}
