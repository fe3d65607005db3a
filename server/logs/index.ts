import type { Room } from '@skyarc/server/host';
import type { LogDownloads } from './download.ts';
import { policies } from './policy.ts';
import { createResolvers } from './resolvers/index.ts';

export { LogDownloads } from './download.ts';

/** Logs of apps, builds and operations; holds no table and asks the data centres. */
export function createLogs(downloads: LogDownloads): Room {
  return { name: 'logs', policies, resolvers: createResolvers(downloads) };
}
