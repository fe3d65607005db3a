import type { GraphQLError } from 'graphql';
import type { DataCenterScope } from './data-centers/scope.ts';

export type TeamRole = 'OWNER' | 'DEVELOPER' | 'VIEWER';

export interface TeamMembership {
  readonly teamId: string;
  readonly teamName: string;
  readonly role: TeamRole;
}

/** Who asks, as its session or token proves. */
export interface Identity {
  readonly userId: string;
  readonly name: string;
  readonly email: string;
  readonly admin: boolean;
  readonly memberships: readonly TeamMembership[];
  /** Hash of the session's or token's text; ends with it. */
  readonly credential: { readonly kind: 'session' | 'token'; readonly hash: string };
}

/** What a request shows to prove who asks: a cookie's value or the text behind `Bearer`. */
export interface Credential {
  readonly session?: string;
  readonly bearer?: string;
}

/** Given by the accounts room. */
export interface Authenticator {
  /** Null when the credential is unknown or has ended; a bearer text counts before a cookie. */
  identify(credential: Credential): Promise<Identity | null>;
  /** Calls the listener when this process has changed who may do what; answers its removal. */
  onChange(listener: () => void): () => void;
}

/** Names behind ids of the console layer, for rooms that do not own them. */
export interface Directory {
  findTeam(id: string): Promise<{ readonly id: string; readonly name: string } | null>;
  findTeamByName(name: string): Promise<{ readonly id: string; readonly name: string } | null>;
  findGroup(id: string): Promise<{ readonly id: string; readonly teamId: string } | null>;
}

/** The session cookie of the answer; throws INVALID where an answer has no cookies (WebSocket). */
export interface SessionCookie {
  set(value: string, expiresAt: Date): void;
  clear(): void;
}

/** What every resolver gets. */
export interface RequestContext {
  readonly identity: Identity | null;
  readonly directory: Directory;
  readonly dataCenters: DataCenterScope;
  readonly cookie: SessionCookie;
  readonly remoteAddress: string;
  readonly userAgent: string;
  /** Goes on as somebody else, who has just logged in; null after logging out. */
  become(identity: Identity | null): void;
  /** Adds an error to an answer that has data too; its path must be the field's. */
  report(error: GraphQLError): void;
}
