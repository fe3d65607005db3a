import { messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { repeat } from '@skyarc/lib/retry';
import type { Api } from '../api.ts';
import { beginWaiting } from './begin.ts';

const everyMs = 1_000;

/** Begins what deliveries wait for as soon as their apps are free; what was left by a crash, too. */
export class WaitingDeliveries {
  private readonly api: Api;
  private readonly log: Logger;
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;

  constructor(api: Api, log: Logger) {
    this.api = api;
    this.log = log;
  }

  start(): void {
    this.running ??= this.loop();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private loop(): Promise<void> {
    return repeat(() => this.look(), {
      everyMs,
      signal: this.stopping.signal,
      onError: (error) =>
        this.log.warn({ reason: messageOf(error) }, 'cannot look for waiting deliveries, will try again'),
    });
  }

  private async look(): Promise<void> {
    const waiting = await this.api.repository.db.webhookDelivery.findMany({
      where: { outcome: 'WAITING' },
      select: { webhook: { select: { appId: true } } },
    });
    for (const appId of new Set(waiting.map(({ webhook }) => webhook.appId)))
      await beginWaiting(this.api, appId);
  }
}
