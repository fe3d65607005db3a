import { messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { Daemon } from '@skyarc/lib/process';
import { backoffMs, sleep } from '@skyarc/lib/retry';
import type { HealthRecord } from '../health/record.ts';
import type { AgentConfig } from './config.ts';

/** The machine's figures for Prometheus: a daemon that outlives the agent and is adopted by the next one. */
export class Exporter {
  private readonly config: NonNullable<AgentConfig['exporter']>;
  private readonly record: HealthRecord;
  private readonly log: Logger;
  private readonly daemon: Daemon;
  /** Null until it answers. */
  url: string | null = null;

  constructor(
    config: NonNullable<AgentConfig['exporter']>,
    { folder, record, log }: { folder: string; record: HealthRecord; log: Logger },
  ) {
    this.config = config;
    this.record = record;
    this.log = log;
    this.daemon = new Daemon({
      name: 'node-exporter',
      folder,
      command: config.command,
      args: [`--web.listen-address=${config.host}:${config.port}`, '--web.disable-exporter-metrics'],
      followsArgs: true,
      ready: async () => (await fetch(this.address, { signal: AbortSignal.timeout(2_000) })).ok,
    });
  }

  private get address(): string {
    return `http://${this.config.host}:${this.config.port}/metrics`;
  }

  /** Never rejects: a machine without its exporter is still a machine. */
  async run(signal: AbortSignal): Promise<void> {
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        await this.daemon.ensure(signal);
        this.url = this.address;
        break;
      } catch (error) {
        if (signal.aborted) return;
        if (failures === 1) {
          this.log.warn({ reason: messageOf(error) }, 'there is no node-exporter');
          await this.record.add({ subject: 'node-exporter', what: 'RESTART_FAILED', why: messageOf(error) });
        }
        await sleep(backoffMs(failures, 1_000, 60_000), signal).catch(() => undefined);
      }
    }
    await this.daemon.keep(signal, (error) => {
      this.url = error ? null : this.address;
      const what = error ? 'RESTART_FAILED' : 'RESTARTED';
      const why = error ? messageOf(error) : 'It was gone';
      void this.record.add({ subject: 'node-exporter', what, why });
    });
  }
}
