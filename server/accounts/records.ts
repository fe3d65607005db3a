import type { TeamRole } from '@skyarc/server/host';

export interface UserRecord {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly admin: boolean;
  readonly createdAt: Date;
}

export interface TeamRecord {
  readonly id: string;
  readonly name: string;
  readonly displayName: string;
  readonly createdAt: Date;
}

export interface TeamMemberRecord {
  readonly user: UserRecord;
  readonly role: TeamRole;
  readonly since: Date;
}

export interface ApiTokenRecord {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  readonly expiresAt: Date | null;
}

/** The user is all that is needed; the rest is read when asked for. */
export interface ViewerRecord {
  readonly user: UserRecord;
}
