import { createHash } from 'node:crypto';
import { receiverKinds, type ReceiverKind } from '@skyarc/lib/contracts';
import type { EgressPolicy } from '@skyarc/lib/egress';
import { messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import type { SecretBox } from '@skyarc/lib/secretbox';
import { type AlertReceiverRecord, readSettings } from '@skyarc/prisma/datacenter';
import { alertText } from '@skyarc/sdk/alerts';
import type { MonitorRepository } from '../repository.ts';
import type { Channel } from './channels/channel.ts';
import { channels } from './channels/index.ts';
import { type Notification, tellIn } from './notification.ts';

export interface DelivererDeps {
  readonly repository: MonitorRepository;
  readonly secretBox: SecretBox;
  readonly log: Logger;
  /** The same state of a group is sent again only when it is older than this. */
  readonly repeatMs: number;
}

/** Brings notifications to their receivers, each state of a group once. */
export class Deliverer {
  private readonly deps: DelivererDeps;
  /** Those of one receiver one after the other, so that two alike do not pass the look whether it was sent. */
  private readonly turns = new Map<string, Promise<unknown>>();

  constructor(deps: DelivererDeps) {
    this.deps = deps;
  }

  /** Throws what the channel throws; the receiver's record then says it, too. */
  deliver(receiverId: string, notification: Notification): Promise<void> {
    const turn = (this.turns.get(receiverId) ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => this.deliverNow(receiverId, notification));
    this.turns.set(receiverId, turn);
    return turn;
  }

  /** A message that says it is a test. Throws what the channel throws. */
  async test(receiverId: string): Promise<void> {
    const receiver = await this.deps.repository.getReceiver(receiverId);
    const now = new Date();
    await this.send(receiver, {
      groupKey: `test ${receiverId}`,
      alerts: [
        {
          isFiring: true,
          name: 'TestMessage',
          severity: 'INFO',
          summary: alertText('en', 'TestMessage', { receiver: receiver.name }),
          labels: { alertname: 'TestMessage' },
          startedAt: now,
          endedAt: null,
          fingerprint: now.getTime().toString(16),
        },
      ],
    });
  }

  private async deliverNow(receiverId: string, notification: Notification): Promise<void> {
    const { repository, repeatMs } = this.deps;
    const receiver = await repository.getReceiver(receiverId);
    const groupKey = sha256(notification.groupKey);
    const digest = sha256(
      notification.alerts
        // Not when it began: an engine that was started anew takes its own start for it.
        .map((alert) => `${alert.fingerprint} ${alert.isFiring}`)
        .toSorted()
        .join('\n'),
    );
    const isHeartbeat = receiver.kind === 'HEARTBEAT';
    const since = new Date(Date.now() - repeatMs * 0.9);
    if (!isHeartbeat && (await repository.wasSent(receiverId, groupKey, { digest, since }))) return;
    await this.send(receiver, notification);
    await repository.noteSent(receiverId, groupKey, digest);
  }

  private async send(receiver: AlertReceiverRecord, notification: Notification): Promise<void> {
    const { repository, log } = this.deps;
    try {
      await this.dispatch(receiver, notification);
    } catch (error) {
      log.warn({ receiver: receiver.id, kind: receiver.kind, reason: messageOf(error) }, 'cannot notify');
      await repository.noteFailure(receiver.id, messageOf(error));
      throw error;
    }
  }

  private async dispatch(receiver: AlertReceiverRecord, notification: Notification): Promise<void> {
    const { repository, secretBox } = this.deps;
    const kind = receiver.kind as ReceiverKind;
    const { settings, secret } = receiverKinds[kind];
    const opened =
      receiver.secret === null ? '{}' : secretBox.open(receiver.secret, `receiver:${receiver.id}`);
    // Administrators' own receivers may be at home; teams' only where the data centre allows it.
    const allowPrivate =
      receiver.teamName === null || (await readSettings(repository.db)).allowPrivateSources;
    const policy: EgressPolicy = { allowPrivate };
    const channel = channels[kind] as Channel<ReceiverKind>;
    const own = settings.parse(JSON.parse(receiver.settings));
    await channel({
      notification: tellIn('language' in own && own.language === 'ZH' ? 'zh' : 'en', notification),
      settings: own,
      secret: secret.parse(JSON.parse(opened)),
      policy,
    });
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
