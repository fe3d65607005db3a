import { newId } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import type { AlertReceiverRecord, AlertRuleRecord, DataCenterDatabase } from '@skyarc/prisma/datacenter';
import type { AppEndpoint } from './targets/cluster.ts';
import { type NotifiedAlert, silentPrefix } from './notify/notification.ts';

/** An alert that people were told of, and not of its end. */
export interface FiringMessage {
  readonly id: string;
  readonly alertName: string;
  readonly summary: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly startedAt: Date;
}

/** Everything of the database that monitoring reads and writes. */
export class MonitorRepository {
  readonly db: DataCenterDatabase;
  private readonly dataCenter: string;

  constructor(db: DataCenterDatabase, dataCenter: string) {
    this.db = db;
    this.dataCenter = dataCenter;
  }

  listRules(): Promise<AlertRuleRecord[]> {
    return this.db.alertRule.findMany({ where: { enabled: true }, orderBy: { id: 'asc' } });
  }

  listReceivers(): Promise<AlertReceiverRecord[]> {
    return this.db.alertReceiver.findMany({ where: { enabled: true }, orderBy: { id: 'asc' } });
  }

  /** Throws NOT_FOUND. */
  async getReceiver(id: string): Promise<AlertReceiverRecord> {
    const found = await this.db.alertReceiver.findUnique({ where: { id } });
    if (!found) throw new AppError('NOT_FOUND', 'There is no such receiver');
    return found;
  }

  listEndpoints(): Promise<AppEndpoint[]> {
    return this.db.metricsEndpoint.findMany({ orderBy: [{ appId: 'asc' }, { port: 'asc' }] });
  }

  /** Whether the receiver was last sent just this of the group, later than a moment. */
  async wasSent(receiverId: string, groupKey: string, { digest, since }: { digest: string; since: Date }) {
    const found = await this.db.sentNotification.findUnique({
      where: { receiverId_groupKey: { receiverId, groupKey } },
    });
    return found !== null && found.digest === digest && found.sentAt > since;
  }

  async noteSent(receiverId: string, groupKey: string, digest: string): Promise<void> {
    const sentAt = new Date();
    await this.db.$transaction([
      this.db.sentNotification.upsert({
        where: { receiverId_groupKey: { receiverId, groupKey } },
        create: { receiverId, groupKey, digest, sentAt },
        update: { digest, sentAt },
      }),
      this.db.alertReceiver.update({
        where: { id: receiverId },
        data: { lastSentAt: sentAt, lastError: null },
      }),
    ]);
  }

  async noteFailure(receiverId: string, why: string): Promise<void> {
    await this.db.alertReceiver.updateMany({
      where: { id: receiverId },
      data: { lastError: why.slice(0, 500) },
    });
  }

  /**
   * One message for an alert from its beginning to its end; one that changes is unread again. An engine that was
   * started anew takes its own start for the beginning, so what still fires is known by its fingerprint alone.
   */
  async saveMessage(alert: NotifiedAlert): Promise<void> {
    const { name: alertName, severity, summary, labels, startedAt, endedAt, fingerprint } = alert;
    const alertKey = `${fingerprint}:${startedAt.toISOString()}`;
    const status = alert.isFiring ? 'FIRING' : 'RESOLVED';
    const present =
      (await this.db.message.findFirst({
        where: { alertKey: { startsWith: `${fingerprint}:` }, status: 'FIRING' },
      })) ?? (await this.db.message.findUnique({ where: { alertKey } }));
    // A notification that is repeated, or comes late, says nothing new.
    if (present && (present.status === status || present.status === 'RESOLVED')) return;
    if (present) {
      await this.db.$transaction([
        this.db.message.update({ where: { id: present.id }, data: { status, endedAt, summary } }),
        this.db.messageRead.deleteMany({ where: { messageId: present.id } }),
      ]);
      return;
    }
    const row = {
      id: newId(this.dataCenter, 'message'),
      alertKey,
      teamName: labels['team'] || null,
      appId: labels['app'] || null,
      alertName,
      severity,
      status,
      summary,
      labels: JSON.stringify(labels),
      startedAt,
      endedAt,
    };
    // Two monitors may be told at the same time.
    await this.db.message.upsert({ where: { alertKey }, create: row, update: {} });
  }

  /** Alerts that fire as far as people know; without what is told around Alertmanager. */
  async listFiring(): Promise<FiringMessage[]> {
    const found = await this.db.message.findMany({
      where: { status: 'FIRING', NOT: { alertKey: { startsWith: silentPrefix } } },
      select: { id: true, alertName: true, summary: true, labels: true, startedAt: true },
    });
    return found.map(({ labels, ...rest }) => ({
      ...rest,
      labels: JSON.parse(labels) as Readonly<Record<string, string>>,
    }));
  }

  /** Removes messages and marks of notifications from before a moment. */
  async tidy(before: Date): Promise<void> {
    await this.db.message.deleteMany({ where: { createdAt: { lt: before } } });
    await this.db.sentNotification.deleteMany({ where: { sentAt: { lt: before } } });
  }
}
