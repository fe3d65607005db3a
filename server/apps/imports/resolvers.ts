import type { Resolvers } from '../generated/resolvers.ts';
import { appsOf } from '../resolvers/owners.ts';
import { exportTemplate } from './export.ts';
import { importApps, previewImport } from './import.ts';

export const importQueries: Resolvers['Query'] = {
  previewImport: (_parent, { input }, context, { schema }) => previewImport(input, context, schema),
  exportTemplate: (_parent, { groupId }, context, info) => exportTemplate(groupId, context, info),
};

export const importMutations: Resolvers['Mutation'] = {
  importApps: (_parent, { input, choices, deploy }, context, { schema }) =>
    importApps(input, choices ?? [], { deploy: deploy ?? true, schema }, context),
};

export const importedFields: Resolvers['ImportedApps'] = { apps: appsOf };
