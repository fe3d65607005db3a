import { inherited, member, type Policies, type RequestContext, type TeamKey } from '@skyarc/server/host';
import type { AppRecord } from '../records.ts';
import { findSession } from './sessions.ts';

const ofInput = async (
  _parent: unknown,
  { input }: { input: { appId: string } },
  { dataCenters }: RequestContext,
): Promise<TeamKey | null> => {
  const name = await dataCenters.findAppTeam(input.appId);
  return name === null ? null : { name };
};
const ofSession = async (
  _parent: unknown,
  { id }: { id: string },
  context: RequestContext,
): Promise<TeamKey | null> => {
  const session = await findSession(id, context);
  return session && { name: session.teamName };
};
const ofApp = member('DEVELOPER', ({ teamName: name }: AppRecord) => ({ name }));

/** A terminal can do whatever the app can: only those who may change the app, and what was shown likewise. */
export const terminalPolicies: Policies = {
  Query: { terminalRecording: member('DEVELOPER', ofSession) },
  Mutation: {
    openTerminal: member('DEVELOPER', ofInput),
    resumeTerminal: member('DEVELOPER', ofSession),
    closeTerminal: member('DEVELOPER', ofSession),
    deleteTerminalRecording: member('OWNER', ofSession),
  },
  App: { terminalTargets: ofApp, terminalSessions: ofApp },
  TerminalTarget: { pod: inherited, ready: inherited, containers: inherited },
  TerminalContainer: { name: inherited, kind: inherited, image: inherited, running: inherited },
  TerminalGrant: { id: inherited, token: inherited, expiresAt: inherited },
  TerminalSession: Object.fromEntries(
    'id actor remoteAddress pod container command debug instance startedAt endedAt end message exitCode bytesIn bytesOut recordingBytes'
      .split(' ')
      .map((field) => [field, inherited]),
  ),
  TerminalSessionPage: { items: inherited, next: inherited },
  TerminalRecordingPart: { text: inherited, next: inherited },
};
