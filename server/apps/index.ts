import type { Room } from '@skyarc/server/host';
import { policies } from './policy.ts';
import { mutations } from './resolvers/mutations.ts';
import { queries } from './resolvers/queries.ts';
import { subscriptions } from './resolvers/subscriptions.ts';

/** Apps, builds and operations; holds no table and asks the data centres. */
export function createApps(): Room {
  return { name: 'apps', policies, resolvers: { ...queries, ...mutations, ...subscriptions } };
}
