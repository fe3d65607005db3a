import type { ConsoleDatabase } from '@skyarc/prisma/console';
import type { Room } from '@skyarc/server/host';
import { policies } from './policy.ts';
import { GroupRepository } from './repository.ts';
import { createResolvers } from './resolvers/index.ts';

export interface GroupsRoom extends Room {
  readonly repository: GroupRepository;
}

/** Groups of apps. */
export function createGroups(db: ConsoleDatabase): GroupsRoom {
  const repository = new GroupRepository(db);
  return { name: 'groups', policies, resolvers: createResolvers(repository), repository };
}
