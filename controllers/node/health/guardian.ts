import type { NodeServiceState } from '@skyarc/lib/contracts';
import { messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { run } from '@skyarc/lib/process';
import { sleep } from '@skyarc/lib/retry';
import type { ServiceConfig } from './config.ts';
import { probe } from './probe.ts';
import type { HealthRecord } from './record.ts';

/**
 * Looks after one service: asks it regularly, and after several failures in a row brings it back by its
 * restart command; each restart that did not help doubles the rest before the next one.
 */
export class Guardian {
  private readonly config: ServiceConfig;
  private readonly record: HealthRecord;
  private readonly log: Logger;
  private failures = 0;
  private restarts = 0;
  /** Restarts since it was last healthy. */
  private inVain = 0;
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
      const restMs = await this.look(signal);
      await sleep(restMs, signal).catch(() => undefined);
    }
  }

  /** Answers when to look again, in milliseconds. */
  private async look(signal: AbortSignal): Promise<number> {
    const { name, everyMs, failures, restart } = this.config;
    const problem = await probe(this.config);
    this.checkedAt = new Date();
    if (problem === undefined) {
      if (this.isUnhealthy) await this.tell('RECOVERED', 'It answers again');
      [this.failures, this.inVain, this.isUnhealthy, this.problem] = [0, 0, false, undefined];
      return everyMs;
    }
    this.failures += 1;
    this.problem = problem;
    if (this.failures < failures) return everyMs;
    if (!this.isUnhealthy) {
      this.isUnhealthy = true;
      this.log.warn({ service: name, problem }, 'a service is unhealthy');
      await this.tell('UNHEALTHY', problem);
    }
    return restart && !signal.aborted ? this.restart(restart, problem) : everyMs;
  }

  private async restart(how: NonNullable<ServiceConfig['restart']>, problem: string): Promise<number> {
    const [program = '', ...args] = how.command;
    this.inVain += 1;
    try {
      const { code, stderr } = await run(program, args, { timeoutMs: how.timeoutMs, keepBytes: 4_096 });
      if (code !== 0) throw new Error(`${program} ended with ${code}: ${stderr.trim().slice(-300)}`);
      this.restarts += 1;
      await this.tell('RESTARTED', problem);
    } catch (error) {
      await this.tell('RESTART_FAILED', messageOf(error));
    }
    return Math.min(how.maxRestMs, how.restMs * 2 ** Math.min(this.inVain - 1, 20));
  }

  private tell(what: 'UNHEALTHY' | 'RESTARTED' | 'RESTART_FAILED' | 'RECOVERED', why: string): Promise<void> {
    return this.record.add({ subject: this.config.name, what, why });
  }
}
