import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { apiError } from '../errors.ts';
import type { Registry } from '../registry.ts';
import type { TokenIssuer } from './tokens.ts';

/** Who makes a request (authentication.k8s.io/v1 UserInfo). */
export interface User {
  readonly username: string;
  readonly uid?: string;
  readonly groups: readonly string[];
}

const anonymous: User = { username: 'system:anonymous', groups: ['system:unauthenticated'] };

/** The user of a request, by bearer token or client certificate; anonymous without either, 401 for a wrong one. */
export function authenticate(
  request: IncomingMessage,
  deps: { readonly tokens: TokenIssuer; readonly registry: Registry },
): User {
  const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? webSocketToken(request);
  if (bearer) return userOfToken(bearer, deps);
  if (request.headers.authorization) throw unauthorized();
  return userOfCertificate(request.socket as TLSSocket) ?? anonymous;
}

/** Browsers cannot set headers of a WebSocket; Kubernetes takes the token as a subprotocol there. */
function webSocketToken(request: IncomingMessage): string | undefined {
  const protocol = /base64url\.bearer\.authorization\.k8s\.io\.([^,\s]+)/.exec(
    request.headers['sec-websocket-protocol'] ?? '',
  );
  return protocol?.[1] ? Buffer.from(protocol[1], 'base64url').toString() : undefined;
}

/** A token counts as long as its account, and its pod when it names one, are the ones it was made for. */
export function userOfToken(
  token: string,
  { tokens, registry }: { readonly tokens: TokenIssuer; readonly registry: Registry },
): User {
  const claims = tokens.check(token);
  if (!claims) throw unauthorized();
  const { namespace, serviceAccount, pod } = claims;
  const uidOf = (resource: string, name: string): string | undefined =>
    registry.reader.find(registry.kindNamed(resource, ''), namespace, name)?.object.metadata.uid;
  if (uidOf('serviceaccounts', serviceAccount.name) !== serviceAccount.uid) throw unauthorized();
  if (pod && uidOf('pods', pod.name) !== pod.uid) throw unauthorized();
  return {
    username: `system:serviceaccount:${namespace}:${serviceAccount.name}`,
    uid: serviceAccount.uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
  };
}

function userOfCertificate(socket: TLSSocket): User | undefined {
  const certificate = socket.getPeerCertificate();
  if (!certificate?.subject) return undefined;
  if (!socket.authorized) throw unauthorized();
  const { CN, O = [] } = certificate.subject as { CN?: string | string[]; O?: string | string[] };
  const username = [CN].flat()[0];
  if (!username) throw unauthorized();
  return { username, groups: [...[O].flat(), 'system:authenticated'] };
}

function unauthorized(): Error {
  return apiError(401, 'Unauthorized', 'Unauthorized');
}
