import http from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import { type EgressPolicy, pinHost } from '@skyarc/lib/egress';
import { AppError, messageOf } from '@skyarc/lib/errors';

const timeoutMs = 10_000;
const maxAnswerBytes = 65_536;

export interface Post {
  readonly url: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly policy: EgressPolicy;
}

/**
 * POSTs JSON to an address that a person gave: checked by the egress guard and connected to by what it checked;
 * redirections are not followed. Throws UNAVAILABLE for what may work later (408, 429, 5xx, no answer), INVALID else.
 * Errors name the host alone, as the rest of the address is a secret.
 */
export async function post({ url: text, body, headers, policy }: Post): Promise<string> {
  const url = new URL(text);
  const { host, address } = await pinHost(url.hostname, policy);
  const isTls = url.protocol === 'https:';
  const answer = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const request = (isTls ? https : http).request({
      method: 'POST',
      host: address,
      port: url.port || (isTls ? 443 : 80),
      path: url.pathname + url.search,
      headers: {
        host: url.host,
        'content-type': 'application/json; charset=utf-8',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'skyarc',
        ...headers,
      },
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
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
        .once('end', () => resolve({ status: response.statusCode ?? 0, text: read }));
    });
    request.end(body);
  }).catch((cause: unknown) => {
    throw new AppError('UNAVAILABLE', `${url.host} does not answer: ${messageOf(cause)}`, { cause });
  });
  if (answer.status >= 200 && answer.status < 300) return answer.text;
  const isPassing = answer.status >= 500 || answer.status === 408 || answer.status === 429;
  const said = answer.text.trim().slice(0, 200);
  throw new AppError(
    isPassing ? 'UNAVAILABLE' : 'INVALID',
    `${url.host} answers with status ${answer.status}${said ? `: ${said}` : ''}`,
  );
}
