import {
  admin,
  inherited,
  member,
  type Policies,
  type RequestContext,
  type Rule,
  viewer,
} from '@skyarc/server/host';
import type { LogSourceInput } from './generated/resolvers.ts';
import { teamOfSource } from './source.ts';

const ofSource = async (_parent: unknown, args: { source: LogSourceInput }, context: RequestContext) => {
  const name = await teamOfSource(args.source, context);
  return name === null ? null : { name };
};

interface Owned {
  readonly teamId?: string | null;
  readonly input?: { readonly teamId?: string | null };
}

const teamOf = ({ teamId, input }: Owned) => input?.teamId ?? teamId;
const inTeam = member('DEVELOPER', (_parent, args: Owned) => ({ id: teamOf(args) ?? '' }));

/** Lines that leave the platform: developers of the team that is named; without one administrators. */
const outputs: Rule = {
  name: `${inTeam.name} or admin`,
  check: (parent, args: Owned, context) => (teamOf(args) ? inTeam : admin).check?.(parent, args, context),
};

/** Data centres answer reads only for the viewer's teams, so a `log` field needs no rule of its own. */
export const policies: Policies = {
  Query: { logOutputs: outputs },
  Mutation: {
    createLogDownload: member('VIEWER', ofSource),
    saveLogOutput: outputs,
    deleteLogOutput: outputs,
  },
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
  LogOutput: Object.fromEntries(
    'id teamName name kind host port transport url username index hasSecret enabled lastSentAt lastError'
      .split(' ')
      .map((field) => [field, inherited]),
  ),
  LogEvent: { lines: inherited, gap: inherited },
  LogGap: { from: inherited, to: inherited },
};
