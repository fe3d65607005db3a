import { inherited, type Policies, viewer } from '@skyarc/server/host';

export const policies: Policies = {
  Query: { templates: viewer },
  Template: {
    name: inherited,
    title: inherited,
    description: inherited,
    language: inherited,
    memoryMb: inherited,
  },
};
