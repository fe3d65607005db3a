import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '@skyarc/lib/errors';
import type { Credential, SessionCookie } from './context.ts';

const cookieName = 'skyarc_session';

/** The bearer text or the session cookie of a request. */
export function credentialOf(request: IncomingMessage): Credential {
  const bearer = bearerOf(request.headers.authorization);
  const session = cookiesOf(request.headers.cookie).get(cookieName);
  return { ...(bearer ? { bearer } : {}), ...(session ? { session } : {}) };
}

/** The text behind `Bearer`, whatever the case (RFC 6750). */
export function bearerOf(authorization: unknown): string | undefined {
  return typeof authorization === 'string' ? /^Bearer\s+(\S+)$/i.exec(authorization)?.[1] : undefined;
}

/**
 * Why a request must come from elsewhere than our own pages, or undefined. Browsers send `Origin` with
 * every POST and every WebSocket; other programs send none and bring no cookie by themselves.
 */
export function foreignOrigin(
  request: IncomingMessage,
  publicOrigins: readonly string[],
): string | undefined {
  const { origin, host } = request.headers;
  const site = request.headers['sec-fetch-site'];
  if (origin === undefined) {
    return site === undefined || site === 'same-origin' || site === 'none'
      ? undefined
      : 'This page may not speak with Skyarc';
  }
  if (publicOrigins.includes(origin)) return undefined;
  return URL.canParse(origin) && new URL(origin).host === host
    ? undefined
    : 'This page may not speak with Skyarc: its origin is another one';
}

/** Writes the session cookie into the answer; `Secure` when the browser came by https. */
export function cookieOf(
  request: IncomingMessage,
  response: ServerResponse,
  isSecure: boolean,
): SessionCookie {
  const secure = isSecure || request.headers['x-forwarded-proto'] === 'https' ? '; Secure' : '';
  const write = (value: string, maxAgeSeconds: number): void => {
    response.setHeader(
      'set-cookie',
      `${cookieName}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}${secure}`,
    );
  };
  return {
    set: (value, expiresAt) => write(value, Math.round((expiresAt.getTime() - Date.now()) / 1000)),
    clear: () => write('', 0),
  };
}

/** For answers that have no headers. */
export const noCookie: SessionCookie = {
  set: () => {
    throw new AppError('INVALID', 'Cannot log in over WebSocket: send this over HTTP');
  },
  clear: () => undefined,
};

function cookiesOf(header: string | undefined): Map<string, string> {
  return new Map(
    (header ?? '').split(';').map((part) => {
      const [name, ...value] = part.split('=');
      return [(name ?? '').trim(), value.join('=').trim()];
    }),
  );
}
