import type { NodeServiceState } from '@skyarc/lib/contracts';
import { messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { sleep } from '@skyarc/lib/retry';
import type { ServiceConfig } from './config.ts';
import { type Finding, probe } from './probe.ts';
import type { HealthRecord } from './record.ts';
import { bringBack } from './restart.ts';

/**
 * Looks after one service: asks it regularly, and after several failures in a row brings it back as its
 * configuration says; each restart that did not help doubles the rest before the next one.
 */
export class Guardian {
  /** May become another one while it watches: that of a successor of the service. */
  config: ServiceConfig;
  private readonly record: HealthRecord;
  private readonly log: Logger;
  private failures = 0;
  private restarts = 0;
  /** Restarts since it was last healthy. */
  private inVain = 0;
  /** Until then it is not restarted again, in milliseconds of `performance.now()`. */
  private restsUntil = 0;
  private problem: string | undefined;
  private checkedAt = new Date(0);
  private isUnhealthy = false;

  constructor(config: ServiceConfig, record: HealthRecord, log: Logger) {
    this.config = config;
    this.record = record;
    this.log = log;
  }

  get state(): NodeServiceState {
    return {
      name: this.config.name,
      healthy: !this.isUnhealthy,
      message: this.isUnhealthy ? (this.problem ?? null) : null,
      checkedAt: this.checkedAt.toISOString(),
      restarts: this.restarts,
    };
  }

  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look(signal);
      await sleep(this.config.everyMs, signal).catch(() => undefined);
    }
  }

  private async look(signal: AbortSignal): Promise<void> {
    const { name, failures, restart } = this.config;
    const finding = await probe(this.config);
    this.checkedAt = new Date();
    if (!finding) {
      if (this.isUnhealthy) await this.tell('RECOVERED', 'It answers again');
      [this.failures, this.inVain, this.isUnhealthy, this.problem] = [0, 0, false, undefined];
      return;
    }
    const { problem } = finding;
    this.failures += 1;
    this.problem = problem;
    if (this.failures < failures) return;
    if (!this.isUnhealthy) {
      this.isUnhealthy = true;
      this.log.warn({ service: name, problem }, 'a service is unhealthy');
      await this.tell('UNHEALTHY', problem);
    }
    const mayRestart = performance.now() >= this.restsUntil && !signal.aborted;
    if (restart && mayRestart) await this.restart(restart, finding);
  }

  private async restart(how: NonNullable<ServiceConfig['restart']>, finding: Finding): Promise<void> {
    try {
      if (!(await bringBack(how, finding))) return;
      this.restarts += 1;
      await this.tell('RESTARTED', finding.problem);
    } catch (error) {
      await this.tell('RESTART_FAILED', messageOf(error));
    }
    this.restsUntil =
      performance.now() + Math.min(how.maxRestMs, how.restMs * 2 ** Math.min(this.inVain, 20));
    this.inVain += 1;
  }

  private tell(what: 'UNHEALTHY' | 'RESTARTED' | 'RESTART_FAILED' | 'RECOVERED', why: string): Promise<void> {
    return this.record.add({ subject: this.config.name, what, why });
  }
}
