import type { TerminalGrantClaims } from '@skyarc/lib/contracts';
import type { Logger } from '@skyarc/lib/log';
import type { DataCenterDatabase } from '@skyarc/prisma/datacenter';
import type { Session, SessionEnd } from './session.ts';

/** The record of every session: who, where, when, from where, how long, how much. */
export class Audit {
  private readonly db: DataCenterDatabase;
  private readonly instance: string;
  private readonly log: Logger;

  constructor(options: { db: DataCenterDatabase; instance: string; log: Logger }) {
    this.db = options.db;
    this.instance = options.instance;
    this.log = options.log;
  }

  /** Ends the records that a life of this instance before left open. */
  async closeOrphans(): Promise<void> {
    await this.db.terminalSession.updateMany({
      where: { instance: this.instance, endedAt: null },
      data: { endedAt: new Date(), end: 'SHUT_DOWN' },
    });
  }

  /** A session that nobody wrote down does not begin: throws what the database throws. */
  async begin({ session: id, team: teamName, ...claims }: TerminalGrantClaims): Promise<void> {
    const { appId, actor, remoteAddress, pod, container, debug, instance } = claims;
    const where = { appId, pod, container, debug, instance };
    const command = JSON.stringify(claims.command ?? []);
    await this.db.terminalSession.create({
      data: { id, teamName, actor, remoteAddress, command, ...where },
    });
  }

  /** What is known once the process runs. */
  async started(id: string, facts: { container: string; command: readonly string[] }): Promise<void> {
    const { container, command } = facts;
    await this.update(id, { container, command: JSON.stringify(command) });
  }

  async failed(id: string, message: string): Promise<void> {
    await this.update(id, { endedAt: new Date(), end: 'FAILED', message: message.slice(0, 500) });
  }

  async ended(session: Session, how: SessionEnd, recordingBytes: number | null): Promise<void> {
    await this.update(session.claims.session, {
      endedAt: new Date(),
      end: how.end,
      message: how.message?.slice(0, 500) ?? null,
      exitCode: how.exitCode,
      bytesIn: BigInt(session.bytesIn),
      bytesOut: BigInt(session.bytesOut),
      recordingBytes: recordingBytes === null ? null : BigInt(recordingBytes),
    });
  }

  async forgetRecordings(ids: readonly string[]): Promise<void> {
    await this.db.terminalSession.updateMany({
      where: { id: { in: [...ids] } },
      data: { recordingBytes: null },
    });
  }

  private async update(
    id: string,
    data: Parameters<DataCenterDatabase['terminalSession']['update']>[0]['data'],
  ): Promise<void> {
    await this.db.terminalSession
      .update({ where: { id }, data })
      .catch((error: unknown) =>
        this.log.error({ err: error, session: id }, 'cannot write the audit record'),
      );
  }
}
