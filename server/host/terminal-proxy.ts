import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import {
  dataCenterOf,
  terminalGrant,
  type TerminalGrantClaims,
  terminalGrantPrefix,
} from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { readClaims } from '@skyarc/lib/signed-grant';
import { refuseWebSocket, tunnel, type Upgrade } from '@skyarc/lib/tunnel';
import type { Authenticator, Credential, Identity } from './context.ts';
import type { DataCenterClient } from './data-centers/client.ts';
import type { DataCenterRegistry } from './data-centers/registry.ts';
import { CloseTerminalDocument } from './generated/datacenter.ts';
import { requireRole } from './policy.ts';
import { credentialOf, foreignOrigin } from './request.ts';

export interface TerminalProxyOptions {
  readonly authenticator: Authenticator;
  readonly dataCenters: DataCenterRegistry;
  readonly publicOrigins: readonly string[];
  /** Terminal services of this machine, by data centre and instance. */
  readonly nearbyTerminals: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly log: Logger;
}

/** How often the right to an open terminal is looked at again, besides whenever rights change in this process. */
const recheckMs = 400;
/** How long a terminal whose right is gone has to say why. */
const farewellMs = 250;

/** What ties a grant to one login: useless with any other. */
export function bindingOf({ credential, userId }: Identity): string {
  return createHash('sha256').update(`${credential.kind} ${credential.hash} ${userId}`).digest('base64url');
}

/**
 * The way of terminals from the browser into their data centre, as bytes. The grant's own proof is the data
 * centre's business; here it is whether its bearer is still logged in and still may, for as long as it is open.
 */
export class TerminalProxy {
  static readonly path = '/terminal';
  private readonly options: TerminalProxyOptions;
  private readonly open = new Set<Duplex>();

  constructor(options: TerminalProxyOptions) {
    this.options = options;
  }

  /** Serves an upgrade; never throws. */
  async serve(upgrade: Upgrade): Promise<void> {
    const { request, socket } = upgrade;
    socket.on('error', () => socket.destroy());
    const refusal = foreignOrigin(request, this.options.publicOrigins);
    if (refusal !== undefined) {
      socket.end(
        `HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-type: text/plain\r\n\r\n${refusal}\n`,
      );
      return;
    }
    try {
      const claims = claimsOf(request.headers['sec-websocket-protocol']);
      const credential = credentialOf(request);
      await this.requireRight(claims, credential);
      const dataCenter = await this.options.dataCenters.get(dataCenterOf(claims.session));
      this.open.add(socket);
      socket.once('close', () => this.open.delete(socket));
      if (!(await this.passNearby(upgrade, claims))) await dataCenter.tunnel(upgrade, TerminalProxy.path);
      this.watch(socket, { claims, credential, dataCenter });
    } catch (error) {
      refuseWebSocket(upgrade, error);
    }
  }

  /** Ends all; tabs come back to whoever serves then. */
  close(): void {
    for (const socket of this.open) socket.destroy();
  }

  /** Straight to a terminal service of this machine; false when it is none of these, or does not answer. */
  private async passNearby(upgrade: Upgrade, { session, instance }: TerminalGrantClaims): Promise<boolean> {
    // The claims are not proven here: they only choose among addresses of our own.
    const ofDataCenter = this.options.nearbyTerminals[dataCenterOf(session) ?? ''] ?? {};
    const url = new Map(Object.entries(ofDataCenter)).get(instance);
    if (!url) return false;
    return tunnel(upgrade, { url: new URL(TerminalProxy.path, url) }).then(
      () => true,
      () => false,
    );
  }

  /** Throws UNAUTHENTICATED, FORBIDDEN or NOT_FOUND. */
  private async requireRight(claims: TerminalGrantClaims, credential: Credential): Promise<void> {
    const identity = await this.options.authenticator.identify(credential);
    if (!identity) throw new AppError('UNAUTHENTICATED', 'The session has ended');
    if (bindingOf(identity) !== claims.binding) throw new AppError('FORBIDDEN', 'The grant is not yours');
    requireRole(identity, { name: claims.team }, 'DEVELOPER');
  }

  private watch(socket: Duplex, one: WatchedTerminal): void {
    if (socket.destroyed) return;
    const look = (): void => {
      this.requireRight(one.claims, one.credential).catch((error: unknown) => {
        if (error instanceof AppError) revoke();
        else this.options.log.warn({ err: error }, 'cannot check a terminal again');
      });
    };
    const stop = (): void => {
      clearInterval(timer);
      forgetChanges();
    };
    const revoke = (): void => {
      stop();
      void this.revoke(socket, one);
    };
    const timer = setInterval(look, recheckMs);
    const forgetChanges = this.options.authenticator.onChange(look);
    socket.once('close', stop);
  }

  /** The data centre ends the session, which tells the tab why; the connection is cut in any case. */
  private async revoke(socket: Duplex, { claims, dataCenter }: WatchedTerminal): Promise<void> {
    const cut = setTimeout(() => socket.destroy(), farewellMs);
    socket.once('close', () => clearTimeout(cut));
    const scope = { teams: [claims.team], actor: claims.actor };
    await dataCenter
      .call(CloseTerminalDocument, { id: claims.session, reason: 'REVOKED' }, scope)
      .catch((error: unknown) => this.options.log.warn({ err: error }, 'cannot end a revoked terminal'));
  }
}

interface WatchedTerminal {
  readonly claims: TerminalGrantClaims;
  readonly credential: Credential;
  readonly dataCenter: DataCenterClient;
}

function claimsOf(protocols: string | undefined): TerminalGrantClaims {
  const offered = (protocols ?? '').split(',').map((one) => one.trim());
  const token = offered.find((one) => one.startsWith(terminalGrantPrefix));
  const claims = readClaims(terminalGrant, token?.slice(terminalGrantPrefix.length) ?? '');
  if (!claims) throw new AppError('INVALID', 'Show a grant: ask openTerminal or resumeTerminal for one');
  return claims;
}
