import { AppError } from '@skyarc/lib/errors';
import type { TerminalSessionRecord } from '@skyarc/prisma/datacenter';
import type { Api } from '../api.ts';
import { getApp } from '../commands/operations.ts';
import type { MutationResolvers, QueryResolvers, TerminalSession } from '../generated/resolvers.ts';
import { audited } from '../resolvers/mutations.ts';
import { presentTargets } from './targets.ts';

const maxCount = 100;

export function createTerminalQueries(api: Api): QueryResolvers {
  const { terminals, cluster } = api;
  return {
    terminalTargets: async (_parent, { appId }, context) => {
      await getApp(api, appId, context);
      return presentTargets(cluster.objectsOf(appId));
    },
    terminalSessions: async (_parent, { appId, first, after }, context) => {
      const take = Math.max(0, Math.min(first ?? 20, maxCount));
      const filter = { appId, take: take + 1, after: after ?? undefined };
      const found = await terminals.repository.list(context, filter);
      const items = found.slice(0, take).map(presentSession);
      return { items, next: found.length > take ? (items.at(-1)?.id ?? null) : null };
    },
    terminalSession: async (_parent, { id }, context) => {
      const session = await terminals.repository.find(context, id);
      return session && presentSession(session);
    },
    terminalRecording: (_parent, { id, from }, context) => terminals.readRecording(id, from ?? 0, context),
  };
}

export function createTerminalMutations(api: Api): MutationResolvers {
  const { terminals } = api;
  return audited(api, {
    openTerminal: async (_parent, { input }, context) => {
      const app = await getApp(api, input.appId, context);
      return terminals.open(input, app.id, context);
    },
    resumeTerminal: (_parent, args, context) => terminals.resume(args, context),
    closeTerminal: (_parent, { id, reason }, context) => terminals.close(id, closable(reason), context),
    deleteTerminalRecording: async (_parent, { id }, context) =>
      presentSession(await terminals.deleteRecording(id, context)),
  });
}

/** The ends that a caller may give as the reason. */
function closable(reason: string | null | undefined): 'CLOSED' | 'REVOKED' {
  if (reason === 'REVOKED' || reason === 'CLOSED') return reason;
  throw new AppError('INVALID', 'A session can be ended as CLOSED or REVOKED only');
}

function presentSession(session: TerminalSessionRecord): TerminalSession {
  return {
    ...session,
    command: JSON.parse(session.command) as string[],
    end: session.end as TerminalSession['end'],
    bytesIn: String(session.bytesIn),
    bytesOut: String(session.bytesOut),
    recordingBytes: session.recordingBytes === null ? null : String(session.recordingBytes),
  };
}
