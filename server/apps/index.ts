import type { Room } from '@skyarc/server/host';
import { policies } from './policy.ts';
import { mutations } from './resolvers/mutations.ts';
import { owners } from './resolvers/owners.ts';
import { queries } from './resolvers/queries.ts';
import { subscriptions } from './resolvers/subscriptions.ts';
import { terminalPolicies } from './terminals/policy.ts';
import { terminalFields, terminalMutations, terminalQueries } from './terminals/resolvers.ts';

/** Apps, builds and operations; holds no table and asks the data centres. */
export function createApps(): Room {
  const resolvers = { ...queries, ...owners, ...mutations, ...subscriptions };
  return {
    name: 'apps',
    policies: mergeTypes(policies, terminalPolicies),
    resolvers: mergeTypes(
      resolvers as Types,
      {
        Query: terminalQueries,
        Mutation: terminalMutations,
        App: terminalFields,
      } as Types,
    ),
  };
}

type Types = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Fields of both, type by type. */
function mergeTypes<T extends Types>(left: T, right: T): T {
  const merged = Object.entries(right).map(([type, fields]) => [type, { ...left[type], ...fields }]);
  return { ...left, ...Object.fromEntries(merged) } as T;
}
