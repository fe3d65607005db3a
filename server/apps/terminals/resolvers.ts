import { AppError } from '@skyarc/lib/errors';
import { bindingOf, dataCenterDocuments as documents, identityOf } from '@skyarc/server/host';
import type { Resolvers } from '../generated/resolvers.ts';
import { getSession } from './sessions.ts';

const maxCount = 100;

export const terminalQueries: Resolvers['Query'] = {
  terminalRecording: async (_parent, { id, from }, { dataCenters }) => {
    const dataCenter = await dataCenters.ownerOf(id);
    const variables = { id, from: from ?? 0 };
    const { readScope } = dataCenters;
    return (await dataCenter.call(documents.TerminalRecordingDocument, variables, readScope))
      .terminalRecording;
  },
};

export const terminalMutations: Resolvers['Mutation'] = {
  openTerminal: async (_parent, { input }, context) => {
    const { dataCenters, remoteAddress } = context;
    const team = await dataCenters.findAppTeam(input.appId);
    if (team === null) throw new AppError('NOT_FOUND', 'There is no such app, or you may not see it');
    const dataCenter = await dataCenters.ownerOf(input.appId);
    const whole = { ...input, binding: bindingOf(identityOf(context)), remoteAddress };
    const scope = dataCenters.scopeOf(team);
    return (await dataCenter.call(documents.OpenTerminalDocument, { input: whole }, scope)).openTerminal;
  },
  resumeTerminal: async (_parent, { id }, context) => {
    const { dataCenters, remoteAddress } = context;
    const scope = dataCenters.scopeOf((await getSession(id, context)).teamName);
    const variables = { id, binding: bindingOf(identityOf(context)), remoteAddress };
    const dataCenter = await dataCenters.ownerOf(id);
    return (await dataCenter.call(documents.ResumeTerminalDocument, variables, scope)).resumeTerminal;
  },
  closeTerminal: async (_parent, { id }, context) => {
    const { dataCenters } = context;
    const scope = dataCenters.scopeOf((await getSession(id, context)).teamName);
    const variables = { id, reason: 'CLOSED' } as const;
    const dataCenter = await dataCenters.ownerOf(id);
    return (await dataCenter.call(documents.CloseTerminalDocument, variables, scope)).closeTerminal;
  },
  deleteTerminalRecording: async (_parent, { id }, context) => {
    const { dataCenters } = context;
    const scope = dataCenters.scopeOf((await getSession(id, context)).teamName);
    const dataCenter = await dataCenters.ownerOf(id);
    return (await dataCenter.call(documents.DeleteTerminalRecordingDocument, { id }, scope))
      .deleteTerminalRecording;
  },
};

export const terminalFields: Resolvers['App'] = {
  terminalTargets: async ({ id: appId, teamName }, _args, { dataCenters }) => {
    const dataCenter = await dataCenters.ownerOf(appId);
    const scope = dataCenters.scopeOf(teamName);
    return (await dataCenter.call(documents.TerminalTargetsDocument, { appId }, scope)).terminalTargets;
  },
  terminalSessions: async ({ id: appId, teamName }, { first, after }, { dataCenters }) => {
    const dataCenter = await dataCenters.ownerOf(appId);
    const variables = { appId, first: Math.max(0, Math.min(first ?? 20, maxCount)), after };
    const scope = dataCenters.scopeOf(teamName);
    return (await dataCenter.call(documents.TerminalSessionsDocument, variables, scope)).terminalSessions;
  },
};
