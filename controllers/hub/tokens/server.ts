import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { AppError, httpStatusOf, publicMessageOf, toAppError } from '@skyarc/lib/errors';
import { closeHttp, listen, type RunningService } from '@skyarc/lib/lifecycle';
import type { Logger } from '@skyarc/lib/log';
import { serviceName } from '../config.ts';
import { type AccessDeps, identify, permit } from './access.ts';
import { type Grant, type TokenIssuer, tokenSeconds } from './issuer.ts';

export interface TokenServerOptions extends AccessDeps {
  readonly host: string;
  readonly port: number;
  readonly issuer: TokenIssuer;
  readonly log: Logger;
}

interface Asked {
  readonly username: string;
  readonly password: string;
  readonly service: string | null;
  readonly scopes: readonly string[];
}

const maxBodyBytes = 16_384;

/**
 * Gives tokens for the registry at `/auth/token`: by GET with Basic authentication
 * (https://distribution.github.io/distribution/spec/auth/token/) and by POST with a form (…/spec/auth/oauth/). Never to
 * a stranger.
 */
export async function startTokenServer(options: TokenServerOptions): Promise<RunningService> {
  const server = createServer((request, response) => {
    void answer(options, request)
      .then((body) => send(response, 200, body))
      .catch((error: unknown) => refuse(options.log, response, error));
  });
  server.requestTimeout = 15_000;
  const port = await listen(server, options);
  return { url: `http://${options.host}:${port}`, stop: () => closeHttp(server) };
}

async function answer(options: TokenServerOptions, request: IncomingMessage): Promise<unknown> {
  const url = new URL(request.url ?? '/', 'http://hub');
  if (url.pathname !== '/auth/token') throw new AppError('NOT_FOUND', 'There is only /auth/token');
  const asked = request.method === 'POST' ? await readForm(request) : readQuery(request, url);
  if (asked.service !== null && asked.service !== serviceName)
    throw new AppError('INVALID', 'There are no tokens for that service');
  const grants = parseScopes(asked.scopes);
  const who = await identify(options, asked);
  const token = options.issuer.issue(who.subject, await permit(options, who, grants));
  return {
    token,
    access_token: token,
    token_type: 'Bearer',
    expires_in: tokenSeconds,
    issued_at: new Date().toISOString(),
  };
}

function readQuery(request: IncomingMessage, { searchParams }: URL): Asked {
  const [, encoded] = /^Basic ([\w+/=-]+)$/i.exec(request.headers.authorization ?? '') ?? [];
  const plain = Buffer.from(encoded ?? '', 'base64').toString();
  const colon = plain.indexOf(':');
  if (colon < 1) throw new AppError('UNAUTHENTICATED', 'Log in first');
  return {
    username: plain.slice(0, colon),
    password: plain.slice(colon + 1),
    service: searchParams.get('service'),
    scopes: searchParams.getAll('scope'),
  };
}

async function readForm(request: IncomingMessage): Promise<Asked> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > maxBodyBytes) throw new AppError('INVALID', 'The form is too long');
  }
  const form = new URLSearchParams(text);
  if (form.get('grant_type') !== 'password')
    throw new AppError('INVALID', 'Only grant_type=password is known');
  return {
    username: form.get('username') ?? '',
    password: form.get('password') ?? '',
    service: form.get('service'),
    scopes: form.getAll('scope'),
  };
}

/** `repository:team/app:pull,push`, several with spaces between. */
function parseScopes(scopes: readonly string[]): Grant[] {
  const texts = scopes.flatMap((scope) => scope.split(' ')).filter(Boolean);
  if (texts.length > 20) throw new AppError('INVALID', 'Too many scopes at once');
  return texts.map((text) => {
    const [, type, name, actions] = /^([a-z]+):([^\s:]{1,200}):([a-z,*]{1,50})$/.exec(text) ?? [];
    if (!type || !name || !actions) throw new AppError('INVALID', `"${text.slice(0, 100)}" is not a scope`);
    return { type, name, actions: actions.split(',') };
  });
}

function refuse(log: Logger, response: ServerResponse, error: unknown): void {
  const known = toAppError(error);
  if (known.code === 'INTERNAL') log.error({ err: error }, 'cannot give a token');
  // Clients show what comes with 403; 429 would have them ask again.
  const status = known.code === 'EXHAUSTED' ? 403 : httpStatusOf[known.code];
  if (status === 401) response.setHeader('www-authenticate', 'Basic realm="Skyarc registry"');
  send(response, status, { errors: [{ code: known.code, message: publicMessageOf(known) }] });
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.setHeader('cache-control', 'no-store');
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
