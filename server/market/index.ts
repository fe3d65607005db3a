import type { Room } from '@skyarc/server/host';
import { policies } from './policy.ts';
import { createResolvers } from './resolvers/index.ts';

/** Templates that an app can be created from: the built-in samples. */
export function createMarket(options: { readonly samplesFolder: string }): Room {
  return { name: 'market', policies, resolvers: createResolvers(options.samplesFolder) };
}
