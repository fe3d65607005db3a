import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AppError } from '@skyarc/lib/errors';
import type { User } from '../auth/index.ts';
import { badRequest, statusOf } from '../errors.ts';

/** One request on its way through the server. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly user: User;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Aborts when the client is gone or the server stops. */
  readonly signal: AbortSignal;
}

export function sendText(
  response: ServerResponse,
  status: number,
  text: string,
  type = 'application/json',
): void {
  const body = Buffer.from(text);
  response.writeHead(status, {
    'content-type': type,
    'content-length': body.length,
    'cache-control': 'no-cache, private',
  });
  response.end(body);
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  sendText(response, status, JSON.stringify(value));
}

export function sendError(response: ServerResponse, error: AppError): void {
  const status = statusOf(error);
  sendJson(response, status.code, status);
}

/** A query flag as Kubernetes reads it. */
export function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && value !== '0' && value.toLowerCase() !== 'false';
}

/** A whole number of a query, or undefined; 400 for anything else. */
export function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^-?\d{1,15}$/.test(text))
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax (${name})`);
  return Number(text);
}

/** True for `dryRun=All`; 400 for another value. */
export function dryRunOf(values: readonly unknown[]): boolean {
  if (values.some((value) => value !== 'All')) throw badRequest('Invalid value: dryRun: must be "All"');
  return values.length > 0;
}
