import type { IncomingMessage } from 'node:http';
import { connect as connectPlain, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { AppError, closeCodeOf, publicMessageOf, toAppError } from '@skyarc/lib/errors';
import { WebSocketServer } from 'ws';

/** An upgrade as Node's server hands it over. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

export interface TunnelTarget {
  /** http or https address of the upgrade over there. */
  readonly url: URL;
  /** PEM texts of mutual TLS. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
}

const connectTimeoutMs = 5_000;
const passedOn = /^(upgrade|connection|sec-websocket-.+)$/;

/**
 * Repeats the upgrade over there and from then on copies bytes both ways until either side ends; resolves when
 * the copying begins. Throws UNAVAILABLE when the other side cannot be reached; the client is then untouched.
 */
export async function tunnel({ request, socket, head }: Upgrade, target: TunnelTarget): Promise<void> {
  const upstream = await connect(target);
  const close = (): void => {
    socket.destroy();
    upstream.destroy();
  };
  upstream.on('error', close).on('close', close);
  socket.on('error', close).on('close', close);
  if (socket.destroyed) return close();
  upstream.setNoDelay(true);
  if ('setNoDelay' in socket) (socket as Socket).setNoDelay(true);
  upstream.write(upgradeOf(request, target.url));
  if (head.length > 0) upstream.write(head);
  socket.pipe(upstream);
  upstream.pipe(socket);
}

function connect({ url, tls }: TunnelTarget): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const isTls = url.protocol === 'https:';
    const address = { host: url.hostname, port: Number(url.port || (isTls ? 443 : 80)) };
    const upstream = isTls ? connectTls({ ...address, ...tls }) : connectPlain(address);
    const fail = (cause: Error): void => {
      clearTimeout(timer);
      upstream.destroy();
      reject(new AppError('UNAVAILABLE', `Cannot reach ${url.host}: ${cause.message}`, { cause }));
    };
    const timer = setTimeout(
      () => fail(new Error(`no connection within ${connectTimeoutMs} ms`)),
      connectTimeoutMs,
    );
    upstream.once('error', fail).once(isTls ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      upstream.off('error', fail);
      resolve(upstream);
    });
  });
}

function upgradeOf(request: IncomingMessage, url: URL): string {
  const lines = [`GET ${url.pathname}${url.search} HTTP/1.1`, `host: ${url.host}`];
  for (const [name, values] of Object.entries(request.headersDistinct)) {
    if (passedOn.test(name)) for (const value of values ?? []) lines.push(`${name}: ${value}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

const refusals = new WebSocketServer({
  noServer: true,
  handleProtocols: (protocols) => [...protocols][0] ?? false,
});

/** Accepts the WebSocket only to close it with the error's code and sentence, which a browser would not see otherwise. */
export function refuseWebSocket({ request, socket, head }: Upgrade, error: unknown): void {
  const appError = toAppError(error);
  refusals.handleUpgrade(request, socket, head, (webSocket) => {
    webSocket.on('error', () => webSocket.terminate());
    webSocket.close(closeCodeOf[appError.code], shortened(publicMessageOf(appError)));
  });
}

/** A close reason has at most 123 bytes (RFC 6455, 5.5.1). */
export function shortened(reason: string): string {
  const limit = 123;
  if (Buffer.byteLength(reason) <= limit) return reason;
  return `${Buffer.from(reason)
    .subarray(0, limit - 3)
    .toString('utf8')
    .replace(/�+$/, '')}...`;
}
