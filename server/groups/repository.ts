import { randomUUID } from 'node:crypto';
import type { ConsoleDatabase } from '@skyarc/prisma/console';
import type { GroupRecord } from './records.ts';

/** The table of groups. */
export class GroupRepository {
  private readonly db: ConsoleDatabase;

  constructor(db: ConsoleDatabase) {
    this.db = db;
  }

  find(id: string): Promise<GroupRecord | null> {
    return this.db.group.findUnique({ where: { id } });
  }

  listByTeam(teamId: string): Promise<GroupRecord[]> {
    return this.db.group.findMany({ where: { teamId }, orderBy: { name: 'asc' } });
  }

  create(group: { teamId: string; name: string; note: string }): Promise<GroupRecord> {
    return this.db.group.create({ data: { id: randomUUID(), ...group } });
  }

  update(id: string, change: { name?: string; note?: string }): Promise<GroupRecord> {
    return this.db.group.update({ where: { id }, data: change });
  }

  async delete(id: string): Promise<boolean> {
    return (await this.db.group.deleteMany({ where: { id } })).count > 0;
  }
}

/** True when a team has a group of this name already. */
export function isTaken(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'P2002';
}
