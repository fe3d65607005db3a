import type { Logger } from '@skyarc/lib/log';
import { messageOf } from '@skyarc/lib/errors';
import { sleep } from '@skyarc/lib/retry';
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
  private silentSince: Date | null = null;

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
    while (!signal.aborted) {
      await sleep(Math.min(5_000, this.options.limitMs / 4), signal).catch(() => undefined);
      const isSilent = this.silenceMs > this.options.limitMs;
      if (signal.aborted || isSilent === (this.silentSince !== null)) continue;
      const since = (this.silentSince ??= new Date());
      if (!isSilent) this.silentSince = null;
      await this.tell(isSilent, since).catch((error: unknown) =>
        this.options.log.error({ reason: messageOf(error) }, 'cannot tell that alerts are broken'),
      );
    }
  }

  private async tell(isFiring: boolean, startedAt: Date): Promise<void> {
    const { repository, deliverer, instance, log } = this.options;
    const alert: NotifiedAlert = {
      isFiring,
      name: 'AlertsSilent',
      severity: 'CRITICAL',
      summary: isFiring
        ? `Alerts are not evaluated or delivered any more (${instance})`
        : `Alerts are evaluated and delivered again (${instance})`,
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
    await Promise.allSettled(
      receivers.map(({ id }) => deliverer.deliver(id, { groupKey: `silent ${instance}`, alerts: [alert] })),
    );
  }
}
