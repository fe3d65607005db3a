import { join } from 'node:path';
import { messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { Daemon } from '@skyarc/lib/process';
import { backoffMs, sleep } from '@skyarc/lib/retry';
import type { HealthRecord } from '../health/record.ts';
import type { AgentConfig } from './config.ts';

type ExporterConfig = NonNullable<AgentConfig['exporter']>;

const collectors = 'textfile cpu meminfo loadavg filesystem diskstats netdev time timex filefd stat'.split(
  ' ',
);

/** What this machine has and uses, by node-exporter with the few collectors whose metrics are kept. */
export function exporterDaemonOf(
  { host, port, command, folder }: ExporterConfig,
  { dataDir }: { readonly dataDir: string },
): Daemon {
  const place = folder ?? join(dataDir, 'node-exporter');
  return new Daemon({
    name: 'node-exporter',
    folder: place,
    command,
    args: [
      `--web.listen-address=${host}:${port}`,
      '--web.disable-exporter-metrics',
      '--collector.disable-defaults',
      ...collectors.map((name) => `--collector.${name}`),
      // What the machine's own jobs leave there as `<name>.prom` is measured, too.
      `--collector.textfile.directory=${place}`,
      // Mounts and links of containers come and go; each would be a series for days.
      '--collector.filesystem.mount-points-exclude=^/(dev|proc|run|sys|snap)($|/)|^/(var/)?tmp/|/(containers|kubelet|cluster|chaos)/',
      '--collector.filesystem.fs-types-exclude=^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|squashfs|sysfs|tmpfs|tracefs)$',
      '--collector.netdev.device-exclude=^(lo|veth.*|cni.*|cali.*|flannel.*|docker.*|br-.*)$',
      '--log.level=warn',
    ],
    env: { GOGC: '50', GOMAXPROCS: '1' },
    followsArgs: true,
    ready: async () => (await fetch(`http://${host}:${port}/`, { signal: AbortSignal.timeout(1_000) })).ok,
  });
}

/** The machine's figures for Prometheus: a daemon that outlives the agent and is adopted by the next one. */
export class Exporter {
  private readonly record: HealthRecord;
  private readonly log: Logger;
  private readonly daemon: Daemon;
  private readonly address: string;
  /** Null until it answers. */
  url: string | null = null;

  constructor(
    config: ExporterConfig,
    { dataDir, record, log }: { dataDir: string; record: HealthRecord; log: Logger },
  ) {
    this.record = record;
    this.log = log;
    this.daemon = exporterDaemonOf(config, { dataDir });
    this.address = `http://${config.host}:${config.port}/metrics`;
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
