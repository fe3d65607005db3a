import type { Logger } from '@skyarc/lib/log';
import { messageOf } from '@skyarc/lib/errors';
import { sleep } from '@skyarc/lib/retry';
import { alertText } from '@skyarc/sdk/alerts';
import type { Deliverer } from './notify/deliver.ts';
import { type NotifiedAlert, silentPrefix } from './notify/notification.ts';
import type { MonitorRepository } from './repository.ts';

export interface WatchdogOptions {
  readonly instance: string;
  readonly limitMs: number;
  readonly repository: MonitorRepository;
  readonly deliverer: Deliverer;
  readonly log: Logger;
}

/**
 * Waits for the alert that always fires. When it stops coming, the way of all alerts is broken, and that is told
 * around it: as a message and to the platform's receivers directly.
 */
export class Watchdog {
  private readonly options: WatchdogOptions;
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private heardAt = Date.now();
  /** When the silence began that people know of. */
  private toldOf: Date | null = null;

  constructor(options: WatchdogOptions) {
    this.options = options;
  }

  start(): void {
    this.running = this.watch();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  heard(): void {
    this.heardAt = Date.now();
  }

  get silenceMs(): number {
    return Date.now() - this.heardAt;
  }

  private async watch(): Promise<void> {
    const { signal } = this.stopping;
    const { limitMs, log } = this.options;
    const lookEveryMs = Math.min(5_000, limitMs / 4);
    for (let restMs = lookEveryMs; !signal.aborted;) {
      await sleep(restMs, signal).catch(() => undefined);
      restMs = lookEveryMs;
      const isSilent = this.silenceMs > limitMs;
      if (signal.aborted || isSilent === (this.toldOf !== null)) continue;
      const since = this.toldOf ?? new Date(this.heardAt);
      try {
        await this.tell(isSilent, since);
        this.toldOf = isSilent ? since : null;
      } catch (error) {
        log.error({ reason: messageOf(error) }, 'cannot tell that alerts are broken');
        restMs = Math.min(limitMs, 60_000);
      }
    }
  }

  /** Throws when nobody could be told; who was told already is not told again. */
  private async tell(isFiring: boolean, startedAt: Date): Promise<void> {
    const { repository, deliverer, instance, log } = this.options;
    const alert: NotifiedAlert = {
      isFiring,
      name: 'AlertsSilent',
      severity: 'CRITICAL',
      summary: alertText('en', isFiring ? 'AlertsSilent' : 'AlertsSilentEnded', { instance }),
      labels: { alertname: 'AlertsSilent', service: instance },
      startedAt,
      endedAt: isFiring ? null : new Date(),
      fingerprint: `${silentPrefix}${instance}`,
    };
    log[isFiring ? 'error' : 'info']({ since: startedAt }, alert.summary);
    await repository.saveMessage(alert);
    const receivers = (await repository.listReceivers()).filter(
      ({ teamName, kind }) => teamName === null && kind !== 'HEARTBEAT',
    );
    const outcomes = await Promise.allSettled(
      receivers.map(({ id }) => deliverer.deliver(id, { groupKey: `silent ${instance}`, alerts: [alert] })),
    );
    const failed = outcomes.filter((one) => one.status === 'rejected');
    if (failed[0] && failed.length === outcomes.length) throw failed[0].reason;
  }
}
