import type { Authenticator, Credential, Identity, TeamRole } from '@skyarc/server/host';
import type { AccountRepository } from './repository.ts';
import { hashSecret } from './secrets.ts';

export const sessionLifeMs = 14 * 86_400_000;
const touchEveryMs = 60_000;
/** How long an answer may be reused; changes made in this process count at once (`forget`). */
const rememberMs = 400;

interface Known {
  readonly at: number;
  readonly identity: Promise<Identity | null>;
}

/** Finds who is behind a session cookie or an API token. */
export class AccountAuthenticator implements Authenticator {
  private readonly accounts: AccountRepository;
  private readonly known = new Map<string, Known>();
  private readonly listeners = new Set<() => void>();

  constructor(accounts: AccountRepository) {
    this.accounts = accounts;
  }

  async identify(credential: Credential): Promise<Identity | null> {
    const secret = credential.bearer ?? credential.session;
    if (!secret || secret.length > 200) return null;
    const kind = credential.bearer === undefined ? 'session' : 'token';
    const hash = hashSecret(secret);
    const key = `${kind} ${hash}`;
    const known = this.known.get(key);
    if (known && Date.now() - known.at < rememberMs) return known.identity;
    if (this.known.size > 5_000) this.known.clear();
    const identity = kind === 'session' ? this.bySession(hash) : this.byToken(hash);
    this.known.set(key, { at: Date.now(), identity });
    identity.catch(() => this.known.delete(key));
    return identity;
  }

  /** What was found before may have changed. */
  forget(): void {
    this.known.clear();
    for (const listener of this.listeners) listener();
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private async bySession(hash: string): Promise<Identity | null> {
    const session = await this.accounts.findSession(hash);
    if (!session || session.expiresAt.getTime() < Date.now()) return null;
    if (Date.now() - session.lastSeenAt.getTime() > touchEveryMs) {
      await this.accounts.touchSession(hash, new Date(Date.now() + sessionLifeMs));
    }
    return identityFrom(session.user, { kind: 'session', hash });
  }

  private async byToken(hash: string): Promise<Identity | null> {
    const token = await this.accounts.findApiToken(hash);
    if (!token || (token.expiresAt && token.expiresAt.getTime() < Date.now())) return null;
    if (Date.now() - (token.lastUsedAt?.getTime() ?? 0) > touchEveryMs) {
      await this.accounts.touchApiToken(token.id);
    }
    return identityFrom(token.user, { kind: 'token', hash });
  }
}

interface FoundUser {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly admin: boolean;
  readonly memberships: readonly {
    readonly role: string;
    readonly team: { readonly id: string; readonly name: string };
  }[];
}

function identityFrom(user: FoundUser, credential: Identity['credential']): Identity {
  return {
    userId: user.id,
    name: user.name,
    email: user.email,
    admin: user.admin,
    memberships: user.memberships.map(({ role, team }) => ({
      teamId: team.id,
      teamName: team.name,
      role: role as TeamRole,
    })),
    credential,
  };
}
