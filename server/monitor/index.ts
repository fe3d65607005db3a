import type { Room } from '@skyarc/server/host';
import { policies } from './policy.ts';
import { resolvers } from './resolvers/index.ts';

/** Metrics, alerts and messages; holds no table and asks the data centres. */
export function createMonitor(): Room {
  return { name: 'monitor', policies, resolvers };
}
