import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { uriHost } from '@skyarc/lib/address';
import type { PodContainer } from '../pod.ts';
import { portOf } from './port.ts';

export type HttpGetAction = NonNullable<NonNullable<PodContainer['livenessProbe']>['httpGet']>;

export interface HttpTarget {
  readonly container: PodContainer;
  readonly podIp: string;
}

/** Of an answer no more is read than this. */
const maxBodyBytes = 10 * 1024;
const maxRedirects = 10;

/**
 * The GET of a probe or hook. Redirects to the same host are followed, one to another host is the answer.
 * Certificates are not checked. Throws when no answer comes in time.
 */
export async function httpGet(
  action: HttpGetAction,
  { container, podIp }: HttpTarget,
  timeoutMs: number,
): Promise<{ status: number; body: string }> {
  const host = action.host || podIp;
  const authority = `${uriHost(host)}:${portOf(action.port, container)}`;
  const path = action.path?.startsWith('/') ? action.path : `/${action.path ?? ''}`;
  const headers = headersOf(action);
  const signal = AbortSignal.timeout(timeoutMs);
  let url = new URL(`${action.scheme === 'HTTPS' ? 'https' : 'http'}://${authority}${path}`);
  for (let redirects = 0; ; redirects += 1) {
    const answer = await getOnce(url, headers, signal);
    const next = answer.location === undefined ? null : URL.parse(answer.location, url);
    const mayFollow = next !== null && next.hostname === url.hostname && /^https?:$/.test(next.protocol);
    if (answer.status < 300 || answer.status >= 400 || !mayFollow) return answer;
    if (redirects >= maxRedirects) throw new Error(`stopped after ${maxRedirects} redirects`);
    url = next;
  }
}

function headersOf({ httpHeaders = [] }: HttpGetAction): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {
    'user-agent': 'kube-probe/1.32',
    accept: '*/*',
    connection: 'close',
  };
  const own: Record<string, string[]> = {};
  for (const { name, value } of httpHeaders) (own[name.toLowerCase()] ??= []).push(value);
  for (const [name, values] of Object.entries(own))
    headers[name] = values.length > 1 ? values : (values[0] ?? '');
  return headers;
}

function getOnce(
  url: URL,
  headers: Record<string, string | string[]>,
  signal: AbortSignal,
): Promise<{ status: number; body: string; location: string | undefined }> {
  const options = { headers, agent: false as const, rejectUnauthorized: false, signal };
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      const isLate = error.name === 'AbortError' || error.name === 'TimeoutError';
      const late = 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
      reject(isLate ? new Error(late) : error);
    };
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, (response) => {
      readStart(response).then((body) => {
        const { statusCode: status = 0, headers: received } = response;
        resolve({ status, body, location: received.location });
        request.destroy();
      }, fail);
    });
    request.on('error', fail).end();
  });
}

async function readStart(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size >= maxBodyBytes) break;
  }
  return Buffer.concat(chunks).toString('utf8', 0, maxBodyBytes);
}
