import { AppError } from '@skyarc/lib/errors';
import { dataCenterDocuments as documents, type RequestContext } from '@skyarc/server/host';

export type TerminalSessionRecord = documents.TerminalSessionFragment;

/** A session of one of the viewer's teams, or null. */
export async function findSession(
  id: string,
  { dataCenters }: RequestContext,
): Promise<TerminalSessionRecord | null> {
  const dataCenter = await dataCenters.ownerOf(id);
  const answer = await dataCenter.call(documents.TerminalSessionByIdDocument, { id }, dataCenters.readScope);
  return answer.terminalSession ?? null;
}

/** Throws NOT_FOUND. */
export async function getSession(id: string, context: RequestContext): Promise<TerminalSessionRecord> {
  const session = await findSession(id, context);
  if (!session) throw new AppError('NOT_FOUND', 'There is no such session, or you may not see it');
  return session;
}
