import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  terminalControl,
  terminalEnd,
  terminalGrant,
  type TerminalGrantClaims,
  terminalGrantPrefix,
  terminalProtocol,
  terminalRequest,
} from '@skyarc/lib/contracts';
import { AppError, closeCodeOf, httpStatusOf, publicMessageOf, toAppError } from '@skyarc/lib/errors';
import { closeHttp, listen, type RunningService } from '@skyarc/lib/lifecycle';
import type { Logger } from '@skyarc/lib/log';
import type { GrantVerifier } from '@skyarc/lib/signed-grant';
import { refuseWebSocket, shortened } from '@skyarc/lib/tunnel';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { Audit } from './audit.ts';
import type { ResolvedWebcliConfig } from './config.ts';
import type { Metrics } from './metrics.ts';
import type { RecordingStore } from './recording/store.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';

/** For requests under way when it stops. */
const drainMs = 1_000;

export interface ServerDeps {
  readonly config: ResolvedWebcliConfig;
  readonly verifier: GrantVerifier;
  readonly sessions: Sessions;
  readonly recordings: RecordingStore;
  readonly audit: Audit;
  readonly metrics: Metrics;
  readonly log: Logger;
}

const pingMs = 15_000;
const attachTimeoutMs = 10_000;
/** One message of a client; a paste comes in pieces. */
const messageLimitBytes = 1 << 20;

/** Terminals at `/terminal`, and for the API what it asks about sessions and recordings. */
export async function startServer(deps: ServerDeps): Promise<RunningService> {
  const { config, log } = deps;
  const usedGrants = new UsedGrants();
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: messageLimitBytes,
    perMessageDeflate: false,
    handleProtocols: () => terminalProtocol,
  });
  const server = createServer((request, response) => void answer(deps, request, response));
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const upgrade = { request, socket, head };
    let claims: TerminalGrantClaims;
    try {
      claims = claimsOf(request, deps);
      usedGrants.take(claims);
    } catch (error) {
      deps.metrics.refused.inc({ code: toAppError(error).code });
      return refuseWebSocket(upgrade, error);
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      keepAlive(client);
      serve(deps, client, claims).catch((error: unknown) => {
        const appError = toAppError(error);
        if (appError.code === 'INTERNAL') log.error({ err: error }, 'terminal failed');
        deps.metrics.refused.inc({ code: appError.code });
        const message = publicMessageOf(appError);
        const { reason } = appError.details;
        client.send(JSON.stringify({ type: 'end', end: 'FAILED', exitCode: null, message, reason }));
        client.close(closeCodeOf[appError.code], shortened(message));
      });
    });
  });
  const port = await listen(server, config);
  return {
    url: `http://${config.host}:${port}`,
    stop: async () => {
      const force = setTimeout(() => {
        for (const client of sockets.clients) client.terminate();
      }, drainMs);
      await closeHttp(server, drainMs);
      clearTimeout(force);
    },
  };
}

/** Each grant once: those used are remembered until they have ended anyway. */
class UsedGrants {
  private readonly nonces = new Map<string, number>();

  take({ nonce, expiresAt }: TerminalGrantClaims): void {
    for (const [old, until] of this.nonces) if (until < Date.now()) this.nonces.delete(old);
    if (this.nonces.has(nonce)) throw new AppError('FORBIDDEN', 'The grant was used already');
    this.nonces.set(nonce, expiresAt);
  }
}

function claimsOf(request: IncomingMessage, { config, verifier }: ServerDeps): TerminalGrantClaims {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  if (pathname !== '/terminal') throw new AppError('NOT_FOUND', 'There is nothing here');
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((one) => one.trim());
  const token = offered.find((one) => one.startsWith(terminalGrantPrefix));
  if (!offered.includes(terminalProtocol) || !token)
    throw new AppError('INVALID', `Offer the protocol ${terminalProtocol} and a grant`);
  const claims = verifier.open(terminalGrant, token.slice(terminalGrantPrefix.length));
  if (claims.instance !== config.instance)
    throw new AppError('FORBIDDEN', 'The grant is for another terminal service');
  return claims;
}

/** Silent connections are found dead by their pings. */
function keepAlive(client: WebSocket): void {
  let isAlive = true;
  const timer = setInterval(() => {
    if (!isAlive) return client.terminate();
    isAlive = false;
    client.ping();
  }, pingMs);
  client.on('pong', () => (isAlive = true));
  client.on('message', () => (isAlive = true));
  client.on('error', () => client.terminate());
  client.on('close', () => clearInterval(timer));
}

/** One tab: finds or begins its session once it says how large it is, then passes on what it says. */
async function serve(deps: ServerDeps, client: WebSocket, claims: TerminalGrantClaims): Promise<void> {
  const attach = firstRequest(client);
  const session = claims.isNew
    ? await deps.sessions.open(claims, (message) => client.send(JSON.stringify({ type: 'opening', message })))
    : deps.sessions.resume(claims);
  const request = await attach.catch((error: unknown) => {
    if (claims.isNew) session.finish({ end: 'FAILED', exitCode: null, message: null });
    throw error;
  });
  client.removeAllListeners('message');
  client.on('message', (data: RawData, isBinary: boolean) => receive(session, client, data, isBinary));
  client.once('close', () => session.detach(client));
  session.attach(client, request);
  if (client.readyState === client.CLOSED) session.detach(client);
}

function firstRequest(client: WebSocket) {
  const { promise, resolve, reject } = Promise.withResolvers<{
    type: 'attach';
    offset: number;
    cols: number;
    rows: number;
  }>();
  const fail = (why: string): void => reject(new AppError('INVALID', why));
  const timer = setTimeout(() => fail('The terminal did not say how large it is'), attachTimeoutMs);
  client.once('message', (data: RawData, isBinary: boolean) => {
    clearTimeout(timer);
    const request = isBinary ? null : requestOf(data);
    if (request?.type === 'attach') resolve(request);
    else fail('The first message must be "attach"');
  });
  client.once('close', () => {
    clearTimeout(timer);
    fail('The terminal went away');
  });
  promise.catch(() => undefined);
  return promise;
}

function receive(session: Session, client: WebSocket, data: RawData, isBinary: boolean): void {
  if (isBinary) return session.type(data as Buffer);
  const request = requestOf(data);
  if (request && request.type !== 'attach') session.obey(request);
  else client.close(closeCodeOf.INVALID, 'This message cannot be read');
}

function requestOf(data: RawData) {
  try {
    return terminalRequest.safeParse(JSON.parse((data as Buffer).toString('utf8'))).data ?? null;
  } catch {
    return null;
  }
}

async function answer(deps: ServerDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const body = await act(deps, request);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  } catch (error) {
    const { code, message } = toAppError(error);
    if (code === 'INTERNAL') deps.log.error({ err: error }, 'request failed');
    const body = { code, message: code === 'INTERNAL' ? 'failed' : message };
    response.writeHead(httpStatusOf[code], { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }
}

async function act(deps: ServerDeps, request: IncomingMessage): Promise<object> {
  const { config, sessions, recordings, audit } = deps;
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const { instance } = deps.verifier.open(terminalControl, token);
  const [, collection = '', id = ''] = pathname.split('/');
  const route = `${request.method} ${collection}`;
  if (route === 'GET instance')
    return { instance: config.instance, sessions: sessions.list().length, isDraining: sessions.isDraining };
  if (instance !== config.instance)
    throw new AppError('FORBIDDEN', 'The grant is for another terminal service');
  switch (route) {
    case 'GET sessions':
      return { isThere: sessions.find(id) !== undefined };
    case 'DELETE sessions':
      return { wasThere: sessions.end(id, terminalEnd.catch('CLOSED').parse(searchParams.get('end'))) };
    case 'GET recordings':
      return recordings.read(id, Math.max(0, Number(searchParams.get('from')) || 0));
    case 'DELETE recordings':
      await recordings.remove(id);
      await audit.forgetRecordings([id]);
      return {};
    default:
      throw new AppError('NOT_FOUND', 'There is nothing here');
  }
}
