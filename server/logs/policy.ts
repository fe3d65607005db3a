import { inherited, member, type Policies, type RequestContext, viewer } from '@skyarc/server/host';
import type { LogSourceInput } from './generated/resolvers.ts';
import { teamOfSource } from './source.ts';

const ofSource = async (_parent: unknown, args: { source: LogSourceInput }, context: RequestContext) => {
  const name = await teamOfSource(args.source, context);
  return name === null ? null : { name };
};

/** Data centres answer reads only for the viewer's teams, so a `log` field needs no rule of its own. */
export const policies: Policies = {
  Mutation: { createLogDownload: member('VIEWER', ofSource) },
  Subscription: { logLines: member('VIEWER', ofSource) },
  App: { id: inherited, log: viewer },
  Build: { id: inherited, log: viewer },
  Operation: { id: inherited, log: viewer },
  LogDownload: { url: inherited },
  LogPage: { lines: inherited, hasOlder: inherited, cursor: inherited, isPartial: inherited },
  LogLine: {
    cursor: inherited,
    at: inherited,
    text: inherited,
    source: inherited,
    level: inherited,
    channel: inherited,
  },
  LogEvent: { lines: inherited, gap: inherited },
  LogGap: { from: inherited, to: inherited },
};
