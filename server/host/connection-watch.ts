import type { WebSocketConnection } from '@skyarc/lib/graphql';
import type { Logger } from '@skyarc/lib/log';
import type { Authenticator, Credential, Identity, TeamRole } from './context.ts';

const ranks: Readonly<Record<TeamRole, number>> = { VIEWER: 1, DEVELOPER: 2, OWNER: 3 };

/** An open connection and who is behind it now. */
export interface WatchedConnection {
  identity: Identity | null;
}

/**
 * Asks again, every `everyMs`, who is behind an open connection. Ends it when the session or token is
 * gone (4401), or when rights were lost (4403: the client comes back and is told what it may still see).
 */
export function watchConnection(options: {
  readonly connection: WatchedConnection;
  readonly credential: Credential;
  readonly authenticator: Authenticator;
  readonly socket: WebSocketConnection;
  readonly closed: AbortSignal;
  readonly log: Logger;
  readonly everyMs: number;
}): void {
  const { connection, socket, closed } = options;
  if (!connection.identity) return;
  const timer = setInterval(() => {
    void options.authenticator.identify(options.credential).then(
      (now) => {
        if (!now) return socket.close(4401, 'The session has ended');
        if (connection.identity && hasLost(connection.identity, now)) {
          return socket.close(4403, 'Your rights have changed');
        }
        connection.identity = now;
      },
      (error: unknown) => options.log.warn({ err: error }, 'cannot check a connection again'),
    );
  }, options.everyMs);
  timer.unref();
  closed.addEventListener('abort', () => clearInterval(timer), { once: true });
}

function hasLost(before: Identity, now: Identity): boolean {
  if (before.userId !== now.userId || (before.admin && !now.admin)) return true;
  const roles = new Map(now.memberships.map((one) => [one.teamId, ranks[one.role]]));
  return before.memberships.some((one) => (roles.get(one.teamId) ?? 0) < ranks[one.role]);
}
