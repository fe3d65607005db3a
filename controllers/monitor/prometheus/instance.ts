import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Daemon } from '@skyarc/lib/process';
import type { MonitorSettings } from '../config.ts';
import { type Job, jobs, type Target } from '../targets/target.ts';
import { writeIfChanged } from './files.ts';
import { fileNames, renderTargets } from './render.ts';

const mebibyte = 2 ** 20;

/** One running Prometheus: a shard, or the evaluator. It outlives the monitor and is adopted by the next. */
export class PrometheusInstance {
  readonly name: string;
  readonly url: string;
  readonly daemon: Daemon;
  private readonly folder: string;

  constructor(config: MonitorSettings, { name, port }: { readonly name: string; readonly port: number }) {
    const { prometheus, host } = config;
    this.name = name;
    this.folder = join(config.dataDir, name);
    this.url = `http://${host}:${port}`;
    this.daemon = new Daemon({
      name,
      folder: this.folder,
      command: prometheus.command,
      args: [
        `--config.file=${join(this.folder, fileNames.config)}`,
        `--storage.tsdb.path=${join(this.folder, 'data')}`,
        `--storage.tsdb.retention.time=${prometheus.retentionDays}d`,
        `--storage.tsdb.retention.size=${prometheus.retentionMb}MB`,
        `--web.listen-address=${host}:${port}`,
        // How long an alert is lost when Alertmanager was away just then; alerts not sent for four times that are over.
        '--rules.alert.resend-delay=15s',
        '--query.timeout=30s',
        '--query.max-concurrency=8',
        '--query.max-samples=10000000',
        '--log.level=warn',
      ],
      // What runs on a small machine may take processor time for memory.
      env: { GOGC: '50', GOMEMLIMIT: String(prometheus.memoryMb * mebibyte) },
      ready: async () => (await fetch(`${this.url}/-/ready`, { signal: AbortSignal.timeout(1_000) })).ok,
      readyTimeoutMs: 60_000,
      followsArgs: true,
    });
  }

  /** Takes configuration and rules over, which must be right; one that runs reads them anew. */
  async configure(files: { readonly config: string; readonly rules?: string | undefined }): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const changes = [
      files.rules === undefined ? false : await this.write(fileNames.rules, files.rules),
      await this.write(fileNames.config, files.config),
    ];
    if (changes.includes(true)) await this.daemon.signal('SIGHUP');
  }

  /** Prometheus follows these files by itself. */
  async setTargets(targets: readonly Target[]): Promise<void> {
    await mkdir(join(this.folder, 'targets'), { recursive: true, mode: 0o700 });
    const ofJob = (job: Job, viaCluster: boolean) =>
      renderTargets(targets.filter((one) => one.job === job && one.viaCluster === viaCluster));
    for (const job of jobs) {
      for (const viaCluster of [false, true]) {
        await this.write(fileNames.targets(job, viaCluster), ofJob(job, viaCluster));
      }
    }
  }

  private write(name: string, content: string): Promise<boolean> {
    return writeIfChanged(join(this.folder, name), content);
  }
}
