import type { Room } from '@skyarc/server/host';
import { importPolicies } from './imports/policy.ts';
import { importedFields, importMutations, importQueries } from './imports/resolvers.ts';
import { policies } from './policy.ts';
import { mutations } from './resolvers/mutations.ts';
import { owners } from './resolvers/owners.ts';
import { queries } from './resolvers/queries.ts';
import { subscriptions } from './resolvers/subscriptions.ts';
import { sourcePolicies } from './sources/policy.ts';
import {
  registryCredentialFields,
  sourceMutations,
  sourceQueries,
  sourceTeamFields,
} from './sources/resolvers.ts';
import { terminalPolicies } from './terminals/policy.ts';
import { terminalFields, terminalMutations, terminalQueries } from './terminals/resolvers.ts';
import { webhookPolicies } from './webhooks/policy.ts';
import { webhookAppFields, webhookFields, webhookMutations } from './webhooks/resolvers.ts';

export { WebhookRoute } from './webhooks/route.ts';

/** Apps, builds and operations; holds no table and asks the data centres. */
export function createApps(): Room {
  const resolvers = { ...queries, ...owners, ...mutations, ...subscriptions };
  return {
    name: 'apps',
    policies: [terminalPolicies, sourcePolicies, importPolicies, webhookPolicies].reduce(
      mergeTypes,
      policies,
    ),
    resolvers: mergeTypes(
      resolvers as Types,
      {
        Query: { ...terminalQueries, ...sourceQueries, ...importQueries },
        Mutation: { ...terminalMutations, ...sourceMutations, ...importMutations, ...webhookMutations },
        App: { ...terminalFields, ...webhookAppFields },
        Team: sourceTeamFields,
        RegistryCredential: registryCredentialFields,
        ImportedApps: importedFields,
        Webhook: webhookFields,
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
