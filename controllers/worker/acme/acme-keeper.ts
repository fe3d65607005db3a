import { messageOf, publicMessageOf, toAppError } from '@skyarc/lib/errors';
import { repeat } from '@skyarc/lib/retry';
import { crypto } from 'acme-client';
import type { CertificateRecord } from '@skyarc/prisma/datacenter';
import type { WorkerContext } from '../context.ts';
import { acmeServer, openAccount } from './account.ts';
import { orderCertificate } from './order.ts';
import { ingressBoard } from './challenge-board.ts';

const lookEveryMs = 2_000;
/** Longer than any order takes: a worker that dies in the middle leaves it to another after this. */
const claimMs = 5 * 60_000;
const firstRetryMs = 60_000;
const longestRetryMs = 12 * 3_600_000;

/**
 * Orders certificates that are due, renews them when a third of their life is left, and marks those that ended.
 * Any number of workers may run it: an order is claimed by moving its `retryAt` first.
 */
export class AcmeKeeper {
  private readonly context: WorkerContext;
  private readonly stopping = new AbortController();
  private loop: Promise<void> = Promise.resolve();

  constructor(context: WorkerContext) {
    this.context = context;
  }

  start(): void {
    this.loop = this.lookRegularly();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.loop;
  }

  private lookRegularly(): Promise<void> {
    return repeat(() => this.look(), {
      everyMs: lookEveryMs,
      signal: this.stopping.signal,
      onError: (error) =>
        this.context.log.warn({ reason: messageOf(error) }, 'cannot look after certificates'),
    });
  }

  private async look(): Promise<void> {
    const { db } = this.context;
    const now = new Date();
    await db.certificate.updateMany({
      where: { notAfter: { lt: now }, status: 'VALID' },
      data: {
        status: 'EXPIRED',
        message: 'It has ended; routes with its hosts are served with the default one',
      },
    });
    const due = await db.certificate.findMany({
      where: { source: 'ACME', retryAt: { lte: now } },
      orderBy: { retryAt: 'asc' },
      take: 20,
    });
    for (const record of due) {
      if (this.stopping.signal.aborted) return;
      if (await this.claim(record)) await this.order(record);
    }
  }

  /** True for the one worker whose write found the row as it was read. */
  private async claim({ id, retryAt }: CertificateRecord): Promise<boolean> {
    const { count } = await this.context.db.certificate.updateMany({
      where: { id, retryAt },
      data: { retryAt: new Date(Date.now() + claimMs) },
    });
    return count === 1;
  }

  private async order(record: CertificateRecord): Promise<void> {
    const { db, kube, secretBox, renderOptions, log } = this.context;
    const { id, teamName, name } = record;
    try {
      const server = await acmeServer(db);
      const team = await db.team.findUnique({ where: { name: teamName } });
      if (!server || !team) {
        await this.fail(record, 'Automatic certificates are off; an administrator sets the ACME directory');
        return;
      }
      const board = ingressBoard(kube, {
        namespace: team.namespace,
        certificateId: id,
        ingressClass: renderOptions.ingressClass,
      });
      const client = await openAccount(db, secretBox, server);
      const issued = await orderCertificate(client, JSON.parse(record.hosts) as string[], board);
      const { notBefore, notAfter, issuer } = crypto.readCertificateInfo(issued.chain);
      await db.certificate.updateMany({
        where: { id },
        data: {
          chain: issued.chain,
          privateKey: secretBox.seal(issued.privateKey, `certificate:${id}`),
          issuer: issuer.commonName,
          notBefore,
          notAfter,
          status: 'VALID',
          message: null,
          failures: 0,
          retryAt: renewalOf(notBefore, notAfter),
        },
      });
      log.info({ certificate: name, team: teamName, until: notAfter.toISOString() }, 'certificate issued');
    } catch (error) {
      log.warn({ certificate: name, team: teamName, reason: messageOf(error) }, 'no certificate was issued');
      await this.fail(record, publicMessageOf(toAppError(error)));
    }
  }

  /** What is served stays served; the next try waits longer each time. */
  private async fail(record: CertificateRecord, message: string): Promise<void> {
    const failures = record.failures + 1;
    const waitMs = Math.min(firstRetryMs * 2 ** (failures - 1), longestRetryMs);
    const stillValid = record.notAfter !== null && record.notAfter.getTime() > Date.now();
    await this.context.db.certificate.updateMany({
      where: { id: record.id },
      data: {
        status: stillValid ? 'VALID' : record.notAfter ? 'EXPIRED' : 'FAILED',
        message,
        failures,
        retryAt: new Date(Date.now() + waitMs),
      },
    });
  }
}

/** When two thirds of its life are over (as RFC 9773 servers suggest when they are not asked). */
export function renewalOf(notBefore: Date, notAfter: Date): Date {
  return new Date(notBefore.getTime() + ((notAfter.getTime() - notBefore.getTime()) * 2) / 3);
}
