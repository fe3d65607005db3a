import type { ConsoleDatabase } from '@skyarc/prisma/console';
import type { Room } from '@skyarc/server/host';
import { policies } from './policy.ts';
import { DataCenterRepository } from './repository.ts';
import { createResolvers } from './resolvers/index.ts';

export interface DataCentersRoom extends Room {
  readonly repository: DataCenterRepository;
}

/** The data centres that the installation knows, and what they say of themselves. */
export function createDataCenters(db: ConsoleDatabase): DataCentersRoom {
  const repository = new DataCenterRepository(db);
  return { name: 'datacenters', policies, resolvers: createResolvers(repository), repository };
}
