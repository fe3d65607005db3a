import type { DataCenterDatabase, TerminalSessionRecord } from '@skyarc/prisma/datacenter';
import { type CallContext, teamFilter } from '../context.ts';

/** Records of terminal sessions, which webcli writes. */
export class TerminalRepository {
  private readonly db: DataCenterDatabase;

  constructor(db: DataCenterDatabase) {
    this.db = db;
  }

  find(context: CallContext, id: string): Promise<TerminalSessionRecord | null> {
    return this.db.terminalSession.findFirst({ where: { id, ...teamFilter(context) } });
  }

  /** Newest first; `after` is the id of the last one known. */
  list(
    context: CallContext,
    filter: { readonly appId: string; readonly take: number; readonly after: string | undefined },
  ): Promise<TerminalSessionRecord[]> {
    const { appId, take, after } = filter;
    return this.db.terminalSession.findMany({
      where: { appId, ...teamFilter(context) },
      orderBy: [{ startedAt: 'desc' }, { id: 'desc' }],
      take,
      ...(after === undefined ? {} : { cursor: { id: after }, skip: 1 }),
    });
  }

  /** Ends the record of a session whose instance is gone. */
  async close(id: string): Promise<void> {
    await this.db.terminalSession.updateMany({
      where: { id, endedAt: null },
      data: { endedAt: new Date(), end: 'SHUT_DOWN' },
    });
  }
}
