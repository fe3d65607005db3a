import { messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { repeat } from '@skyarc/lib/retry';
import { z } from 'zod';
import type { Federation } from '../query/federation.ts';
import type { FiringMessage, MonitorRepository } from '../repository.ts';
import type { AlertmanagerInstance } from './instance.ts';

type Labels = Readonly<Record<string, string>>;

export interface ForgottenAlertsOptions {
  readonly repository: Pick<MonitorRepository, 'listFiring'>;
  readonly federation: Pick<Federation, 'evaluator'>;
  readonly alertmanager: Pick<AlertmanagerInstance, 'call'>;
  readonly log: Logger;
  /** How long an alert must be unknown to both engines, while both answer. */
  readonly patienceMs: number;
  /** How long Alertmanager waits until it tells of a group. */
  readonly groupWaitMs: number;
}

const labels = z.record(z.string(), z.string());
const evaluated = z.object({ alerts: z.array(z.object({ labels })) });
const managed = z.array(z.object({ labels }));
/** Beyond what Alertmanager waits: it must have told of an alert to tell of its end. */
const marginMs = 2_000;

/**
 * Ends alerts that were told to people and whose end nobody saw, since Prometheus and Alertmanager were away at that
 * time: Alertmanager is given such an alert once more, for a moment, and then tells its end as it does for all.
 */
export class ForgottenAlerts {
  private readonly options: ForgottenAlertsOptions;
  private readonly stopping = new AbortController();
  /** Since when an alert is unknown, by message. */
  private unknownSince = new Map<string, number>();
  private running: Promise<void> = Promise.resolve();

  constructor(options: ForgottenAlertsOptions) {
    this.options = options;
  }

  start(): void {
    const { patienceMs, log } = this.options;
    this.running = repeat(() => this.look(), {
      everyMs: Math.max(500, patienceMs / 4),
      signal: this.stopping.signal,
      onError: (error) => {
        // While an engine is away nothing can be said of any alert.
        this.unknownSince.clear();
        log.debug({ reason: messageOf(error) }, 'cannot compare alerts');
      },
    });
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async look(): Promise<void> {
    const { repository, patienceMs, log } = this.options;
    const firing = await repository.listFiring();
    if (firing.length === 0) return this.unknownSince.clear();
    const known = await this.known();
    const now = Date.now();
    const unknown = firing.filter((message) => !known.has(keyOf(message.labels)));
    this.unknownSince = new Map(unknown.map(({ id }) => [id, this.unknownSince.get(id) ?? now]));
    const forgotten = unknown.filter(({ id }) => now - (this.unknownSince.get(id) ?? now) >= patienceMs);
    if (forgotten.length === 0) return;
    await this.tell(forgotten);
    for (const { id } of forgotten) this.unknownSince.delete(id);
    log.info(
      { alerts: forgotten.map(({ alertName }) => alertName) },
      'told again, for their end was not seen',
    );
  }

  /** Alerts that are evaluated as true, or that Alertmanager has. Throws UNAVAILABLE when one does not answer. */
  private async known(): Promise<Set<string>> {
    const { federation, alertmanager } = this.options;
    const [fromRules, fromManager] = await Promise.all([
      federation.evaluator<unknown>('/api/v1/alerts', new URLSearchParams()),
      alertmanager.call('GET', '/alerts'),
    ]);
    const all = [...evaluated.parse(fromRules.data).alerts, ...managed.parse(fromManager)];
    return new Set(all.map((alert) => keyOf(alert.labels)));
  }

  private async tell(forgotten: readonly FiringMessage[]): Promise<void> {
    const { alertmanager, groupWaitMs } = this.options;
    const endsAt = new Date(Date.now() + groupWaitMs + marginMs).toISOString();
    const alerts = forgotten.map((message) => ({
      labels: message.labels,
      annotations: { summary: message.summary },
      startsAt: message.startedAt.toISOString(),
      endsAt,
    }));
    await alertmanager.call('POST', '/alerts', alerts);
  }
}

/** Prometheus itself shows alerts without the label that it adds when it tells of them. */
function keyOf({ data_center: _added, ...own }: Labels): string {
  return JSON.stringify(Object.entries(own).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
