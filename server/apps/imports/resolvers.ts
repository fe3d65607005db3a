import type { Resolvers } from '../generated/resolvers.ts';
import { appsOf } from '../resolvers/owners.ts';
import { importApps, previewImport } from './import.ts';

export const importQueries: Resolvers['Query'] = {
  previewImport: (_parent, { input }, context) => previewImport(input, context),
};

export const importMutations: Resolvers['Mutation'] = {
  importApps: (_parent, { input, choices, deploy }, context) =>
    importApps(input, choices ?? [], deploy ?? true, context),
};

export const importedFields: Resolvers['ImportedApps'] = { apps: appsOf };
