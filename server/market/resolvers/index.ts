import type { Resolvers } from '../generated/resolvers.ts';
import { readTemplates } from '../templates.ts';

export function createResolvers(folder: string): Resolvers {
  return {
    Query: { templates: () => readTemplates(folder) },
    Template: {
      __resolveReference: async ({ name }) =>
        (await readTemplates(folder)).find((template) => template.name === name) ?? null,
    },
  };
}
