import { randomUUID } from 'node:crypto';
import type { ConsoleDatabase, ConsolePrisma } from '@skyarc/prisma/console';
import type { TeamMembership, TeamRole } from '@skyarc/server/host';
import type { ApiTokenRecord, TeamMemberRecord, TeamRecord, UserRecord } from './records.ts';

const publicUser = { id: true, name: true, email: true, admin: true, createdAt: true } as const;
const claimSetting = 'claim-token';

/** The database, or a transaction on it. */
export type Store = ConsoleDatabase | ConsolePrisma.TransactionClient;

/** The tables of people, teams, sessions and tokens. Secrets come in hashed. */
export class AccountRepository {
  readonly store: Store;
  private readonly db: ConsoleDatabase;

  constructor(db: ConsoleDatabase, store: Store = db) {
    this.db = db;
    this.store = store;
  }

  /** All of `run` or nothing. */
  transaction<T>(run: (accounts: AccountRepository) => Promise<T>): Promise<T> {
    return this.db.$transaction((tx) => run(new AccountRepository(this.db, tx)));
  }

  async isClaimed(): Promise<boolean> {
    return (await this.store.user.count({ take: 1 })) > 0;
  }

  async setClaimToken(tokenHash: string): Promise<void> {
    await this.store.setting.upsert({
      where: { name: claimSetting },
      create: { name: claimSetting, value: tokenHash },
      update: { value: tokenHash },
    });
  }

  /** True for the one caller who had the token; it is gone then. */
  async takeClaimToken(tokenHash: string): Promise<boolean> {
    const { count } = await this.store.setting.deleteMany({
      where: { name: claimSetting, value: tokenHash },
    });
    return count === 1;
  }

  findUser(id: string): Promise<UserRecord | null> {
    return this.store.user.findUnique({ where: { id }, select: publicUser });
  }

  findUserByEmail(email: string): Promise<UserRecord | null> {
    return this.store.user.findUnique({ where: { email }, select: publicUser });
  }

  findLogin(email: string): Promise<(UserRecord & { passwordHash: string }) | null> {
    return this.store.user.findUnique({ where: { email } });
  }

  createUser(user: {
    name: string;
    email: string;
    passwordHash: string;
    admin: boolean;
  }): Promise<UserRecord> {
    return this.store.user.create({ data: { id: randomUUID(), ...user }, select: publicUser });
  }

  async passwordHashOf(userId: string): Promise<string | null> {
    const user = await this.store.user.findUnique({ where: { id: userId }, select: { passwordHash: true } });
    return user?.passwordHash ?? null;
  }

  async setPassword(userId: string, passwordHash: string): Promise<void> {
    await this.store.user.update({ where: { id: userId }, data: { passwordHash } });
  }

  findTeam(key: { id: string } | { name: string }): Promise<TeamRecord | null> {
    return this.store.team.findUnique({ where: key });
  }

  listTeams(userId: string | null): Promise<TeamRecord[]> {
    return this.store.team.findMany({
      where: userId === null ? {} : { memberships: { some: { userId } } },
      orderBy: { name: 'asc' },
    });
  }

  /** Begins with the group `default` and its owner. */
  createTeam(team: { name: string; displayName: string; ownerId: string }): Promise<TeamRecord> {
    return this.store.team.create({
      data: {
        id: randomUUID(),
        name: team.name,
        displayName: team.displayName,
        memberships: { create: { userId: team.ownerId, role: 'OWNER' } },
        groups: { create: { id: randomUUID(), name: 'default' } },
      },
    });
  }

  async listMembers(teamId: string): Promise<TeamMemberRecord[]> {
    const rows = await this.store.membership.findMany({
      where: { teamId },
      include: { user: { select: publicUser } },
      orderBy: { createdAt: 'asc' },
    });
    return rows.map(({ user, role, createdAt }) => ({ user, role: role as TeamRole, since: createdAt }));
  }

  async setMember(teamId: string, userId: string, role: TeamRole): Promise<void> {
    await this.store.membership.upsert({
      where: { teamId_userId: { teamId, userId } },
      create: { teamId, userId, role },
      update: { role },
    });
  }

  async removeMember(teamId: string, userId: string): Promise<boolean> {
    return (await this.store.membership.deleteMany({ where: { teamId, userId } })).count > 0;
  }

  async membershipsOf(userId: string): Promise<TeamMembership[]> {
    const rows = await this.store.membership.findMany({ where: { userId }, include: { team: true } });
    return rows.map(({ role, team }) => ({ teamId: team.id, teamName: team.name, role: role as TeamRole }));
  }

  countOwners(teamId: string): Promise<number> {
    return this.store.membership.count({ where: { teamId, role: 'OWNER' } });
  }

  async createSession(session: {
    tokenHash: string;
    userId: string;
    expiresAt: Date;
    userAgent: string;
  }): Promise<void> {
    await this.store.session.create({ data: session });
  }

  findSession(tokenHash: string) {
    return this.store.session.findUnique({ where: { tokenHash }, include: withUser });
  }

  async touchSession(tokenHash: string, expiresAt: Date): Promise<void> {
    await this.store.session.updateMany({
      where: { tokenHash },
      data: { lastSeenAt: new Date(), expiresAt },
    });
  }

  async endSession(tokenHash: string): Promise<void> {
    await this.store.session.deleteMany({ where: { tokenHash } });
  }

  async endSessions(userId: string, exceptHash: string): Promise<void> {
    await this.store.session.deleteMany({ where: { userId, NOT: { tokenHash: exceptHash } } });
  }

  async endExpiredSessions(): Promise<void> {
    await this.store.session.deleteMany({ where: { expiresAt: { lt: new Date() } } });
  }

  listApiTokens(userId: string): Promise<ApiTokenRecord[]> {
    return this.store.apiToken.findMany({ where: { userId }, orderBy: { createdAt: 'asc' } });
  }

  createApiToken(token: {
    userId: string;
    name: string;
    tokenHash: string;
    expiresAt: Date | null;
  }): Promise<ApiTokenRecord> {
    return this.store.apiToken.create({ data: { id: randomUUID(), ...token } });
  }

  findApiToken(tokenHash: string) {
    return this.store.apiToken.findUnique({ where: { tokenHash }, include: withUser });
  }

  async touchApiToken(id: string): Promise<void> {
    await this.store.apiToken.updateMany({ where: { id }, data: { lastUsedAt: new Date() } });
  }

  async deleteApiToken(userId: string, id: string): Promise<boolean> {
    return (await this.store.apiToken.deleteMany({ where: { id, userId } })).count > 0;
  }
}

const withUser = {
  user: {
    select: {
      ...publicUser,
      memberships: { select: { role: true, team: { select: { id: true, name: true } } } },
    },
  },
} as const;

/** True when a unique column was violated. */
export function isTaken(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'P2002';
}
