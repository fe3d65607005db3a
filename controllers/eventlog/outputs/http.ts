import http from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import { type EgressPolicy, pinHost } from '@skyarc/lib/egress';
import { AppError, messageOf } from '@skyarc/lib/errors';

const timeoutMs = 30_000;
const maxAnswerBytes = 16 << 20;

export interface Post {
  readonly url: string;
  readonly contentType: string;
  readonly body: string;
  readonly username: string;
  readonly secret: string | null;
  readonly policy: EgressPolicy;
  readonly signal: AbortSignal;
}

/**
 * POSTs to an address that a person gave, at the address that the egress guard checked; redirections are not
 * followed. Answers the body of a 2xx. Throws UNAVAILABLE, FORBIDDEN (the guard), INVALID (a 4xx).
 */
export async function post({
  url: text,
  contentType,
  body,
  username,
  secret,
  policy,
  signal,
}: Post): Promise<string> {
  const url = new URL(text);
  const { host, address } = await pinHost(url.hostname, policy);
  const isTls = url.protocol === 'https:';
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
        ...authorizationOf(username, secret),
      },
      agent: false,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
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

function authorizationOf(username: string, secret: string | null): Record<string, string> {
  if (!secret) return {};
  if (!username) return { authorization: `Bearer ${secret}` };
  return { authorization: `Basic ${Buffer.from(`${username}:${secret}`).toString('base64')}` };
}
